"""Switches a realm's events on for owners who audit its exchanges; the last owner restores them.

An owner's claim is on a client of the realm, as all claims are, and not in the realm's own attributes. A PUT of the
realm with attributes deletes all others, so other writers would delete claims, and we would delete their attributes.
The claim is written before the setting and deleted after it, since a run may die between any two requests. Both
claiming and releasing read again afterwards, and correct what another owner undid. If several owners release at once,
each first notes that in its claim. So the last one knows it, and restores the former values while a claim still
contains them.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from kcadmin.marks.notes import HASH16, SECONDS
from kcadmin.marks.ownership import NOBODY, Writer, hash16
from kcadmin.marks.packed import as_int
from kcadmin.objects.claims import Claim, Kind, claims
from kcadmin.objects.clients import Client
from kcadmin.objects.events import EventsConfig, read_config, with_needed, write_config
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import CLAIMED, ROUNDS, USED, Taken, drop_claim, write_claim
from kcadmin.objects.writers import require_one_stack
from kcadmin.rest.errors import Forbidden, Refusal
from kcadmin.rest.texts import named

LEAVING = "leaving"
KIND = Kind(
    "exchange-events",
    {"expiration": SECONDS | None, LEAVING: Literal[True]},
    {
        "enabled": bool,
        "expiration": SECONDS,
        "added": tuple[Literal["TOKEN_EXCHANGE", "TOKEN_EXCHANGE_ERROR"], ...],
        "left": HASH16,
        "since": SECONDS,
    },
    ["enabled", "expiration"],
)
HOLDERS = ("account", "security-admin-console", "admin-cli")
"""Clients that Keycloak makes in each realm; the first one that exists has the claims."""


@dataclass(frozen=True)
class Recorded:
    """What a realm records, and who claims it."""

    config: EventsConfig
    claims: tuple[Claim, ...]

    def of(self, owner: str) -> Claim | None:
        """An owner's claim."""
        return next((claim for claim in self.claims if claim.owner == owner), None)

    def holds(self, owner: str) -> bool:
        """Whether an owner claims it. One whose release was killed does not any more."""
        mine = self.of(owner)
        return mine is not None and not mine.set.get(LEAVING)

    def but(self, *owners: str | None) -> tuple[Claim, ...]:
        """The claims of others."""
        return tuple(claim for claim in self.claims if claim.owner not in owners)

    def staying(self, *owners: str | None) -> tuple[Claim, ...]:
        """The claims of others who are not releasing now, and were not when their run was killed."""
        return tuple(claim for claim in self.but(*owners) if not claim.set.get(LEAVING))


def serves(config: EventsConfig, expiration: int | None) -> bool:
    """Whether exchanges are recorded, and kept for so many seconds at least."""
    return config.enabled and not config.lacking and keeps(config, expiration)


def keeps(config: EventsConfig, expiration: int | None) -> bool:
    """Whether events are kept for so many seconds at least, whether or not they are recorded."""
    return expiration is None or config.expiration == 0 or config.expiration >= expiration


def read_recorded(realm: Realm) -> Recorded:
    """What is recorded and who claims it, read as of one moment. :raises Refusal: the login may not see it."""
    config = read_config(realm)
    for _ in range(ROUNDS):
        bearer = holder(realm)
        found = tuple(claims(bearer, KIND))
        again = read_config(realm)
        if again == config:
            return Recorded(config, found)
        config = again
    raise Refusal(
        f"events of realm {named(realm.name)}: changed each time they were read; find who else writes them, and run again."
    )


def take_events(
    realm: Realm,
    owner: str,
    expiration: int | None,
    *,
    writer: Writer = NOBODY,
    remembered: Taken | None = None,
    former: str | None = None,
) -> Taken:
    """Switches the recording of exchanges on, under a claim.

    If they are recorded already, and kept long enough, nothing is written.
    :param expiration: seconds that events are kept at least; None leaves it to the realm. Never shortens what is set.
    :param writer: who claims it for the owner.
    :param remembered: the result of an earlier call, for a claim that somebody has removed.
    :param former: our own owner before it was renamed, whose claim is dropped next.
    :raises Refusal: the login may not, another stack has this owner, or what was written does not stay.
    """
    with realm.clients.lock(KIND.name):
        seen = read_recorded(realm)
        mine, others = seen.of(owner), seen.but(owner)
        if remembered is None or former != owner:
            what = f"events of realm {named(realm.name)}"
            require_one_stack(realm.name, owner, what, mine.writer if mine else None, writer)
        held = mine is not None or (remembered is not None and remembered.found == CLAIMED)
        if not held and not others and serves(seen.config, expiration):
            return Taken(USED, {})
        source = others[0] if others else mine or (remembered if held else None)
        was = _whole(source.was) if source else _note(seen.config)
        if remembered:  # the state is more reliable than a claim
            was |= {key: value for key, value in _whole(remembered.over({})).items() if key in KIND.needs}
        then = _on(seen.config, expiration)
        if _is_ours(seen.config, was, _wishes(seen.claims)):  # then a shorter expiration may shorten it again
            then = replace(then, expiration=_kept(was, (expiration, *_wishes(seen.staying(owner, former)))))
        if seen.config.lacking:
            was["added"] = sorted({*was.get("added", ()), *seen.config.lacking})
            was["left"] = _left(then)
        if not seen.config.enabled or seen.config.lacking:
            was["since"] = int(time.time())
        claim = Claim(owner, KIND, {"expiration": expiration}, was, writer)
        _write_claim(realm, claim)
        try:
            _write_until(realm, seen.config, then, expiration)
        except Refusal:
            if not held:
                drop_claim(realm.clients, holder(realm).uuid, owner, KIND)
            raise
        return Taken(CLAIMED, was)


