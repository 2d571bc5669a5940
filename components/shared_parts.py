"""Parts that grants share: registered once a program by realm and client, so that removing one grant touches no other.

They are children of the stack, not of a grant. Mappers come before the switches that need them: a switch before its mapper
breaks callers at once.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import pulumi

from components.grant_options import NONE, GrantOptions, agree
from components.names import Names, scope_place
from components.part_options import accepted, by_client, for_scope, protected, realm_roles
from grants.by_client import Neighbours
from grants.conflicts import conflicts
from grants.plan import GrantPlan, list_of_scope, scope_name
from grants.planned_guards import guards_of
from providers.audience_mapper import AudienceMapper
from providers.audience_scope import AudienceScope
from providers.base import messages
from providers.base.face import this_run
from providers.checks.planned_writes import SETTINGS
from providers.client_scope_assignment import ClientScopeAssignment
from providers.exchange_events import ExchangeEvents
from providers.exchange_guards import ExchangeGuards
from providers.full_scope_off import FullScopeOff
from providers.management_permissions import ManagementPermissions
from providers.refresh_tokens_off import RefreshTokensOff
from providers.standard_token_exchange import StandardTokenExchange
from providers.token_lifespan import TokenLifespan

EVENTS_KEPT_SECONDS = 30 * 86_400  # at least; without any number Keycloak keeps events for ever

_programs: "WeakKeyDictionary[object, dict[str, SharedParts]]" = WeakKeyDictionary()


class SharedParts:
    """What one program has registered for all of its grants."""

    def __init__(self, names: Names | None = None) -> None:
        """:param names: the program's own where not given."""
        self.names = names or Names()
        self._parts: dict[tuple[str, ...], pulumi.Resource] = {}
        self._guards: dict[str, pulumi.Resource] = {}
        self._given = NONE  # of the grant that is registered now
        self._made_with: dict[pulumi.Resource, GrantOptions] = {}
        self._grants = Neighbours()

    @classmethod
    def of_program(cls, server: str = "") -> "SharedParts":
        """The parts of the program that runs. server: the address of another Keycloak than the stack's."""
        root = this_run()
        return _programs.setdefault(root, {}).setdefault(server, cls()) if root else cls()

    def join(self, grants: Sequence[GrantPlan]) -> bool:
        """Adds grants that were planned together, or a late one when its names are known.

        :raises pulumi.RunError: they contradict others of the program.
        """
        if faults := list(conflicts(grants, self._grants)):
            raise messages.program_error(faults) from None
        for grant in grants:
            self._grants.add(grant)
        return True

    def register_one(self, grant: GrantPlan, options: GrantOptions) -> list[pulumi.Resource]:
        """Registers the shared parts of one grant, with its options.

        Gives all that it needs, also those that others have registered.

        :raises pulumi.RunError: an option cannot be given to what others have registered.
        """
        agree(grant.spec, options, {part: self._made_with.get(part, NONE) for part in self.of(grant)})
        self._given = options
        self._made_with |= dict.fromkeys(self.register([grant]), options)
        self._given = NONE
        return self.of(grant)

    def register(self, grants: Iterable[GrantPlan]) -> Iterator[pulumi.Resource]:
        """Registers what grants share: settings that close doors, mappers and scopes, then switches, then permissions.

        Each is registered as it is taken from here, and those of the program that are there already are left out.
        """
        planned = list(grants)
        nearby = Neighbours(planned)
        for grant in planned:
            for kind, place, attribute in SETTINGS:
                for client in getattr(grant, attribute):
                    near = nearby.at(grant.spec.realm, client)
                    sharing = [each for each in near if client in getattr(each, attribute)]
                    yield from self._setting(kind, grant, client, place, sharing)
            yield from self._scope(grant)
        for grant in planned:
            for client, audience in grant.mappers:
                sharing = [each for each in nearby.at(grant.spec.realm, client) if (client, audience) in each.mappers]
                yield from self._mapper(grant, client, audience, sharing)
        for grant in planned:
            for client in grant.switches:
                sharing = [each for each in nearby.at(grant.spec.realm, client) if client in each.switches]
                yield from self._switch(grant, client, sharing)
            if grant.policy_clients:
                near = nearby.at(grant.spec.realm, grant.spec.target)
                sharing = [each for each in near if each.spec.target == grant.spec.target and each.policy_clients]
                yield from self._permissions(grant, sharing)

    def guard(self, grants: Sequence[GrantPlan], guards: Collection[str]) -> None:
        """Registers the guards of each realm, from all of its grants; what opens an exchange comes after them.

        A guarded scope comes before: Keycloak takes no policy on one that is not there. It opens nothing until a client holds it.
        """
        for realm in sorted({grant.spec.realm for grant in grants} if guards else ()):
            here = [grant for grant in grants if grant.spec.realm == realm]
            held = guards_of(here, guards)
            named = {name for scopes in (held["scopes"] or {}).values() for name in scopes}
            scopes = [self._audience_scope(grant) for grant in here if scope_name(grant.spec) in named]
            self._guards[realm] = ExchangeGuards(
                self.names.place(here[0].spec, "exchange-guards"),
                realm=realm,
                **held,
                owner=here[0].spec.owner,
                accept_policy_changes=accepted(here),
                opts=self._opts(here, scopes),
            )

    def record(self, grants: Sequence[GrantPlan]) -> None:
        """Switches on the recording of exchanges in the realm of each grant."""
        for realm in sorted({grant.spec.realm for grant in grants}):
            here = [grant for grant in grants if grant.spec.realm == realm]
            ExchangeEvents(
                self.names.place(here[0].spec, "exchange-events"),
                realm=realm,
                expiration=EVENTS_KEPT_SECONDS,
                owner=here[0].spec.owner,
                accept_policy_changes=accepted(here),
                opts=self.names.options(pulumi.ResourceOptions()),
            )

    def of(self, grant: GrantPlan) -> list[pulumi.Resource]:
        """The shared parts that a grant needs."""
        realm = grant.spec.realm
        keys = self._audience_keys(grant)
        keys += [(realm, client, place) for _, place, attribute in SETTINGS for client in getattr(grant, attribute)]
        keys += [(realm, client, "standard-exchange") for client in grant.switches]
        keys += [self._permissions_key(grant)] if grant.policy_clients else []
        return [self._parts[key] for key in keys if key in self._parts]

    def scope(self, grant: GrantPlan) -> pulumi.Resource:
        """The client scope of a grant that has one."""
        return self._parts[self._scope_key(grant)]

    def permissions(self, grant: GrantPlan) -> pulumi.Resource:
        """The management permissions of a grant's target."""
        return self._parts[self._permissions_key(grant)]

    def _mapper(
        self, grant: GrantPlan, client: str, audience: str, sharing: list[GrantPlan]
    ) -> Iterator[pulumi.Resource]:
        key = self._mapper_key(grant, client, audience)
        if key not in self._parts:
            self._parts[key] = AudienceMapper(
                self.names.place(grant.spec, *key[1:]),
                included_client=self.names.client(audience),
                exchange=grant.exchange,
                adopt=any(each.spec.adopt for each in sharing) or None,
                **self._on_client(grant, client, sharing),
            )
            yield self._parts[key]

    def _setting(
        self,
        kind: "type[FullScopeOff] | type[TokenLifespan] | type[RefreshTokensOff]",
        grant: GrantPlan,
        client: str,
        place: str,
        sharing: list[GrantPlan],
    ) -> Iterator[pulumi.Resource]:
        spec, key = grant.spec, (grant.spec.realm, client, place)
        values: dict[str, Any] = {"seconds": spec.token_lifespan} if kind is TokenLifespan else {}
        if key not in self._parts:
            given = self._on_client(grant, client, sharing)
            self._parts[key] = kind(self.names.place(spec, *key[1:]), **given, **values)
            yield self._parts[key]

    def _audience_scope(self, grant: GrantPlan) -> AudienceScope:
        """The scope alone, which no client holds yet."""
        spec, key = grant.spec, self._scope_key(grant)
        if isinstance(there := self._parts.get(key), AudienceScope):
            return there
        scope = self._parts[key] = AudienceScope(
            self.names.scope(spec),
            realm=self.names.realm(spec),
            name=self.names.of(spec, scope_name),
            description=self.names.scope_text(grant),
            included_client=self.names.client(spec.target),
            included_client_uuid=self.names.uuid(grant, spec.target),
            realm_roles=self.names.of(spec, realm_roles),
            client_roles=self.names.of(spec, lambda named: by_client(named.required_roles)),
            in_token_scope=self.names.in_token_scope(grant),
            owner=spec.grant_owner,
            on_remove=spec.on_remove,
            opts=for_scope(grant, self._opts([grant])),
        )
        return scope

    def _scope(self, grant: GrantPlan) -> Iterator[pulumi.Resource]:
        spec = grant.spec
        if not grant.scope_clients or any(
            self._assignment_key(grant, each) in self._parts for each in grant.scope_clients
        ):
            return
        scope = self._audience_scope(grant)
        yield scope
        closed = [self._parts[spec.realm, client, "full-scope-off"] for client in grant.full_scope_off]
        for client in grant.scope_clients:
            place = self._assignment_key(grant, client)
            self._parts[place] = ClientScopeAssignment(
                self.names.place(spec, *place[1:]),
                scope=self.names.of(spec, scope_name),
                scope_id=scope.id,
                kind=list_of_scope(grant, client),
                takes_away=self.names.takes_away(grant, client),
                **{**self._on_client(grant, client, [grant], closed), "owner": spec.grant_owner},
            )
            yield self._parts[place]

    def _switch(self, grant: GrantPlan, client: str, sharing: list[GrantPlan]) -> Iterator[pulumi.Resource]:
        spec, key = grant.spec, (grant.spec.realm, client, "standard-exchange")
        if key not in self._parts and spec.manage_switch:
            before = [self._parts[named] for each in sharing for named in self._audience_keys(each)]
            self._parts[key] = StandardTokenExchange(
                self.names.place(spec, *key[1:]),
                allow_refresh=spec.allow_refresh,
                **self._on_client(grant, client, sharing, [*before, *self._guarding(grant)]),
            )
            yield self._parts[key]

    def _permissions(self, grant: GrantPlan, sharing: list[GrantPlan]) -> Iterator[pulumi.Resource]:
        spec, key = grant.spec, self._permissions_key(grant)
        if key not in self._parts:
            given = self._on_client(grant, spec.target, sharing, self._guarding(grant))
            self._parts[key] = ManagementPermissions(self.names.place(spec, *key[1:]), **given)
            yield self._parts[key]

    def _on_client(
        self, grant: GrantPlan, client: str, sharing: list[GrantPlan], depends_on: Sequence[pulumi.Resource] = ()
    ) -> dict[str, Any]:
        """What all parts of a client are given. sharing: the grants that need the part."""
        return {
            "realm": self.names.realm(grant.spec),
            "client_id": self.names.client(client),
            "client_uuid": self.names.uuid(grant, client),
            "owner": grant.spec.shared_owner,
            "on_remove": grant.spec.on_remove,
            "accept_policy_changes": accepted(sharing),
            "opts": self._opts(sharing, depends_on),
        }

    def _opts(self, grants: Iterable[GrantPlan], depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return self.names.options(self.names.handed_on(protected(grants, depends_on), self._given))

    def _guarding(self, grant: GrantPlan) -> list[pulumi.Resource]:
        return [self._guards[grant.spec.realm]] if grant.spec.realm in self._guards else []

    def _audience_keys(self, grant: GrantPlan) -> list[tuple[str, ...]]:
        """Of what adds the target to ``aud``, which its switches need."""
        mappers = [self._mapper_key(grant, client, audience) for client, audience in grant.mappers]
        return [*mappers, *(self._assignment_key(grant, client) for client in grant.scope_clients)]

    def _mapper_key(self, grant: GrantPlan, client: str, audience: str) -> tuple[str, ...]:
        return (grant.spec.realm, client, f"audience-{audience}")

    def _scope_key(self, grant: GrantPlan) -> tuple[str, ...]:
        return (grant.spec.realm, *scope_place(grant.spec))

    def _assignment_key(self, grant: GrantPlan, client: str) -> tuple[str, ...]:
        return (grant.spec.realm, client, f"scope-{grant.spec.name}")

    def _permissions_key(self, grant: GrantPlan) -> tuple[str, ...]:
        return (grant.spec.realm, grant.spec.target, "management-permissions")
