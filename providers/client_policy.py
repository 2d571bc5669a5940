"""Client policies of a resource server: they match requests made by the named clients.

On ``realm-management`` they judge who may exchange, by the client that asks, never by the user.
https://www.keycloak.org/docs/latest/authorization_services/#_policy_client
"""

from collections.abc import Iterator, Sequence

import pulumi

from kcadmin.authz_objects import ClientPolicies
from kcadmin.authz_objects import ClientPolicy as Policy
from kcadmin.errors import Refusal, sentence
from kcadmin.ownership import DESCRIPTION_LIMIT, MARK_LENGTH
from kcadmin.realm import Realm
from providers._base import Props, is_known
from providers._owned import OwnedObjectProvider
from providers.resource import KeycloakResource


class ClientPolicyProvider(OwnedObjectProvider[Policy]):
    """Create, read, update and delete of a client policy."""

    OBJECT = "client policy"
    INPUTS = ("realm", "resource_server", "resource_server_uuid", "name", "description", "clients", "client_uuids",
              "logic")
    DEFAULTS = {"description": "", "logic": "POSITIVE"}
    SETS = ("clients", "client_uuids")
    REPLACE_ON = ("realm", "resource_server_uuid")
    CHOICES = {"logic": ("POSITIVE", "NEGATIVE")}
    CLIENTS = {"resource_server": "resource_server_uuid"}

    def refusals(self, props: Props) -> Iterator[str]:
        if is_known(props.get("clients")) and not props.get("clients"):
            yield "clients is empty; name at least one client"
        yield from description_faults(props)

    def _derive_uuids(self, olds: Props, props: Props) -> None:
        super()._derive_uuids(olds, props)
        names = props["clients"]
        if "client_uuids" in props or not is_known(names) or not isinstance(props["realm"], str):
            return
        if (olds.get("realm"), olds.get("clients")) == (props["realm"], names) and olds.get("client_uuids"):
            props["client_uuids"] = olds["client_uuids"]
            return
        found = [self.realm(props).clients.find(name) for name in names]
        if all(found):
            props["client_uuids"] = sorted(client.uuid for client in found if client)

    def _require_uuids(self, realm: Realm, props: Props) -> None:
        super()._require_uuids(realm, props)
        if not props.get("client_uuids"):
            found = {name: realm.clients.find(name) for name in props["clients"]}
            for name, client in found.items():
                if client is None:
                    raise Refusal(sentence("client", name, realm.name, "does not exist",
                                           f"create it, or correct the clients of policy '{props['name']}'"))
            props["client_uuids"] = sorted(client.uuid for client in found.values() if client)

    def store(self, realm: Realm, props: Props) -> ClientPolicies:
        return ClientPolicies(realm.resource_server(props["resource_server_uuid"]))

    def wanted(self, props: Props) -> Policy:
        return Policy(props["name"], props["description"], tuple(sorted(props["client_uuids"])), props["logic"],
                      props["owner"])

    def candidates(self, realm: Realm, wanted: Policy, props: Props) -> list[Policy]:
        return self.store(realm, props).named(wanted.name)

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        self._require_uuids(realm, news)
        return {**super().change(realm, id_, olds, news), "client_uuids": news["client_uuids"]}

    def shown(self, found: Policy, props: Props) -> Props:
        uuids = list(found.clients)
        names = props["clients"]
        if uuids != sorted(props["client_uuids"]):
            clients = [realm_client for uuid in uuids if (realm_client := self.realm(props).clients.get(uuid))]
            names = sorted(client.client_id for client in clients)
        return {"name": found.name, "description": found.description, "logic": found.logic, "clients": names,
                "client_uuids": uuids}


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

    def __init__(self, resource_name: str, *, realm: pulumi.Input[str], resource_server: pulumi.Input[str],
                 name: pulumi.Input[str], clients: pulumi.Input[Sequence[pulumi.Input[str]]],
                 description: pulumi.Input[str] | None = None, logic: pulumi.Input[str] | None = None,
                 resource_server_uuid: pulumi.Input[str] | None = None,
                 client_uuids: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None,
                 owner: pulumi.Input[str] | None = None, adopt: pulumi.Input[bool] | None = None,
                 on_remove: pulumi.Input[str] | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(ClientPolicyProvider(), resource_name, {
            "realm": realm, "resource_server": resource_server, "resource_server_uuid": resource_server_uuid,
            "name": name, "description": description, "clients": clients, "client_uuids": client_uuids, "logic": logic,
            "owner": owner, "adopt": adopt, "on_remove": on_remove}, opts)
