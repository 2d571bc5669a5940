"""Authorization services of a client, with the service account that Keycloak wants beside them.

https://www.keycloak.org/docs/latest/authorization_services/#_resource_server_overview
"""

from typing import Any

import pulumi

from kcadmin.clients import Client
from kcadmin.realm import Realm
from kcadmin.shared_settings import USED, drop_claim
from providers._base import REVOKE, Props
from providers._shared import SharedSettingProvider
from providers.resource import KeycloakResource, Text

SERVICES, ACCOUNT = "authorizationServicesEnabled", "serviceAccountsEnabled"
SIDE_ROLE = "uma_protection"  # Keycloak makes this client role with the services, and leaves it when they go
CONTENT = ("resources", "policies", "scopes")


class AuthorizationServicesProvider(SharedSettingProvider):
    """Create, read, update and delete of a client's resource server."""

    OBJECT = "authorization services of client"
    KIND = "authorization-services"
    INPUTS = ("realm", "client_id", "client_uuid")

    def values(self, props: Props) -> dict[str, Any]:
        return {SERVICES: True, ACCOUNT: True}

    def off(self, props: Props) -> dict[str, Any]:
        return {SERVICES: False, ACCOUNT: False}

    def shown(self, client: Client) -> Props:
        return {"enabled": client.is_on(SERVICES) and client.is_on(ACCOUNT)}

    def noted(self, realm: Realm, client: Client) -> Props:
        return {SIDE_ROLE: realm.clients.has_role(client.uuid, SIDE_ROLE)}

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        uuid = props["client_uuid"]
        content = self._content(realm, uuid)
        if content and (props.get("found") != USED or props.get("on_remove") == REVOKE):
            pulumi.log.warn(f"{self._named(props)}: left on, since switching them off would delete {content}.")
            drop_claim(realm.clients, uuid, props["owner"], self.KIND)
            return
        super().remove(realm, id_, props)
        client = realm.clients.get(uuid)
        made_the_role = (props.get("was") or {}).get(SIDE_ROLE) is False
        if client and not client.is_on(SERVICES) and made_the_role:
            realm.clients.delete_role(uuid, SIDE_ROLE)

    def _content(self, realm: Realm, uuid: str) -> str:
        settings = realm.resource_server(uuid).settings() or {}
        names = [str(each["name"]) for kind in CONTENT for each in settings.get(kind) or ()]
        return ", ".join(f"'{name}'" for name in sorted(names))


class AuthorizationServices(KeycloakResource, module="keycloak", name="AuthorizationServices"):
    """Makes a confidential client a resource server with a service account.

    :param realm: the realm's name.
    :param client_id: the client id, not its UUID.
    :param on_remove: ``restore`` gives back what was found, ``revoke`` switches them off.
    """

    client_id: pulumi.Output[str]
    client_uuid: pulumi.Output[str]
    enabled: pulumi.Output[bool]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        client_id: Text,
        client_uuid: Text | None = None,
        owner: Text | None = None,
        on_remove: Text | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(AuthorizationServicesProvider(), resource_name, locals(), opts)