def release_events(realm: Realm, owner: str, expiration: int | None, taken: Taken) -> tuple[str, ...]:
    """Releases an owner's part.

    The last owner restores the former values, except what others changed meanwhile.
    :param taken: the result of ``take_events``, for a claim that a killed run has dropped already.
    :returns: the owners who still claim it.
    """
    with realm.clients.lock(KIND.name):
        seen = read_recorded(realm)
        mine = seen.of(owner)
        if not mine and taken.found == USED:
            return tuple(claim.owner for claim in seen.claims)
        was = _whole(taken.over(mine.was if mine else {}))
        wishes = [*_wishes(seen.claims), expiration]
        if mine and seen.but(owner):
            _write_claim(realm, replace(mine, set={**mine.set, LEAVING: True}))
            seen = read_recorded(realm)
            wishes += _wishes(seen.claims)
        write_config(realm, seen.config, _restored(seen.config, was, wishes, seen.staying(owner)))
        drop_claim(realm.clients, holder(realm).uuid, owner, KIND)
        for _ in range(ROUNDS):  # others claim and release meanwhile: without a claim it is restored, with one it is on
            seen = read_recorded(realm)
            others = seen.staying(owner)
            wishes += _wishes(seen.claims)
            if not write_config(realm, seen.config, _restored(seen.config, was, wishes, others)):
                break
        return tuple(sorted({claim.owner for claim in others}))


def give_up_claim(realm: Realm, owner: str) -> None:
    """Drops the claim of an owner who now has another name."""
    drop_claim(realm.clients, holder(realm).uuid, owner, KIND)


def recorded_since(realm: Realm) -> float | None:
    """When a stack last switched recording on, in seconds since 1970; None if no claim shows it.

    Never later than now: others may have written the claim, with any number as time.
    """
    found = [claim.was.get("since") for claim in claims(holder(realm), KIND)]
    return max((min(float(each), time.time()) for each in found if isinstance(each, int | float)), default=None)


def _on(config: EventsConfig, expiration: int | None) -> EventsConfig:
    """The same, with exchanges recorded and kept so long at least."""
    for_ever = config.enabled and config.expiration == 0
    kept = 0 if for_ever else max(config.expiration, expiration or 0)
    return replace(with_needed(config), enabled=True, expiration=kept)


def _kept(was: Mapping[str, Any], wishes: Iterable[int | None]) -> int:
    """How long events are kept for these owners' wishes, in seconds: never shorter than before; 0 for ever."""
    found, wanted = int(was["expiration"]), [int(each) for each in wishes if each]
    if not wanted or (was["enabled"] and found == 0):
        return found
    return max(found, *wanted)


def _is_ours(config: EventsConfig, was: Mapping[str, Any], wishes: Iterable[int | None]) -> bool:
    """Whether owners with these wishes, some or all of them, set what is set now."""
    return config.expiration in [_kept(was, [wish]) for wish in wishes]


def _restored(
    now: EventsConfig, was: Mapping[str, Any], wishes: Iterable[int | None], others: tuple[Claim, ...]
) -> EventsConfig:
    """What is to be recorded for ``others`` only; without them, the former values. What somebody else changed stays.

    :param wishes: of all owners that were there.
    """
    rest = _wishes(others)
    if _is_ours(now, was, wishes):
        now = replace(now, expiration=_kept(was, rest))
    if others:
        for wish in rest:
            now = _on(now, wish)
        return now
    if was.get("added") and _left(now) == was.get("left"):
        now = replace(now, types=tuple(each for each in now.types if each not in was["added"]))
    return replace(now, enabled=now.enabled and bool(was["enabled"]))


def _note(config: EventsConfig) -> dict[str, Any]:
    return {"enabled": config.enabled, "expiration": config.expiration}


def _whole(was: Mapping[str, Any]) -> dict[str, Any]:
    return {key: as_int(value) for key, value in was.items()}


def _left(config: EventsConfig) -> str:
    """A hash in place of a list of types, which is too long for a claim."""
    return hash16(",".join(config.types))


def _wishes(held: Iterable[Claim]) -> list[int | None]:
    return [claim.set.get("expiration") for claim in held]


def _write_claim(realm: Realm, claim: Claim) -> None:
    try:
        write_claim(realm.clients, holder(realm).uuid, claim)
    except Forbidden:
        raise Refusal(
            f"events of realm {named(realm.name)}: Keycloak does not let this login note on a client that they are claimed "
            f"(403); give it the role manage-clients of the client {named(realm.management_client_id)}."
        ) from None


def _write_until(realm: Realm, now: EventsConfig, then: EventsConfig, expiration: int | None) -> None:
    for _ in range(ROUNDS):
        write_config(realm, now, then)
        now = read_config(realm)
        if serves(now, expiration):
            return
        then = _on(now, expiration)
    raise Refusal(
        f"events of realm {named(realm.name)}: {ROUNDS} writes did not stay; find who else writes them, and run again."
    )


def holder(realm: Realm) -> Client:
    """The client that bears the claims, as it is now."""
    for name in HOLDERS:
        try:
            known = realm.clients.find(name)
        except Forbidden:
            known = None
        client = realm.clients.get(known.uuid, max_age=0) if known else None
        if client:
            return client
    raise Refusal(
        f"events of realm {named(realm.name)}: none of the clients {', '.join(HOLDERS)} can be read, which store claims; "
        f"create one of them again, or give the login the role view-clients of the client {named(realm.management_client_id)}."
    )
