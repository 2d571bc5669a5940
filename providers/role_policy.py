"""Role policies of a resource server: they match who holds roles.

On ``realm-management`` they check the service account of the client that asks for an exchange, never the user of the token.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_rbac
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from kcadmin.authz.named_policies import RoleItem, RolePolicies
from kcadmin.authz.named_policies import RolePolicy as Policy
from providers.base.connections import Server
from providers.base.policy import Items, Named, PolicyProps, PolicyProvider
from providers.base.resource import Flag, Json, KeycloakResource, Text, Texts


@dataclass(frozen=True, kw_only=True)
class RolePolicyProps(PolicyProps):
    roles: Named
    fetch_roles: bool = False


class RolePolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a role policy."""

    OBJECT = "role policy"
    PROPS = RolePolicyProps
    STORE = RolePolicies
    ITEMS = {"roles": RoleItem}
    NEEDS = {"roles": "role"}


class RolePolicy(KeycloakResource, module="keycloak", name="RolePolicy"):
    """A role policy on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param roles: names of realm roles, or ``{"role": …, "client": <client id>, "required": True}``. One of them must be held,
        and each that is required.
    :param fetch_roles: check the roles that are stored now, not those in the token.
    :param logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]
    roles: pulumi.Output[Sequence[Json]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        roles: Items,
        description: Text | None = None,
        fetch_roles: Flag | None = None,
        logic: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(RolePolicyProvider(), resource_name, locals(), opts)
