"""Parts that grants share: registered once a program by realm and client, so that removing one grant touches no other.

They are children of the stack, not of a grant. Mappers come before the switches that need them: a switch before its mapper
breaks callers at once.
"""

from collections.abc import Iterable
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime import get_root_resource

from components.wiring import GrantPlan
from providers.audience_mapper import AudienceMapper
from providers.management_permissions import ManagementPermissions
from providers.standard_token_exchange import StandardTokenExchange

_programs: "WeakKeyDictionary[pulumi.Resource, SharedParts]" = WeakKeyDictionary()


class SharedParts:
    """What one program has registered for all of its grants."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, ...], pulumi.Resource] = {}
        self.grants: list[GrantPlan] = []

    @classmethod
    def of_program(cls) -> "SharedParts":
        """The parts of the program that runs."""
        root = get_root_resource()
        if root is None:
            return cls()
        return _programs.setdefault(root, cls())

    def register(self, grants: Iterable[GrantPlan]) -> None:
        """Registers what grants share: all mappers, then the switches, then management permissions."""
        planned = list(grants)
        for grant in planned:
            for client, audience in grant.mappers:
                sharing = [each for each in _in_realm(planned, grant) if (client, audience) in each.mappers]
                self._mapper(grant, client, audience, adopt=any(each.spec.adopt for each in sharing))
        for grant in planned:
            for client in grant.switches:
                self._switch(grant, client, [each for each in _in_realm(planned, grant) if client in each.switches])
            if grant.policy_clients:
                self._permissions(grant)

    def of(self, grant: GrantPlan) -> list[pulumi.Resource]:
        """The shared parts that a grant needs."""
        realm = grant.spec.realm
        keys: list[tuple[str, ...]] = [(realm, client, f"audience-{audience}") for client, audience in grant.mappers]
        keys += [(realm, client, "standard-exchange") for client in grant.switches]
        keys += [self._permissions_key(grant)] if grant.policy_clients else []
        return [self._parts[key] for key in keys if key in self._parts]

    def permissions(self, grant: GrantPlan) -> pulumi.Resource:
        """The management permissions of a grant's target."""
        return self._parts[self._permissions_key(grant)]

    def _mapper(self, grant: GrantPlan, client: str, audience: str, *, adopt: bool) -> None:
        spec, key = grant.spec, (grant.spec.realm, client, f"audience-{audience}")
        if key not in self._parts:
            self._parts[key] = AudienceMapper(
                "/".join(key),
                realm=spec.realm,
                client_id=client,
                client_uuid=grant.uuids[client],
                included_client=audience,
                exchange=grant.exchange,
                owner=spec.owner,
                adopt=adopt or None,
                on_remove=spec.on_remove,
            )

    def _switch(self, grant: GrantPlan, client: str, sharing: list[GrantPlan]) -> None:
        spec, key = grant.spec, (grant.spec.realm, client, "standard-exchange")
        if key not in self._parts and spec.manage_switch:
            mappers = [
                self._parts[spec.realm, holder, f"audience-{audience}"]
                for each in sharing
                for holder, audience in each.mappers
            ]
            self._parts[key] = StandardTokenExchange(
                "/".join(key),
                realm=spec.realm,
                client_id=client,
                client_uuid=grant.uuids[client],
                allow_refresh=spec.allow_refresh,
                owner=spec.owner,
                on_remove=spec.on_remove,
                opts=pulumi.ResourceOptions(depends_on=mappers),
            )

    def _permissions(self, grant: GrantPlan) -> None:
        spec, key = grant.spec, self._permissions_key(grant)
        if key not in self._parts:
            self._parts[key] = ManagementPermissions(
                "/".join(key),
                realm=spec.realm,
                client_id=spec.target,
                client_uuid=grant.uuids[spec.target],
                owner=spec.owner,
                on_remove=spec.on_remove,
            )

    def _permissions_key(self, grant: GrantPlan) -> tuple[str, ...]:
        return (grant.spec.realm, grant.spec.target, "management-permissions")


def _in_realm(planned: Iterable[GrantPlan], grant: GrantPlan) -> list[GrantPlan]:
    return [each for each in planned if each.spec.realm == grant.spec.realm]
