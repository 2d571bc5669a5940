"""Takes, reads and releases one owner's guards: marks on requesters, and parts of the realm's client policies.

Taking writes marks first, so that no declared requester is refused meanwhile, then profiles, then the policies that use them.
Releasing works in the reverse order. A run may die between any two writes: the next one reads what exists and continues.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kcadmin.guards.client_policies import POLICIES, PROFILES, Change, Entry, entries, write_until_kept
from kcadmin.guards.entries import Guards, guard_drift, guard_parts, merged, pattern_conflicts
from kcadmin.guards.marks import (
    KIND,
    MARKED,
    computed_mark,
    is_borrowed,
    is_own,
    label_for,
    mark_for,
    marks_in,
    renewed,
)
from kcadmin.guards.parts import MARK, held_parts
from kcadmin.marks.ownership import NOBODY, Writer
from kcadmin.objects.bulk_reading import CLIENTS_READ
from kcadmin.objects.claims import Claim, claim_key, claim_of, claims
from kcadmin.objects.clients import ATTRIBUTE, RECENT_SECONDS, Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import drop_claim, require_client
from kcadmin.objects.writers import require_one_stack
from kcadmin.rest.errors import NotFound, Refusal, sentence
from kcadmin.rest.texts import named, shown

ROUNDS = 5


@dataclass(frozen=True)
class TakenGuards:
    """What an owner has taken. ``uuids``: of the marked requesters, by client id. ``writer``: who wrote its parts and claims."""

    owner: str
    guards: Guards
    uuids: Mapping[str, str]
    writer: Writer = NOBODY

    @classmethod
    def read(cls, owner: str, declared: Mapping[str, Any], uuids: Mapping[str, str], number: str) -> "TakenGuards":
        """From a resource. declared: see ``Guards.read``. number: the resource's, where that counts."""
        return cls(owner, Guards.read(declared), uuids, Writer("", number))


def take_guards(
    realm: Realm, owner: str, guards: Guards, before: TakenGuards | None = None, *, writer: Writer = NOBODY
) -> TakenGuards:
    """Makes the owner's guards as declared, and gives up what it held before.

    :raises Refusal: a client does not exist, another owner wants another pattern, another stack has this owner, the login may
        not, or marks do not stay.
    """
    held = TakenGuards(owner, guards, _uuids(realm, guards), writer)
    former = before.owner if before else owner
    for _ in range(ROUNDS):
        marks = _marks(realm, held)
        _take(realm, held, marks, before)
        if all(
            require_client(realm.clients.get(uuid, max_age=0), uuid).value(MARKED) == mark
            for uuid, mark in marks.items()
        ):
            break  # else another stack gave one of them another mark meanwhile; the next round takes the same one
    else:
        raise Refusal(
            f"exchange guards of realm {named(realm.name)}: {ROUNDS} writes of the marks of requesters did not stay; "
            "find who else writes these clients, and run again."
        )
    for uuid in before.uuids.values() if before else ():
        if uuid not in held.uuids.values():
            _unmark(realm, uuid, former)
        elif former != owner:
            drop_claim(realm.clients, uuid, former, KIND)
    return held


def claim_on(realm: Realm, held: TakenGuards) -> Claim | None:
    """The writer in an owner's parts and claims: one with another number if there is one, else any."""
    found = [
        Claim(held.owner, KIND, {}, {}, part.writer)
        for kind in (POLICIES, PROFILES)
        for entry in entries(realm, kind) or ()
        if (part := held_parts(entry).get(held.owner))
    ]
    clients = [realm.clients.get(uuid, max_age=0) for uuid in held.uuids.values()]
    found += [claim for client in clients if (claim := claim_of(client, held.owner, KIND))]
    others = (claim for claim in found if claim.writer.number not in ("", held.writer.number))
    return next(others, next(iter(found), None))


