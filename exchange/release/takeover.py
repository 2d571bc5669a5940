"""Passes one owner's objects in a realm to another owner, in place: it rewrites marks and claims, and nothing else.

So no exchange is refused meanwhile. Killed between any two requests, a next run finds what still is the first owner's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exchange.release.crowds import UNREADABLE
from exchange.release.giving_back import MAPPERS, untrue
from exchange.release.kinds import KINDS, NAMED_KINDS, holder_of
from exchange.release.removal import Released, policy_of
from kcadmin.authz.policy_stores import store_of
from kcadmin.authz.scopes_and_permissions import AuthorizationScopes, ScopePermissions
from kcadmin.guards.client_policies import POLICIES, PROFILES, Change, Entry, write_until_kept
from kcadmin.guards.marks import MARKED, is_own, new_mark, renewed
from kcadmin.guards.parts import guard_description, held_parts
from kcadmin.marks.ownership import NOBODY, owned_name, stack_of
from kcadmin.objects.claims import Claim, adopted_kind, adopted_note, claim_key, claim_of, may_be_true
from kcadmin.objects.clients import ATTRIBUTE, Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import drop_claims, write_claim
from kcadmin.rest.errors import KeycloakError, Refusal, Unreachable
from kcadmin.rest.texts import named
from kcadmin.writes.watch import told_at_end
from reach.leftovers import Leftover, LeftoverKind
from reach.survey import Progress

GUARDS = (LeftoverKind.GUARD, LeftoverKind.GUARD_MARK)


def take_over(
    realm: Realm,
    left: Sequence[Leftover],
    owner: str,
    progress: Progress = lambda what: None,
    titles: Mapping[Leftover, str] = {},
) -> Iterator[Released]:
    """Passes things to an owner, each with its grant. titles: the full texts of policies' names, without the owner's hash.

    :raises Unreachable: the server is gone.
    """
    guards = [each for each in left if each.what in GUARDS]
    for each in (*(each for each in left if each.what not in GUARDS), *guards):
        progress(each.about)
        to = owner + each.owner[len(stack_of(each.owner)) :]
        try:
            with told_at_end():
                if guards and each is guards[0]:
                    _renew_marks(realm, guards)
                if each.what in (LeftoverKind.POLICY, LeftoverKind.PERMISSION):
                    stays = _policy(realm, each, to, titles.get(each) or each.name.rpartition(" [")[0])
                else:
                    stays = _WAYS.get(each.what, _claim)(realm, each, to)
        except Unreachable:
            raise
        except KeycloakError as problem:
            yield Released(each, fault=str(problem))
        else:
            yield Released(each, stays=stays or "")


def _claim(realm: Realm, left: Leftover, to: str) -> str | None:
    """Passes on only what a claim of its kind may contain; the rest is removed, as at release."""
    client = holder_of(realm, left)
    kind = KINDS[left.what] if left.what in KINDS else NAMED_KINDS[left.what](left.name)
    if client is None or claim_key(left.owner, kind) not in client.attributes:
        return None
    claim = claim_of(client, left.owner, kind)
    new = claim and replace(claim, owner=to, writer=NOBODY)
    kept = {ATTRIBUTE + new.key: new.text()} if new and not claim_of(client, to, kind) else {}
    realm.clients.change(client.uuid, {**kept, ATTRIBUTE + claim_key(left.owner, kind): None})
    return None if claim else UNREADABLE


def _noted(
    realm: Realm, left: Leftover, found: Any, holder: Client | None, to: str, write: Callable[[], Any]
) -> str | None:
    """Writes an object's mark. First the note of what it was before adoption passes to the new owner, by the object's id.

    :returns: why there is no such note, where one cannot be true.
    """
    client = realm.clients.get(holder.uuid, max_age=0) if holder else None
    note = adopted_note(client, left.owner, str(found.id), found.name, type(found))
    if note is None or client is None:
        write()
        return None
    if not may_be_true(found, note.was):
        write()
        drop_claims(realm.clients, client.uuid, [note.key])
        return f"{untrue(note, client)}, so that note is removed"
    write_claim(realm.clients, client.uuid, Claim(to, adopted_kind(str(found.id), type(found)), {}, note.was))
    write()
    drop_claims(realm.clients, client.uuid, [note.key])
    return None


def _mapper(realm: Realm, left: Leftover, to: str) -> str | None:
    client = holder_of(realm, left)
    store = MAPPERS[left.what](realm.clients, client.uuid) if client else None
    found = store.get(left.id) if store else None
    if store and found and found.owner == left.owner:
        theirs = replace(found, owner=to, writer=NOBODY, stored=())
        return _noted(realm, left, found, client, to, lambda: store.update(left.id, theirs))
    return None


def _scope(realm: Realm, left: Leftover, to: str) -> str | None:
    """Its name stays, since callers ask for it."""
    realm.client_scopes.forget()
    found = realm.client_scopes.get(left.id)
    if found and found.owner == left.owner:
        holder = realm.clients.find(found.included_client) if found.included_client else None
        theirs = replace(found, owner=to, writer=NOBODY, stored=())
        return _noted(realm, left, found, holder, to, lambda: realm.client_scopes.update(left.id, theirs))
    return None


def _policy(realm: Realm, left: Leftover, to: str, title: str) -> str | None:
    """A name with its owner's hash gets the new owner's hash; any other name stays. title: the rest of the name."""
    server, policy_id = policy_of(realm, left)
    if server is None or policy_id is None:
        return None
    name = owned_name(title, to) if owned_name(title, left.owner) == left.name else left.name
    store = ScopePermissions(server) if left.what == LeftoverKind.PERMISSION else store_of(realm, server, left.type)
    found = store.get(policy_id)
    if found:
        theirs = replace(found, name=name, owner=to, writer=NOBODY)
        return _noted(realm, left, found, holder_of(realm, left), to, lambda: store.update(policy_id, theirs))
    return None


def _authorization_scope(realm: Realm, left: Leftover, to: str) -> str | None:
    client = holder_of(realm, left)
    told: str | None = None
    if client:
        store = AuthorizationScopes(realm.resource_server(client.uuid), realm.clients, left.owner)
        for found in store.named(left.name):
            _noted(realm, left, found, client, to, lambda: None)
        told = _claim(realm, left, to)
    return told


def _guard(realm: Realm, left: Leftover, to: str) -> None:
    def handed(entry: Entry) -> Entry:
        held = held_parts(entry)
        if left.owner not in held:
            return entry
        others = {owner: part for owner, part in held.items() if owner != left.owner}
        return {**entry, "description": guard_description({to: replace(held[left.owner], writer=NOBODY), **others})}

    def change(now: Sequence[Entry]) -> list[Entry]:
        return [handed(entry) for entry in now]

    write_until_kept(realm, (PROFILES, change), (POLICIES, change))


def _renew_marks(realm: Realm, guards: Iterable[Leftover]) -> None:
    """In a copied realm clients have other UUIDs, so their marks count as borrowed. Each client gets a mark of its own.
    Meanwhile policies accept both marks, so that no requester is refused."""
    borrowers: dict[str, Client] = {}
    for each in guards:
        client = holder_of(realm, each) if each.what == LeftoverKind.GUARD_MARK else None
        mark = str(client.value(MARKED) or "") if client else ""
        if client and mark and not is_own(mark, client.uuid):
            if mark in borrowers:
                raise _one_of_two(realm, client)
            borrowers[mark] = client
    for made_for in (each for page in realm.clients.pages() for each in page) if borrowers else ():
        for mark, client in borrowers.items():
            if is_own(mark, made_for.uuid):
                raise _one_of_two(realm, client)
    marks = {mark: new_mark(client.uuid) for mark, client in borrowers.items()}
    if not marks:
        return

    def asking(kind: str, *, keep: bool) -> tuple[str, Change]:
        return kind, lambda now: renewed(kind, now, marks, keep=keep)

    write_until_kept(realm, asking(PROFILES, keep=True), asking(POLICIES, keep=True))
    for old, client in borrowers.items():
        realm.clients.change(client.uuid, {MARKED: marks[old]})
    write_until_kept(realm, asking(POLICIES, keep=False), asking(PROFILES, keep=False))


def _one_of_two(realm: Realm, client: Client) -> Refusal:
    return Refusal(
        f"client {named(client.client_id)} in realm {named(realm.name)}: bears the same mark as another one, so nothing tells "
        "for which one the guards were made; release the guards instead, without --adopt."
    )


_WAYS: Mapping[LeftoverKind, Callable[[Realm, Leftover, str], str | None]] = {
    **dict.fromkeys(MAPPERS, _mapper),
    LeftoverKind.SCOPE: _scope,
    LeftoverKind.AUTHORIZATION_SCOPE: _authorization_scope,
    LeftoverKind.GUARD: _guard,
}
