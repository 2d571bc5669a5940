"""Client policies of a resource server: they match requests made by the named clients.

On ``realm-management`` they judge who may exchange, by the client that asks, never by the user.
https://www.keycloak.org/docs/latest/authorization_services/#_policy_client
"""

from collections.abc import Sequence

import pulumi

from kcadmin.authz.policies import ClientPolicies
from kcadmin.authz.policies import ClientPolicy as Policy
from providers.base.connections import Server
from providers.base.policy import PLACE, PolicyProvider
from providers.base.provider import Props
from providers.base.resource import Flag, KeycloakResource, Text, Texts


class ClientPolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a client policy."""

    OBJECT = "client policy"
    STORE = ClientPolicies
    INPUTS = (*PLACE, "clients", "client_uuids", "logic")
    SETS = ("clients", "client_uuids")
    NEEDS = {"clients": "client"}
    CLIENTS = {**PolicyProvider.CLIENTS, "clients": "client_uuids"}

    def wanted(self, props: Props) -> Policy:
        return super().wanted({**props, "clients": props["client_uuids"]})

    def shown(self, found: Policy, props: Props) -> Props:
        names = props["clients"]
        if list(found.clients) != sorted(props["client_uuids"]):
            clients = [self.realm(props).clients.get(uuid) for uuid in found.clients]
            names = sorted(client.client_id for client in clients if client)
        return {**super().shown(found, props), "clients": names, "client_uuids": list(found.clients)}


class ClientPolicy(KeycloakResource, module="keycloak", name="ClientPolicy"):
    """A client policy on a resource server.

    :param resource_server: the client id of the resource server, such as ``realm-management``.
    :param name: unique among the policies and permissions of the resource server; changes in place.
    :param clients: client ids, not UUIDs. logic: ``POSITIVE`` or ``NEGATIVE``.
    :param adopt: take over a policy of that name that differs, and give it back at delete.
    """

    name: pulumi.Output[str]
    clients: pulumi.Output[Sequence[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        resource_server: Text,
        name: Text,
        clients: Texts,
        description: Text | None = None,
        logic: Text | None = None,
        resource_server_uuid: Text | None = None,
        client_uuids: Texts | None = None,
        owner: Text | None = None,
        adopt: Flag | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ClientPolicyProvider(), resource_name, locals(), opts)
