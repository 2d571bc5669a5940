"""Which claim on its client a thing of an owner is."""

from collections.abc import Callable, Mapping

from kcadmin.authz import authorization_services, management_permissions, noted_strategy
from kcadmin.authz.scopes_and_permissions import scope_kind
from kcadmin.guards.marks import KIND as GUARD_MARK
from kcadmin.objects import recorded_events
from kcadmin.objects.claims import Kind, adopted_kind
from kcadmin.objects.clients import Client
from kcadmin.objects.features import SWITCH_CLAIM
from kcadmin.objects.realm import Realm
from kcadmin.objects.setting_claims import FULL_SCOPE_CLAIM, LIFESPAN_CLAIM, REFRESH_TOKENS_CLAIM, assignment_kind
from reach.leftovers import Leftover, LeftoverKind

SETTINGS: Mapping[LeftoverKind, Kind] = {
    LeftoverKind.SWITCH: SWITCH_CLAIM,
    LeftoverKind.LIFESPAN: LIFESPAN_CLAIM,
    LeftoverKind.FULL_SCOPE: FULL_SCOPE_CLAIM,
    LeftoverKind.REFRESH_TOKENS: REFRESH_TOKENS_CLAIM,
    LeftoverKind.SERVICES: authorization_services.KIND,
}
KINDS: Mapping[LeftoverKind, Kind] = {
    **SETTINGS,
    LeftoverKind.MANAGEMENT: management_permissions.KIND,
    LeftoverKind.STRATEGY: noted_strategy.STRATEGY,
    LeftoverKind.GUARD_MARK: GUARD_MARK,
    LeftoverKind.EVENTS: recorded_events.KIND,
}
NAMED_KINDS: Mapping[LeftoverKind, Callable[[str], Kind]] = {
    LeftoverKind.ASSIGNMENT: assignment_kind,
    LeftoverKind.AUTHORIZATION_SCOPE: scope_kind,
}


def holder_of(realm: Realm, left: Leftover) -> Client | None:
    """The client that has a claim, as it is now."""
    known = realm.clients.find(left.client)
    return realm.clients.get(known.uuid, max_age=0) if known else None


def claimed_kind(left: Leftover) -> Kind | str | None:
    """The claim of a thing that is a claim on its client; else None."""
    if left.what in NAMED_KINDS:
        return NAMED_KINDS[left.what](left.name)
    if left.what == LeftoverKind.ADOPTED:
        return adopted_kind(left.name)
    return left.name if left.what == LeftoverKind.STRAY else KINDS.get(left.what)
