"""Client policies of a resource server: they match requests made by the named clients.

On ``realm-management`` they judge who may exchange, by the client that asks, never by the user.
https://www.keycloak.org/docs/latest/authorization_services/#_policy_client
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pulumi

from kcadmin.authz.policies import ClientPolicies
from kcadmin.authz.policies import ClientPolicy as Policy
from kcadmin.objects.realm import Realm
from providers.base.connections import Server
from providers.base.policy import PolicyProps, PolicyProvider
from providers.base.props import Outputs, outputs, uuids_of
from providers.base.resource import Flag, KeycloakResource, Text, Texts


@dataclass(frozen=True, kw_only=True)
class ClientPolicyProps(PolicyProps):
    clients: tuple[str, ...]
    client_uuids: tuple[str, ...] = uuids_of("clients")


class ClientPolicyProvider(PolicyProvider[Policy]):
    """Create, read, update and delete of a client policy."""

    OBJECT = "client policy"
    PROPS = ClientPolicyProps
    STORE = ClientPolicies
    NEEDS = {"clients": "client"}

    def wanted(self, props: ClientPolicyProps) -> Policy:
        return super().wanted(replace(props, clients=props.client_uuids))

    def shown(self, realm: Realm, found: Policy, props: ClientPolicyProps) -> Outputs:
        names = list(props.clients)
        if list(found.clients) != sorted(props.client_uuids):
            clients = [realm.clients.get(uuid) for uuid in found.clients]
            names = sorted(client.client_id for client in clients if client)
        return {**super().shown(realm, found, props), **outputs(clients=names, client_uuids=list(found.clients))}


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
