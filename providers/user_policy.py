"""User policies of a resource server: they match the named users.

On ``realm-management`` they match no exchange, since Keycloak checks the requester there.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_user
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from kcadmin.authz.named_policies import UserPolicies
from kcadmin.authz.named_policies import UserPolicy as Policy
from providers.base.connections import Server
from providers.base.policy import PolicyProps, PolicyProvider
from providers.base.resource import Flag, KeycloakResource, Text, Texts


@dataclass(frozen=True, kw_only=True)
class UserPolicyProps(PolicyProps):
    users: tuple[str, ...]


class UserPolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a user policy."""

    OBJECT = "user policy"
    PROPS = UserPolicyProps
    STORE = UserPolicies
    NEEDS = {"users": "user"}


class UserPolicy(KeycloakResource, module="keycloak", name="UserPolicy"):
    """A user policy on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param users: usernames, not ids.
    :param logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]
    users: pulumi.Output[Sequence[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        users: Texts,
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
        super().__init__(UserPolicyProvider(), resource_name, locals(), opts)
