"""Settings of a client that several owners may want: each owner claims them, and the last one restores them.

A claim is a client attribute in the same partial PUT as the setting, so a process may die between any two requests. Two
processes may write at once, so both claiming and releasing read again, and correct what the other undid.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kcadmin.marks.ownership import NOBODY, Writer
from kcadmin.marks.whose import owner_remedy
from kcadmin.objects.claims import Claim, Kind, claim_key, claims
from kcadmin.objects.clients import ATTRIBUTE, RECENT_SECONDS, Client, Clients
from kcadmin.objects.writers import require_one_stack
from kcadmin.rest.errors import NotFound, Refusal, sentence
from kcadmin.rest.texts import named, shown
from kcadmin.rest.waiting import read_again
from kcadmin.writes.votes import is_true

ROUNDS = 5
REFRESH_TOKENS = "attributes.use.refresh.tokens"
_ON = {REFRESH_TOKENS: (None, "", "true")}  # settings that are on if the client does not have them
_OFF = (None, "", False, "false", "NO")
USED, CLAIMED = "used", "claimed"


@dataclass(frozen=True)
class Taken:
    """How a setting got its declared value: ``used`` as it was, without a write, or ``claimed``; and its former value ``was``."""

    found: str
    was: Mapping[str, Any]

    def over(self, noted: Mapping[str, Any]) -> dict[str, Any]:
        """The former values from the stack's state; from a claim only those that the state lacks."""
        return {**noted, **({} if self.found == USED else self.was)}


def is_something(value: Any) -> bool:
    """Whether a setting with this value is on, or set; but for refresh tokens, which are on where nothing is set."""
    return value not in _OFF


def gives_refresh_tokens(client: Client) -> bool:
    """Whether a client gives refresh tokens to its users: unless its setting says otherwise, as Keycloak reads it."""
    said = client.value(REFRESH_TOKENS)
    return said is None or is_true(said)


def take(
    clients: Clients,
    uuid: str,
    owner: str,
    kind: Kind,
    wanted: Mapping[str, Any],
    *,
    writer: Writer = NOBODY,
    always: bool = False,
    note: Callable[[Client], Mapping[str, Any]] = lambda client: {},
    remembered: Taken | None = None,
    former: str | None = None,
) -> Taken:
    """Sets the declared values under a claim. An unmanaged setting that is already as declared is used and not claimed.

    :param writer: who claims it for the owner.
    :param always: a setting that is already as declared is claimed, too, since it is removed at the end.
    :param note: what else to note in ``was`` for a client that nobody has claimed yet.
    :param former: our own owner before it was renamed, whose claim is dropped next.
    :param remembered: the result of an earlier ``take``, for a claim that somebody has removed.
    :raises Refusal: another owner claims other values, another stack has this owner, or the values do not stay.
    """
    with clients.lock(uuid):
        ours = remembered is not None and remembered.found == CLAIMED
        client = require_client(clients.get(uuid, max_age=RECENT_SECONDS), uuid)
        if not ours and not always and _is_anybodys(client, kind, wanted):
            # if two release at once, both have dropped their claims before the later one restores
            client = require_client(read_again(lambda: clients.get(uuid, max_age=0)), uuid)
            if _is_anybodys(client, kind, wanted):
                return Taken(USED, {})
        mine, others = _split(client, owner, kind)
        if remembered is None or former != owner:
            what = f"{kind} of client {named(client.client_id)}"
            require_one_stack(client.realm, owner, what, mine.writer if mine else None, writer)
        _refuse_conflicts(client, [claim for claim in others if claim.owner != former], wanted)
        differing = _differing(client, wanted)
        noted = mine or next(iter(others), None)
        was = dict(noted.was) if noted else {} if ours else dict(note(client))
        was = remembered.over(was) if remembered else was
        for field in wanted:
            was.setdefault(field, client.value(field))
        claim = Claim(owner, kind, dict(wanted), kind.fitting(was), writer)
        if differing or client.attributes.get(claim.key) != claim.text():
            _write_until(clients, uuid, {**wanted, ATTRIBUTE + claim.key: claim.text()})
        return Taken(CLAIMED, was)


def is_written(client: Client, owner: str, kind: Kind, wanted: Mapping[str, Any], *, always: bool = False) -> bool:
    """Whether ``take`` would write a client in this state."""
    if not always and _is_anybodys(client, kind, wanted):
        return False
    mine, _ = _split(client, owner, kind)
    return mine is None or dict(mine.set) != dict(wanted) or bool(_differing(client, wanted))


