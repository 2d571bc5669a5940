"""Removes what an owner left, as its own ``destroy`` would. Without a state, only marks and claims decide.

Each thing is read again before it is written, and only the mark or claim of that very owner counts. A setting that others claim
too stays on for them. Killed between any two requests, a next run finds the rest.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from exchange.release.crowds import HOLDS_POLICIES, UNREADABLE, Crowds
from exchange.release.giving_back import MAPPERS, give_back
from exchange.release.kinds import SETTINGS, holder_of
from kcadmin.authz import authorization_services, management_permissions, noted_strategy
from kcadmin.authz.exchange_permission import attached, leave_empty
from kcadmin.authz.policy_removal import delete_policy
from kcadmin.authz.policy_stores import store_of
from kcadmin.authz.scopes_and_permissions import AuthorizationScopes, ScopePermissions, scope_kind
from kcadmin.guards.claimed import TakenGuards, release_guards
from kcadmin.guards.entries import Guards
from kcadmin.marks.ownership import hash16, mark_of
from kcadmin.objects import recorded_events
from kcadmin.objects.claims import Kind, adopted_kind, claim_key, claim_of, claims
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer
from kcadmin.objects.setting_claims import assignment_kind
from kcadmin.objects.shared_settings import CLAIMED, Taken, drop_claim, drop_claims, release
from kcadmin.rest.errors import KeycloakError, Refusal, Unreachable
from kcadmin.rest.texts import named, quoted
from kcadmin.writes.watch import told_at_end
from reach.leftovers import Leftover, LeftoverKind
from reach.survey import Progress

NOTES = (LeftoverKind.ADOPTED, LeftoverKind.STRAY)
GUARDS = (LeftoverKind.GUARD, LeftoverKind.GUARD_MARK)
FAILED_BEFORE = "stays, since something that must go first could not be removed; run the same command again"
CLAIMS_NOTHING = Taken(CLAIMED, {})


class Stays(Exception):
    """A thing is released, and some of it stays for the reason in the text."""


class Unreadable(Stays):
    """A claim does not say what its setting was: the claim is removed, and the setting stays."""


@dataclass(frozen=True)
class Released:
    """The result for one thing. stays: why some of it stays although it was released. fault: why it could not be released."""

    left: Leftover
    stays: str = ""
    fault: str = ""


def release_all(realm: Realm, left: Iterable[Leftover], progress: Progress = lambda what: None) -> Iterator[Released]:
    """Removes things in the order of ``leftovers``. :raises Unreachable: the server is gone."""
    left = tuple(left)
    done: set[tuple[bool, str]] = set()
    failed = unclosed = False
    at_once = Crowds(realm, left)
    for each in left:
        held = (*GUARDS, LeftoverKind.ADOPTED) if failed else GUARDS if unclosed else ()
        if each.what in held:
            yield Released(each, fault=f"{each.about} in realm {named(realm.name)}: {FAILED_BEFORE}.")
            continue
        is_note = each.what in NOTES
        whole = (
            (is_note, each.client if is_note else each.owner) if is_note or each.what == LeftoverKind.GUARD else None
        )
        if whole in done:  # all of a client's notes, and all of an owner's guards, go at once
            yield Released(each)
            continue
        progress(each.about)
        try:
            with told_at_end():
                if (stays := at_once.dropped(each)) is not None:
                    if stays:
                        raise (Unreadable if stays == UNREADABLE else Stays)(stays)
                elif is_note:
                    notes = [note for note in left if note.what in NOTES and note.what not in held]
                    _notes(realm, each.client, [note for note in notes if note.client == each.client])
                else:
                    _WAYS[each.what](realm, each)
            done |= {whole} if whole else set()
        except Stays as kept:
            unclosed |= isinstance(kept, Unreadable) and each.what in (LeftoverKind.SWITCH, LeftoverKind.MANAGEMENT)
            yield Released(each, stays=str(kept))
        except Unreachable:
            raise
        except KeycloakError as problem:
            failed = True
            yield Released(each, fault=str(problem))
        else:
            yield Released(each)


def _permission(realm: Realm, left: Leftover) -> None:
    server, policy_id = policy_of(realm, left)
    if server and policy_id:
        store = ScopePermissions(server)
        if not (left.type == "scope" and give_back(realm, left, store, store.get(policy_id), server.client_uuid)):
            server.delete_policy(policy_id)


def _policy(realm: Realm, left: Leftover) -> None:
    server, policy_id = policy_of(realm, left)
    if server and policy_id:
        store = store_of(realm, server, left.type)
        if not give_back(realm, left, store, store.get(policy_id), server.client_uuid):
            delete_policy(realm, server, policy_id)


def policy_of(realm: Realm, left: Leftover) -> tuple[ResourceServer | None, str | None]:
    """The resource server and the id of a policy or permission that bears the owner's mark now."""
    client = holder_of(realm, left)
    server = realm.resource_server(client.uuid) if client else None
    found = server.policy_named(left.name) if server else None
    marks = (hash16(left.owner), left.owner)  # the hash itself, if the owner is not known
    return server, str(found["id"]) if found and mark_of(found) in marks else None


