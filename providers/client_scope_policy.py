"""Client-scope policies of a resource server: they match tokens that have client scopes.

At an exchange it is the subject token's ``scope`` that counts. With a role mapped to the scope, the policy thus requires
the user's role.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_client_scope
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from kcadmin.authz.named_policies import ClientScopePolicies, ScopeItem
from kcadmin.authz.named_policies import ClientScopePolicy as Policy
from providers.base.connections import Server
from providers.base.policy import Items, Named, PolicyProps, PolicyProvider
from providers.base.resource import Flag, Json, KeycloakResource, Text, Texts


@dataclass(frozen=True, kw_only=True)
class ScopePolicyProps(PolicyProps):
    client_scopes: Named


class ClientScopePolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a client-scope policy."""

    OBJECT = "client-scope policy"
    PROPS = ScopePolicyProps
    STORE = ClientScopePolicies
    ITEMS = {"client_scopes": ScopeItem}
    NEEDS = {"client_scopes": "client scope"}


class ClientScopePolicy(KeycloakResource, module="keycloak", name="ClientScopePolicy"):
    """A client-scope policy on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param client_scopes: names, or ``{"scope": …, "required": True}``. One of them must be in the token, and each that is
        required; only a client scope with ``include.in.token.scope`` is there.
    :param logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]
    client_scopes: pulumi.Output[Sequence[Json]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        client_scopes: Items,
        description: Text | None = None,
        logic: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ClientScopePolicyProvider(), resource_name, locals(), opts)
