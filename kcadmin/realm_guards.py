"""One owner's guards taken, looked at and given up again: marks on requesters, and parts of the realm's client policies.

At take the marks come first, so that no declared requester is refused on the way, then profiles, then the policies that name
them; at release the other way round. A run may die between any two writes: the next one finds what is there and goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kcadmin.client_policies import POLICIES, PROFILES, Change, entries, settle
from kcadmin.clients import ATTRIBUTE
from kcadmin.errors import Refusal, sentence
from kcadmin.guards import MARK, Guards, Part, conflicts, drift, mark_of, merged, parts
from kcadmin.ownership import claim_key
from kcadmin.realm import Realm
from kcadmin.shared_settings import CLAIMED, Taken, drop_claim, release, take

KIND = "exchange-guards"
MARKED = ATTRIBUTE + MARK


@dataclass(frozen=True)
class Held:
    """What an owner has taken. ``uuids``: of the marked requesters, by client id."""

    owner: str
    guards: Guards
    uuids: Mapping[str, str]


def take_guards(realm: Realm, owner: str, guards: Guards, before: Held | None = None) -> Held:
    """Makes the owner's guards as declared, and gives up what it held before.

    :raises Refusal: a client does not exist, another owner wants another pattern, or the login may not.
    """
    held = Held(owner, guards, _uuids(realm, guards))
    mine, ours = _parts(realm, held), _parts(realm, before) if before else {}
    former = before.owner if before else owner
    leaving = {owner, former}
    faults = [
        f"exchange guards of realm '{realm.name}': {conflict}."
        for conflict in conflicts(entries(realm, POLICIES) or (), mine, leaving)
    ]
    if faults:
        raise Refusal(*faults)
    for uuid in held.uuids.values():
        taken = Taken(CLAIMED, {MARKED: None})
        take(realm.clients, uuid, owner, KIND, _mark(realm, uuid), remembered=taken, former=former)

    def exactly(kind: str) -> tuple[str, Change]:
        return kind, lambda now: merged(kind, now, mine, owner, leaving=leaving, ours=ours)

    more = PROFILES, lambda now: merged(PROFILES, now, mine, owner)
    settle(realm, more, exactly(POLICIES), exactly(PROFILES))
    for uuid in before.uuids.values() if before else ():
        if uuid not in held.uuids.values():
            _unmark(realm, uuid, former)
        elif former != owner:
            drop_claim(realm.clients, uuid, former, KIND)
    return held


def release_guards(realm: Realm, held: Held) -> bool:
    """Takes out the owner's parts and marks, and nothing else; whether other owners declare some of it too."""
    mine = _parts(realm, held)

    def without(kind: str) -> tuple[str, Change]:
        return kind, lambda now: merged(kind, now, {}, held.owner, leaving={held.owner}, ours=mine)

    settle(realm, without(POLICIES), without(PROFILES))
    for uuid in held.uuids.values():
        _unmark(realm, uuid, held.owner)
    return any(entry.get("name") in mine for entry in entries(realm, POLICIES) or ())


def changed_by_others(realm: Realm, held: Held) -> list[str] | None:
    """What somebody removed, disabled or changed, a sentence each; None when the realm is gone."""
    mine = _parts(realm, held)
    found: list[str] = []
    for kind in (PROFILES, POLICIES):
        now = entries(realm, kind)
        if now is None:
            return None
        found += drift(kind, now, mine, held.owner)
    for name, uuid in held.uuids.items():
        client = realm.clients.get(uuid)
        if client is None:
            found.append(f"client '{name}' is gone")
        elif client.value(MARKED) != _mark(realm, uuid)[MARKED]:
            found.append(f"client '{name}' has lost its mark '{MARK}'")
        elif claim_key(held.owner, KIND) not in client.attributes:
            found.append(f"client '{name}' has lost the claim of '{held.owner}' on its mark")
    return found


def _uuids(realm: Realm, guards: Guards) -> dict[str, str]:
    found = {name: realm.clients.find(name) for name in guards.clients}
    remedy = "create it, or correct its name in the exchange guards"
    missing = [
        sentence("client", name, realm.name, "does not exist", remedy) for name, client in found.items() if not client
    ]
    asked = sorted({scope for scopes in guards.scopes.values() for scope in scopes})
    missing += [  # Keycloak takes no policy on one
        sentence("client scope", name, realm.name, "does not exist", remedy)
        for name in asked
        if not realm.client_scopes.named(name)
    ]
    if missing:
        raise Refusal(*missing)
    return {name: client.uuid for name, client in found.items() if client and name in guards.marked}


def _parts(realm: Realm, held: Held) -> dict[str, Part]:
    return parts(held.guards, {name: mark_of(realm.management_uuid(), uuid) for name, uuid in held.uuids.items()})


def _mark(realm: Realm, uuid: str) -> dict[str, str]:
    return {MARKED: mark_of(realm.management_uuid(), uuid)}


def _unmark(realm: Realm, uuid: str, owner: str) -> None:
    taken = Taken(CLAIMED, {MARKED: None})
    release(realm.clients, uuid, owner, KIND, taken=taken, values=_mark(realm, uuid))
