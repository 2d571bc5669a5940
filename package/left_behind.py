"""What a failed create left on the server under its own number, as in a state, so that Pulumi keeps it."""

from contextlib import suppress
from functools import singledispatch
from typing import Any

from kcadmin.guards.claimed import TakenGuards, claim_on
from kcadmin.guards.entries import Guards
from kcadmin.guards.marks import KIND as GUARDS
from kcadmin.objects.claims import Claim
from kcadmin.objects.realm import Realm
from kcadmin.objects.recorded_events import KIND as EVENTS
from kcadmin.objects.recorded_events import read_recorded
from kcadmin.objects.shared_settings import CLAIMED
from kcadmin.rest.errors import KeycloakError
from package.existing import Existing, Props
from providers.base.claimed import ClaimedProvider, setting_id
from providers.base.owned import CREATED, OwnedObjectProvider
from providers.base.provider import KeycloakProvider
from providers.base.stores import Found, id_of
from providers.base.uuids import require_uuids
from providers.client_scope_assignment import ClientScopeAssignmentProvider
from providers.exchange_events import ExchangeEventsProvider
from providers.exchange_guards import ExchangeGuardsProvider


def left_behind(provider: KeycloakProvider, props: Props) -> Existing:
    """The id and outputs of what a failed create left; None if nothing is left. props: with the number of the create."""
    with suppress(KeycloakError):
        realm, props = provider.realm(props), dict(props)
        identity = realm.identity()
        require_uuids(provider.CLIENTS, realm, props, provider.OBJECT)
        if left := _left(provider, realm, provider.parse(props)):
            there = {"issuer": identity.issuer, "management_uuid": identity.management_uuid}
            return left[0], {**props, **there, **left[1]}
    return None


@singledispatch
def _left(provider: KeycloakProvider, realm: Realm, props: Any) -> Existing:
    return None


@_left.register
def _object(provider: OwnedObjectProvider, realm: Realm, props: Any) -> Existing:  # type: ignore[type-arg]
    seen = provider.in_sight(realm, props)
    is_left = seen is not None and seen[1] is Found.OURS and seen[0].writer.number == props.number
    return (id_of(seen[0]), {"found": CREATED}) if seen and is_left else None


@_left.register
def _setting(provider: ClaimedProvider, realm: Realm, props: Any) -> Existing:
    at = setting_id(realm, props.client_uuid, provider.kind(props))
    return (at, {"found": CLAIMED}) if _is_own(provider.claim(realm, props).found(max_age=0), props) else None


@_left.register
def _assignment(provider: ClientScopeAssignmentProvider, realm: Realm, props: Any) -> Existing:
    scopes = realm.client_scopes.named(props.scope)
    if not scopes or not _is_own(provider.claim(realm, props).found(max_age=0), props):
        return None
    return f"{realm.name}/{props.client_uuid}/{scopes[0].id}", {"scope_id": str(scopes[0].id), "found": CREATED}


@_left.register
def _events(provider: ExchangeEventsProvider, realm: Realm, props: Any) -> Existing:
    mine = read_recorded(realm).of(props.owner)
    return (
        (f"{realm.name}/{EVENTS}", {"found": CLAIMED, "was": dict(mine.was)}) if mine and _is_own(mine, props) else None
    )


@_left.register
def _guards(provider: ExchangeGuardsProvider, realm: Realm, props: Any) -> Existing:
    guards = Guards.read(vars(props))
    clients = {name: realm.clients.find(name) for name in guards.marked}
    held = TakenGuards(props.owner, guards, {name: each.uuid for name, each in clients.items() if each})
    is_left = _is_own(claim_on(realm, held), props)
    return (f"{realm.name}/{GUARDS}", {"client_uuids": dict(held.uuids)}) if is_left else None


def _is_own(claim: Claim | None, props: Any) -> bool:
    return claim is not None and claim.writer.number == props.number
