"""The writes of clients that a release makes, and what the realm's client policies would do at them.

Keycloak runs client policies at each write of a client, also at one that only removes a claim. Nothing restores what they
change, so it is shown before the first write.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from exchange.release.kinds import SETTINGS, claimed_kind
from kcadmin.marks.ownership import stack_of
from kcadmin.objects.claims import claim_key, claims
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
    leaving: dict[tuple[str, LeftoverKind], set[str]] = defaultdict(set)
    for each, to in (*((each, "") for each in going), *((each, by) for each in adopted)):
        if each.client in clients:
            values[each.client] |= _claim(each, to)
            leaving[each.client, each.what] |= set() if to else {each.owner}
    for (name, what), owners in leaving.items():
        values[name] |= _given_back(clients[name], what, owners)
    writes = [ClientWrite(clients[name], sent, accepted, only=COMMAND) for name, sent in sorted(values.items()) if sent]
    return judge_writes(realm, writes, WAYS)


def _claim(left: Leftover, to: str) -> dict[str, Any]:
    """The write of a thing's claim: it is removed, or passes on to another owner."""
    kind = claimed_kind(left)
    if kind is None:
        return {}
    gone = {ATTRIBUTE + claim_key(left.owner, kind): None}
    return {**gone, ATTRIBUTE + claim_key(to + left.owner[len(stack_of(left.owner)) :], kind): "claim"} if to else gone


def _given_back(client: Client, what: LeftoverKind, leaving: Collection[str]) -> dict[str, Any]:
    """What restores a setting when all its owners leave: the last one noted the value from before."""
    held = claims(client, SETTINGS[what]) if what in SETTINGS else []
    theirs = sorted((claim for claim in held if claim.owner in leaving), key=lambda claim: claim.owner)
    last = theirs[-1] if theirs and len(theirs) == len(held) else None
    return {field: last.was.get(field) for field in last.set} if last else {}