def release(
    clients: Clients,
    uuid: str,
    owner: str,
    kind: Kind,
    *,
    taken: Taken,
    values: Mapping[str, Any],
    off: Mapping[str, Any] | None = None,
    max_age: float = 0,
) -> Client | None:
    """Drops our claim.

    The last owner restores the former values, or writes ``off``. What others changed meanwhile stays.
    :param taken: the result of ``take``, for a claim that a killed run has dropped already.
    :param max_age: of the read before the write, in seconds.
    :param values: the values that we had set.
    :returns: the client as it is afterwards; None when it is gone.
    """
    with clients.lock(uuid):
        client = clients.get(uuid, max_age=max_age)
        if client is None:
            return None
        mine, others = _split(client, owner, kind)
        if not mine and taken.found == USED and off is None:
            return client
        restored = dict(off) if off is not None else taken.over(mine.was if mine else {})
        back = {
            field: restored.get(field)
            for field, value in values.items()
            if not others and _same(field, client.value(field), value) and client.value(field) != restored.get(field)
        }
        key = claim_key(owner, kind)
        drop = {ATTRIBUTE + key: None} if key in client.attributes else {}
        if back or drop:
            try:
                clients.change(uuid, {**back, **drop})
            except NotFound:  # the client was deleted since it was read
                return None
            _mend_after_leaving(clients, uuid, kind, values, restored, back)
        return clients.get(uuid)


def held_by_others(client: Client, owner: str, kind: Kind) -> list[Claim]:
    """The claims of other owners on a setting."""
    return _split(client, owner, kind)[1]


def write_claim(clients: Clients, uuid: str, claim: Claim) -> None:
    """Writes only a claim, for an object that cannot have a mark; before the object is made."""
    client = require_client(clients.get(uuid), uuid)
    if client.attributes.get(claim.key) != claim.text():
        clients.change(uuid, {ATTRIBUTE + claim.key: claim.text()})


def drop_claim(clients: Clients, uuid: str, owner: str, kind: Kind) -> None:
    """Removes a claim. If it or its client is gone, nothing is left to do."""
    drop_claims(clients, uuid, [claim_key(owner, kind)])


def drop_claims(clients: Clients, uuid: str, keys: Iterable[str]) -> None:
    """The same for the claims in several attributes, by one write."""
    client = clients.get(uuid)
    there = [key for key in keys if client and key in client.attributes]
    if there:
        with suppress(NotFound):  # the client was deleted since it was read
            clients.change(uuid, {ATTRIBUTE + key: None for key in there})


def _mend_after_leaving(
    clients: Clients,
    uuid: str,
    kind: Kind,
    values: Mapping[str, Any],
    restored: Mapping[str, Any],
    back: Mapping[str, Any],
) -> None:
    """If another owner claimed the setting while it was restored, its claimed value is written again."""
    client = clients.get(uuid)  # read after the write
    if client is None:
        return
    left = claims(client, kind)
    if left:
        theirs = {field: left[0].set[field] for field in back if field in left[0].set}
        change = _differing(client, theirs)
    else:  # two released at once and saw each other's claim: the later one restores
        change = {
            field: restored.get(field)
            for field, value in values.items()
            if _same(field, client.value(field), value) and client.value(field) != restored.get(field)
        }
    if change:
        clients.change(uuid, change)


def _is_anybodys(client: Client, kind: Kind, wanted: Mapping[str, Any]) -> bool:
    """Whether a setting is as declared and nobody has claimed it."""
    return not claims(client, kind) and not _differing(client, wanted)


def _differing(client: Client, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in wanted.items() if not _same(field, client.value(field), value)}


def _write_until(clients: Clients, uuid: str, values: Mapping[str, Any]) -> None:
    for _ in range(ROUNDS):
        clients.change(uuid, values)  # and reads it again
        client = require_client(clients.get(uuid), uuid)
        if all(_same(field, client.value(field), value) for field, value in values.items()):
            return
    raise Refusal(
        f"client {named(client.client_id)}: {ROUNDS} writes of {_names(values)} did not stay; "
        "find who else writes this client, and run again."
    )


def _same(field: str, now: Any, wanted: Any) -> bool:
    """Whether two values mean the same to Keycloak, where absent, ``false`` and ``NO`` all mean off, but for some settings."""
    alike = _ON.get(field, _OFF)
    return bool(now == wanted or (now in alike and wanted in alike))


def _split(client: Client, owner: str, kind: Kind) -> tuple[Claim | None, list[Claim]]:
    found = claims(client, kind)
    mine = next((claim for claim in found if claim.owner == owner), None)
    return mine, [claim for claim in found if claim.owner != owner]


def _refuse_conflicts(client: Client, others: list[Claim], wanted: Mapping[str, Any]) -> None:
    for claim in others:
        for field, value in wanted.items():
            if field in claim.set and not _same(field, claim.set[field], value):
                wrong = (
                    f"{field.removeprefix(ATTRIBUTE)} is claimed as {shown(claim.set[field])} by {shown(claim.owner)}, "
                    f"wanted is {shown(value)}"
                )
                do = f"agree on one value; {owner_remedy(claim.owner, client.realm)}"
                raise Refusal(sentence("client", client.client_id, client.realm, wrong, do))


def require_client(client: Client | None, uuid: str) -> Client:
    """:raises Refusal: the client is gone."""
    if client is None:
        raise Refusal(f"client with UUID {named(uuid)}: is gone; run `pulumi refresh`, then `pulumi up`.")
    return client


def _names(values: Mapping[str, Any]) -> str:
    return ", ".join(field.removeprefix(ATTRIBUTE) for field in values if not field.startswith(f"{ATTRIBUTE}pulumi."))