def _authorization_scope(realm: Realm, left: Leftover) -> None:
    client = holder_of(realm, left)
    if client is None:
        return
    kind = scope_kind(left.name)
    store = AuthorizationScopes(realm.resource_server(client.uuid), realm.clients, left.owner)
    if all(claim.owner == left.owner for claim in claims(client, kind)):
        for found in store.named(left.name):
            if not give_back(realm, left, store, found, client.uuid):
                store.delete(str(found.id))
    drop_claim(realm.clients, client.uuid, left.owner, kind)


def _mapper(realm: Realm, left: Leftover) -> None:
    client = holder_of(realm, left)
    if client is None:
        return
    store = MAPPERS[left.what](realm.clients, client.uuid)
    found = store.get(left.id)
    if found and found.owner == left.owner and not give_back(realm, left, store, found, client.uuid):
        store.delete(left.id)


def _scope(realm: Realm, left: Leftover) -> None:
    realm.client_scopes.forget()
    found = realm.client_scopes.get(left.id)
    if found is None or found.owner != left.owner:
        return
    holder = realm.clients.find(found.included_client) if found.included_client else None
    if not (holder and give_back(realm, left, realm.client_scopes, found, holder.uuid)):
        realm.client_scopes.delete(left.id)


def _assignment(realm: Realm, left: Leftover) -> None:
    client, kind = holder_of(realm, left), assignment_kind(left.name)
    if client is None:
        return
    held = realm.client_scopes.kind_of(client.uuid, left.name)
    scope = next(iter(realm.client_scopes.named(left.name)), None)
    if held and scope and all(claim.owner == left.owner for claim in claims(client, kind)):
        realm.client_scopes.unassign(client.uuid, str(scope.id), held)
    drop_claim(realm.clients, client.uuid, left.owner, kind)


def _setting(realm: Realm, left: Leftover) -> None:
    kind, client = SETTINGS[left.what], holder_of(realm, left)
    claim = claim_of(client, left.owner, kind)
    if client is None:
        return
    if claim is None:
        _drop_unreadable(realm, client, left.owner, kind)
        return
    services = left.what == LeftoverKind.SERVICES
    content = authorization_services.content(realm, client.uuid, client.client_id) if services else ""
    if content:
        drop_claim(realm.clients, client.uuid, left.owner, kind)
        raise Stays(f"left on, since switching them off would delete {content}")
    now = release(realm.clients, client.uuid, left.owner, kind, taken=CLAIMS_NOTHING, values=claim.set)
    if services:
        authorization_services.delete_by_products(realm, client.uuid, claim.was, used=False, revoked=False)
    others = sorted({each.owner for each in claims(now, kind)})
    if others:
        raise Stays(f"stays as it is for {quoted(others)}")


