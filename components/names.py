"""How a grant's parts get their names and values: from a plan that knows them, or from outputs that come later."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pulumi

from components.grant_options import GrantOptions
from grants.plan import GrantPlan, in_token_scope
from grants.spec import GrantSpec

T = TypeVar("T")


class Names:
    """The names of planned grants: texts of clients that exist. connection: to another Keycloak than the stack's."""

    connection: Mapping[str, Any] | None = None

    def place(self, spec: GrantSpec, *parts: str) -> str:
        """The name of a resource. A late grant shares none."""
        return "/".join((spec.name if spec.late else spec.realm, *parts))

    def scope(self, spec: GrantSpec) -> str:
        """The name of the resource that is a grant's client scope."""
        return self.place(spec, *scope_place(spec))

    def realm(self, spec: GrantSpec) -> pulumi.Input[str]:
        return spec.realm

    def client(self, name: str) -> pulumi.Input[str]:
        """A client id."""
        return name

    def uuid(self, grant: GrantPlan, client: str) -> pulumi.Input[str]:
        return grant.uuids[client]

    def of(self, spec: GrantSpec, value: Callable[[GrantSpec], T]) -> Any:
        """An input that is computed from the names in a grant."""
        return value(spec)

    def scope_text(self, grant: GrantPlan) -> pulumi.Input[str]:
        """The description of a grant's client scope, or of the existing one."""
        return grant.scope.description if grant.scope else text_of_scope(grant.spec)

    def in_token_scope(self, grant: GrantPlan) -> pulumi.Input[bool]:
        return in_token_scope(grant)

    def takes_away(self, grant: GrantPlan, client: str) -> pulumi.Input[Any]:
        """The ids of mappers on a client that would void the grant's condition."""
        return list(grant.takes_away.get(client, ())) or None

    def elsewhere(self) -> dict[str, pulumi.Input[str]]:
        """``keycloak`` in a grant's description: the address, if it is in another Keycloak than the stack's."""
        return {}

    def options(self, opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Options of a resource, with what all parts have in common."""
        return opts

    def handed_on(self, opts: pulumi.ResourceOptions, given: GrantOptions) -> pulumi.ResourceOptions:
        """Options of a shared part, with those of the grant that it is registered for."""
        return given.on_shared(opts)


def scope_place(spec: GrantSpec) -> tuple[str, ...]:
    """Where the resource that is a grant's client scope is, within the realm."""
    return (spec.target, spec.name, "scope")


def text_of_scope(spec: GrantSpec) -> str:
    """The description of a client scope that a grant makes."""
    return f"tokens for {spec.target}, of grant {spec.name}"[:200]
