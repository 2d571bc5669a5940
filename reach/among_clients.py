"""What decides the exchanges among some clients of a realm: a ``Survey`` of only these, with a few requests per client."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kcadmin.authz.exchange_permission import Overview, overview
from kcadmin.guards.client_policies import POLICIES, PROFILES
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, Features
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Forbidden
from kcadmin.writes.prediction import RealmPolicies
from reach.allowed import RealmReach, realm_reach
from reach.failing import as_maker
from reach.guards import RealmGuards
from reach.heeded import as_heeded, heeded_scopes
from reach.introspection import introspectors_for
from reach.new_tokens import NewTokens, new_tokens
from reach.reasons import PERMISSION, Way
from reach.roles import RoleFacts, asked_for, is_asked, survey_roles
from reach.survey import Json, Survey, entries_to_see, permissions_in
from reach.verdict import Case


@dataclass(frozen=True)
class AmongClients:
    """What a realm allows among some clients.

    unseen: what the login may not read, a sentence each. consented: whether the user in question has consented to what is
    requested. read: the data that it was computed from.
    """

    reach: RealmReach
    unseen: tuple[str, ...] = ()
    read: "_Read | None" = None
    consented: bool = False

    def asking(self, requester: str, scopes: Collection[str]) -> "AmongClients":
        """What guards allow when a requester asks for these scopes."""
        if self.read is None:
            return self
        guards = self.read.guards.asking(requester, scopes)
        new = new_tokens(self.read.survey, self.read.roles, {requester} & guards.no_wider_scopes)
        return replace(self, reach=replace(self.reach, guards=guards, new=new))

    def whole(self, requester: str) -> NewTokens:
        """The audiences of a requester's new token if nothing is left out."""
        return NewTokens({requester: self.reach.names.get(requester, {})}, self.reach.roles)

    def left(self, requester: str, token: Collection[str]) -> NewTokens:
        """What a guard on wider scopes leaves in a requester's new token. token: the scopes of the subject token."""
        return new_tokens(self.read.survey, self.read.roles, [requester], token) if self.read else NewTokens()

    def may_fail(self, case: Case) -> Iterator[str]:
        """That no mapper of default or requested client scopes prevents tokens from being made or accepted."""
        maker = case.audience if case.exchange == LEGACY and case.audience else case.requester
        source = self.reach.failing_source(case.requester, case.source)
        for found, scope in (
            (source, case.login_scope),
            (as_maker(self.reach.failing.get(maker, ())), case.exchange_scope),
        ):
            asked = asked_for(scope or "")
            for each in found:
                if not any(is_asked(when) and when != asked for when in each.way.when):
                    yield each.unless


@dataclass(frozen=True)
class _Read:
    survey: Survey
    roles: RoleFacts
    guards: RealmGuards


def reach_among_clients(realm: Realm, features: Features, client_ids: Collection[str]) -> AmongClients:
    """What the realm's state allows among the named clients; one that does not exist is left out.

    :raises Refusal: the realm does not exist, or the login may not see its clients, or their client scopes.
    """
    realm.management_uuid()  # raises if the login cannot see the realm
    found = {name: client for name in sorted(set(client_ids)) if (client := realm.clients.find(name))}
    for each in found.values():
        realm.client_scopes.require_seen(each)
    survey, unseen = survey_of(realm, features, found, realm.client_scopes.all())
    roles = survey_roles(realm.session, survey)
    reach = realm_reach(survey, roles)
    if unseen:
        either = (
            Way(
                PERMISSION, "a permission that this login may not read", when=("the legacy permission lets it through",)
            ),
        )
        reach = replace(reach, permissions={target: dict.fromkeys(found, either) for target in found})
    return AmongClients(reach, unseen, _Read(survey, roles, RealmGuards(survey, roles)))


def survey_of(
    realm: Realm,
    features: Features,
    clients: Mapping[str, Client],
    scopes: Iterable[Json],
    held: Overview | None = None,
    client_policies: tuple[RealmPolicies, bool] | None = None,
) -> tuple[Survey, tuple[str, ...]]:
    """A survey of these clients, with a sentence where the login may not read the legacy permissions.

    :param scopes: client scopes as Keycloak describes them. held: the legacy permissions, if they were read before.
    :param client_policies: if they were read before, and whether the login may.
    """
    unseen: tuple[str, ...] = ()
    if held is None and features.legacy_exchange:
        try:
            held = overview(realm)
        except Forbidden:
            unseen = ("legacy permissions: this login may not read them; give it the role view-authorization",)
    held = held or Overview({}, {})
    if client_policies:
        policies, readable = client_policies
        entries = [tuple(each) if readable else None for each in (policies.policies, policies.profiles)]
    else:
        entries = [entries_to_see(realm, kind) for kind in (POLICIES, PROFILES)]
    heeded = {name: as_heeded(client, lambda: features) for name, client in clients.items()}
    by_name = heeded_scopes(scopes, lambda: features)
    survey = Survey(
        realm.name,
        features,
        heeded,
        by_name,
        held.policies,
        permissions_in(held, clients),
        entries[0],
        entries[1],
        held.enforcement,
        held.strategy,
        introspectors_for(realm, heeded.values(), by_name, features),
    )
    return survey, unseen