def _drop_unreadable(realm: Realm, client: Client, owner: str, kind: Kind) -> None:
    """:raises Unreadable: there was one; where it has gone meanwhile, nothing is left to do."""
    if claim_key(owner, kind) in client.attributes:
        drop_claim(realm.clients, client.uuid, owner, kind)
        raise Unreadable(UNREADABLE)


def _management(realm: Realm, left: Leftover) -> None:
    client = holder_of(realm, left)
    if client is None:
        return
    if claim_of(client, left.owner, management_permissions.KIND) is None:
        _drop_unreadable(realm, client, left.owner, management_permissions.KIND)
        return
    _, kept_by = management_permissions.release_management(realm, client.uuid, left.owner, CLAIMS_NOTHING, revoke=False)
    if kept_by:
        raise Stays(f"stay on, since they hold the policies {quoted(kept_by)}")


def _strategy(realm: Realm, left: Leftover) -> None:
    client = holder_of(realm, left)
    if client is None:
        return
    now = attached(realm, client.uuid)
    if now and now.policies:
        raise Stays(HOLDS_POLICIES)
    leave_empty(realm, client.uuid, now)
    drop_claim(realm.clients, client.uuid, left.owner, noted_strategy.STRATEGY)


def _guard(realm: Realm, left: Leftover) -> None:
    client = holder_of(realm, left) if left.what == LeftoverKind.GUARD_MARK else None
    if client or left.what == LeftoverKind.GUARD:
        release_guards(realm, TakenGuards(left.owner, Guards(), {left.client: client.uuid} if client else {}))


def _events(realm: Realm, left: Leftover) -> None:
    client = holder_of(realm, left)
    claim = recorded_events.read_recorded(realm).of(left.owner)
    if claim is None or client is None:
        if client:
            _drop_unreadable(realm, client, left.owner, recorded_events.KIND)
        return
    others = recorded_events.release_events(realm, left.owner, claim.set.get("expiration"), CLAIMS_NOTHING)
    if others:
        raise Stays(f"stay on for {quoted(others)}")


def _notes(realm: Realm, client_id: str, notes: Iterable[Leftover]) -> None:
    """By one write: notes of adopted objects that are gone or restored, and claims that mean nothing where they are."""
    keys = [
        claim_key(each.owner, adopted_kind(each.name) if each.what == LeftoverKind.ADOPTED else each.name)
        for each in notes
    ]
    client = realm.clients.find(client_id)
    if client and realm.clients.get(client.uuid, max_age=0):
        drop_claims(realm.clients, client.uuid, keys)


def _other(realm: Realm, left: Leftover) -> None:
    raise Refusal(
        f"{left.about} in realm {named(realm.name)}: stays, since this version does not know what it means; update this project."
    )


_WAYS: Mapping[LeftoverKind, Callable[[Realm, Leftover], None]] = {
    LeftoverKind.PERMISSION: _permission,
    LeftoverKind.POLICY: _policy,
    LeftoverKind.AUTHORIZATION_SCOPE: _authorization_scope,
    LeftoverKind.SERVICES: _setting,
    LeftoverKind.MANAGEMENT: _management,
    LeftoverKind.STRATEGY: _strategy,
    LeftoverKind.SWITCH: _setting,
    LeftoverKind.ASSIGNMENT: _assignment,
    LeftoverKind.SCOPE: _scope,
    **dict.fromkeys(MAPPERS, _mapper),
    LeftoverKind.LIFESPAN: _setting,
    LeftoverKind.REFRESH_TOKENS: _setting,
    LeftoverKind.FULL_SCOPE: _setting,
    LeftoverKind.GUARD: _guard,
    LeftoverKind.GUARD_MARK: _guard,
    LeftoverKind.EVENTS: _events,
    LeftoverKind.OTHER: _other,
}
