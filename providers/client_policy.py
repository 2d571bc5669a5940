"""Client policies of a resource server: they match requests made by the named clients.

On ``realm-management`` they judge who may exchange, by the client that asks, never by the user.
https://www.keycloak.org/docs/latest/authorization_services/#_policy_client
"""

from collections.abc import Iterator, Sequence

import pulumi

from kcadmin.authz_objects import ClientPolicies
from kcadmin.authz_objects import ClientPolicy as Policy
from kcadmin.clients import AUTHORIZATION_SERVICES
from kcadmin.errors import Refusal, sentence
from kcadmin.ownership import DESCRIPTION_LIMIT, MARK_LENGTH
from kcadmin.realm import Realm
from providers._base import Props
from providers._owned import OwnedObjectProvider
from providers._uuids import is_known
from providers.resource import Flag, KeycloakResource, Text, Texts


class ClientPolicyProvider(OwnedObjectProvider[Policy]):
    """Create, read, update and delete of a client policy."""

    OBJECT = "client policy"
    INPUTS = (
        "realm",
        "resource_server",
        "resource_server_uuid",
        "name",
        "description",
        "clients",
        "client_uuids",
        "logic",
    )
    DEFAULTS = {"description": "", "logic": "POSITIVE"}
    SETS = ("clients", "client_uuids")
    REPLACE_ON = ("realm", "resource_server_uuid")
    CHOICES = {"logic": ("POSITIVE", "NEGATIVE")}
    CLIENTS = {"resource_server": "resource_server_uuid", "clients": "client_uuids"}

    def refusals(self, props: Props) -> Iterator[str]:
        if is_known(props.get("clients")) and not props.get("clients"):
            yield "clients is empty; name at least one client"
        yield from description_faults(props)

    def store(self, realm: Realm, props: Props) -> ClientPolicies:
        return ClientPolicies(realm, realm.resource_server(props["resource_server_uuid"]))

    def wanted(self, props: Props) -> Policy:
        return Policy(
            props["name"], props["description"], tuple(sorted(props["client_uuids"])), props["logic"], props["owner"]
        )

    def before_create(self, realm: Realm, props: Props) -> None:
        require_services(realm, props)

    def candidates(self, realm: Realm, wanted: Policy, props: Props) -> list[Policy]:
        return self.store(realm, props).named(wanted.name)

    def shown(self, found: Policy, props: Props) -> Props:
        names = props["clients"]
        if list(found.clients) != sorted(props["client_uuids"]):
            clients = [self.realm(props).clients.get(uuid) for uuid in found.clients]
            names = sorted(client.client_id for client in clients if client)
        return {**super().shown(found, props), "clients": names, "client_uuids": list(found.clients)}


def require_services(realm: Realm, props: Props) -> None:
    """:raises Refusal: the resource server's client has no authorization services, where the server says 404."""
    uuid = props["resource_server_uuid"]
    client = realm.clients.get(uuid)
    if client and not client.is_on(AUTHORIZATION_SERVICES):
        client = realm.clients.get(uuid, max_age=0)  # this run may have switched them on
    if client is None or not client.is_on(AUTHORIZATION_SERVICES):
        wrong, remedy = "has no authorization services", "switch them on with AuthorizationServices, and depend on it"
        if props["resource_server"] == realm.management_client_id:
            remedy = "switch on the management permissions of a client first, with ManagementPermissions"
        raise Refusal(sentence("client", props["resource_server"], realm.name, wrong, remedy))


def description_faults(props: Props) -> Iterator[str]:
    """A description must leave room for the owner's mark."""
    limit = DESCRIPTION_LIMIT - MARK_LENGTH
    text = props.get("description")
    if isinstance(text, str) and len(text) > limit:
        yield f"description has {len(text)} characters; shorten it to {limit}"


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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(ClientPolicyProvider(), resource_name, locals(), opts)