def require_one_owner(realm: Realm, owner: str, writer: Writer, now: Sequence[Entry] | None = None) -> None:
    """:raises Refusal: another stack has guards of this owner. now: the realm's client policies, where they were read."""
    for entry in entries(realm, POLICIES) or () if now is None else now:
        part = held_parts(entry).get(owner)
        what = f"guard {named(str(entry.get('name')))}"
        require_one_stack(realm.name, owner, what, part.writer if part else None, writer)


def release_guards(realm: Realm, held: TakenGuards) -> bool:
    """Removes the owner's parts and marks, and nothing else. Returns whether other owners declare some of it too."""
    ours = _names(realm, held)

    def without(kind: str) -> tuple[str, Change]:
        return kind, lambda now: merged(kind, now, {}, held.owner, leaving={held.owner}, ours=ours)

    write_until_kept(realm, without(POLICIES), without(PROFILES))
    for uuid in held.uuids.values():
        _unmark(realm, uuid, held.owner)
    return any(entry.get("name") in ours for entry in entries(realm, POLICIES) or ())


def changed_by_others(realm: Realm, held: TakenGuards) -> list[str] | None:
    """What somebody removed, disabled or changed, a sentence each without a mark; None when the realm is gone."""
    policies, profiles = entries(realm, POLICIES), entries(realm, PROFILES)
    if policies is None or profiles is None:
        return None
    clients = {name: realm.clients.get(uuid) for name, uuid in held.uuids.items()}
    marks = {name: _known_mark(realm, client, policies, held.uuids[name]) for name, client in clients.items()}
    mine = guard_parts(held.guards, marks, held.writer)
    found = [*guard_drift(PROFILES, profiles, mine, held.owner), *guard_drift(POLICIES, policies, mine, held.owner)]
    for name, client in clients.items():
        if client is None:
            found.append(f"client {named(name)} is gone")
        elif client.value(MARKED) == computed_mark(realm.management_uuid(), client.uuid):
            found.append(f"client {named(name)} has a mark of an earlier version, which others can compute")
        elif not is_own(client.value(MARKED), client.uuid):
            found.append(f"client {named(name)} has lost its mark '{MARK}'")
        elif (claim := claim_of(client, held.owner, KIND)) is None:
            found.append(f"client {named(name)} has lost the claim of {named(held.owner)} on its mark")
        elif held.writer.number and claim.writer.number not in ("", held.writer.number):
            found.append(f"client {named(name)} has the claim of another resource of this stack on its mark")
    return found


def borrowed_marks(realm: Realm, held: TakenGuards) -> list[str]:
    """Other clients with a mark that was not made for them, a sentence each; one request per 100 clients."""
    borrowers = (client.client_id for client in borrowing(realm) if client.uuid not in held.uuids.values())
    return [f"client {shown(name)} has a mark that was made for another client" for name in borrowers]


def borrowing(realm: Realm) -> Iterator[Client]:
    """Clients with a mark that was not made for them, among the first 2,000 of the realm; the realm's own client is left out."""
    seen, management = 0, realm.management_uuid()
    for page in realm.clients.pages():
        yield from (client for client in page if client.uuid != management and is_borrowed(client, management))
        seen += len(page)
        if seen >= CLIENTS_READ:
            return


def take_marks_back(realm: Realm) -> Iterator[str]:
    """Removes all of them. Gives a sentence for each."""
    for client in list(borrowing(realm)):
        take_mark_back(realm, client)
        yield (
            f"client {shown(client.client_id)} bore a mark that was made for another client, so its guards took one for the "
            "other; the mark is taken away. Find out who may change these clients"
        )


def take_mark_back(realm: Realm, client: Client) -> None:
    """Removes a mark that was not made for the client, and nothing else. If the client is gone, nothing is left to do."""
    with suppress(NotFound):
        realm.clients.change(client.uuid, {MARKED: None})


