"""Group policies of a resource server: they match members of groups.

On ``realm-management`` they check the service account of the client that asks for an exchange, never the user of the token.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_group
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from kcadmin.authz.named_policies import GroupItem, GroupPolicies
from kcadmin.authz.named_policies import GroupPolicy as Policy
from providers.base.connections import Server
from providers.base.policy import Items, Named, PolicyProps, PolicyProvider
from providers.base.resource import Flag, Json, KeycloakResource, Text, Texts


@dataclass(frozen=True, kw_only=True)
class GroupPolicyProps(PolicyProps):
    groups: Named
    groups_claim: str | None = None


class GroupPolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a group policy."""

    OBJECT = "group policy"
    PROPS = GroupPolicyProps
    STORE = GroupPolicies
    ITEMS = {"groups": GroupItem}
    NEEDS = {"groups": "group"}


class GroupPolicy(KeycloakResource, module="keycloak", name="GroupPolicy"):
    """A group policy on a resource server.

    :param resource_server: the client id of the resource server.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param groups: paths such as ``/staff/support``, or ``{"path": …, "extend_children": True}`` for its subgroups' members, too.
    :param groups_claim: the claim that lists a token's groups; without it the server reads the membership.
    :param logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]
    groups: pulumi.Output[Sequence[Json]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        groups: Items,
        description: Text | None = None,
        groups_claim: Text | None = None,
        logic: Text | None = None,
        resource_server_uuid: Text | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(GroupPolicyProvider(), resource_name, locals(), opts)
