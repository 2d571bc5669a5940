"""The writes of clients that a release makes, and what the realm's client policies would do at them.

Keycloak runs client policies at each write of a client, also at one that only removes a claim. Nothing gives back what they
change, so it is shown before the first write.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from exchange.release.removal import SETTINGS
from exchange.release.takeover import KINDS, NAMED_KINDS
from kcadmin.marks.ownership import stack_of
from kcadmin.objects.claims import Kind, adopted_kind, claim_key, claim_of, claims
from kcadmin.objects.clients import ATTRIBUTE, Client
from kcadmin.objects.realm import Realm
from reach.judged_writes import CONFORM, EXEMPT, ClientWrite, PolicyChanges, judge_writes
from reach.leftovers import Leftover, LeftoverKind

COMMAND = "`python -m exchange release`"
WAYS = f"{EXEMPT}, or {CONFORM}", "--accept-policy-changes '{fields}'"


def release_changes(
    realm: Realm,
    clients: Mapping[str, Client],
    going: Iterable[Leftover],
    adopted: Iterable[Leftover],
    by: str,
    accepted: Collection[str] = (),
) -> PolicyChanges:
    """What client policies do when the clients of these things are written.

    :param clients: by client id, as they are. by: the owner of what is ``adopted`` from then on.
    :param accepted: fields that may change, attributes without ``attributes.``.
    """
    values: dict[str, dict[str, Any]] = defaultdict(dict)
    for each, to in (*((each, "") for each in going), *((each, by) for each in adopted)):
        if each.client in clients:
            values[each.client] |= _values(clients[each.client], each, to)
    writes = [ClientWrite(clients[name], sent, accepted, only=COMMAND) for name, sent in sorted(values.items()) if sent]
    return judge_writes(realm, writes, WAYS)


def _values(client: Client, left: Leftover, to: str) -> dict[str, Any]:
    """What is written on the client of a thing: its claim goes, or is another owner's, and the last one gives back a setting."""
    kind = _kind(left)
    if kind is None:
        return {}
    gone = {ATTRIBUTE + claim_key(left.owner, kind): None}
    if to:
        return {**gone, ATTRIBUTE + claim_key(to + left.owner[len(stack_of(left.owner)) :], kind): "claim"}
    claim = claim_of(client, left.owner, kind) if isinstance(kind, Kind) and left.what in SETTINGS else None
    is_last = claim is not None and len(claims(client, claim.kind)) == 1
    return {**gone, **({field: claim.was.get(field) for field in claim.set} if claim and is_last else {})}


def _kind(left: Leftover) -> Kind | str | None:
    """Of the claim that a thing is on its client; None where it is none."""
    if left.what in NAMED_KINDS:
        return NAMED_KINDS[left.what](left.name)
    if left.what == LeftoverKind.ADOPTED:
        return adopted_kind(left.name)
    return left.name if left.what == LeftoverKind.STRAY else KINDS.get(left.what)