def _take(realm: Realm, held: TakenGuards, marks: Mapping[str, str], before: TakenGuards | None) -> None:
    """One round: attributes, profiles, policies. Policies that ask for a computed mark ask for both marks meanwhile."""
    former = before.owner if before else held.owner
    leaving, ours = {held.owner, former}, _names(realm, before) if before else set()
    mine = guard_parts(held.guards, {name: marks[uuid] for name, uuid in held.uuids.items()}, held.writer)
    new = {computed_mark(realm.management_uuid(), uuid): mark for uuid, mark in marks.items()}
    now = entries(realm, POLICIES) or []
    if before is None or former != held.owner:
        require_one_owner(realm, held.owner, held.writer, now)
    faults = [
        f"exchange guards of realm {named(realm.name)}: {conflict}."
        for conflict in pattern_conflicts(renewed(POLICIES, now, new, keep=False), mine, leaving)
    ]
    if faults:
        raise Refusal(*faults)

    def both(kind: str) -> tuple[str, Change]:
        return kind, lambda now: renewed(kind, now, new, keep=True)

    def more(now: Sequence[Entry]) -> list[Entry]:
        return merged(PROFILES, renewed(PROFILES, now, new, keep=True), mine, held.owner)

    def exactly(kind: str) -> tuple[str, Change]:
        def change(now: Sequence[Entry]) -> list[Entry]:
            return merged(kind, renewed(kind, now, new, keep=False), mine, held.owner, leaving=leaving, ours=ours)

        return kind, change

    if renewed(POLICIES, now, new, keep=True) != now:
        write_until_kept(realm, both(PROFILES), both(POLICIES))
    for uuid, mark in marks.items():
        _write_mark(realm, uuid, mark, held)
    write_until_kept(realm, (PROFILES, more), exactly(POLICIES), exactly(PROFILES))


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


def _names(realm: Realm, held: TakenGuards) -> set[str]:
    """Of the entries that hold an owner's parts, those of earlier versions too."""
    management, uuids = realm.management_uuid(), held.uuids.items()
    computed = {name: computed_mark(management, uuid) for name, uuid in uuids}
    return {
        *guard_parts(held.guards, computed),
        *guard_parts(held.guards, {name: label_for(uuid) for name, uuid in uuids}),
    }


def _marks(realm: Realm, held: TakenGuards) -> dict[str, str]:
    """By the client's UUID."""
    now = entries(realm, POLICIES) or []
    bearers = ((uuid, realm.clients.get(uuid, max_age=RECENT_SECONDS)) for uuid in held.uuids.values())
    return {uuid: mark_for(require_client(client, uuid), now) for uuid, client in bearers}


def _known_mark(realm: Realm, client: Client | None, policies: Sequence[Entry], uuid: str) -> str:
    """The mark for policies to ask for: the client's own, else the one that they ask for now, else one that no client has."""
    mark = str(client.value(MARKED)) if client else ""
    if is_own(mark, uuid) or mark == computed_mark(realm.management_uuid(), uuid):
        return mark
    return next(iter(marks_in(policies, uuid)), label_for(uuid))


def _write_mark(realm: Realm, uuid: str, mark: str, held: TakenGuards) -> None:
    """The mark, and the owner's claim on it. The claim holds no mark, so that it has no second place."""
    with realm.clients.lock(uuid):
        client, claim = realm.clients.get(uuid), Claim(held.owner, KIND, {}, {}, held.writer)
        if client and (client.value(MARKED) != mark or client.attributes.get(claim.key) != claim.text()):
            realm.clients.change(uuid, {MARKED: mark, ATTRIBUTE + claim.key: claim.text()})


def _unmark(realm: Realm, uuid: str, owner: str) -> None:
    """Drops the owner's claim. The last owner removes the mark. Two owners may release at once, and another may claim."""
    key = claim_key(owner, KIND)
    with realm.clients.lock(uuid):
        client = realm.clients.get(uuid, max_age=0)
        mark = client.value(MARKED) if client else None
        for _ in range(2):
            if client is None:
                return
            others = [claim for claim in claims(client, KIND) if claim.owner != owner]
            wanted = {MARKED: mark if others else None, ATTRIBUTE + key: None}
            change = {field: value for field, value in wanted.items() if client.value(field) != value}
            if not change:
                return
            realm.clients.change(uuid, change)
            client = realm.clients.get(uuid)  # read after the write
