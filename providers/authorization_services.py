"""Authorization services of a client, with the service account that Keycloak wants beside them.

https://www.keycloak.org/docs/latest/authorization_services/#_resource_server_overview
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Literal

import pulumi

from kcadmin.by_products import SIDE_ROLE, account_mappers, is_default
from kcadmin.claims import Kind
from kcadmin.clients import Client
from kcadmin.errors import HttpError, Refusal
from kcadmin.ownership import NAME_LIMIT
from kcadmin.realm import Realm
from kcadmin.shared_settings import USED, drop_claim
from kcadmin.texts import quoted
from providers._base import Props
from providers._compare import KEEP, REVOKE
from providers._shared import SharedSettingProvider
from providers.messages import warn
from providers.resource import KeycloakResource, Text

SERVICES, ACCOUNT = "authorizationServicesEnabled", "serviceAccountsEnabled"
MAPPERS = "account_mappers"
LONGEST_CLIENT_ID = NAME_LIMIT - len("service-account-")  # the server answers 500 to more
LONGEST_UP_TO_26_2 = NAME_LIMIT - len("urn::resources:default")  # the type of the default resource, which it made then
CONTENT = ("resources", "policies", "scopes")


class AuthorizationServicesProvider(SharedSettingProvider):
    """Create, read, update and delete of a client's resource server."""

    OBJECT = "authorization services of client"
    KIND = Kind(
        "authorization-services",
        {SERVICES: Literal[True], ACCOUNT: Literal[True]},
        {SERVICES: bool | None, ACCOUNT: bool | None, SIDE_ROLE: bool, MAPPERS: tuple[str, ...]},
    )
    INPUTS = ("realm", "client_id", "client_uuid")

    def refusals(self, props: Props) -> Iterator[str]:
        client_id = props.get("client_id")
        if isinstance(client_id, str) and LONGEST_CLIENT_ID < len(client_id) <= NAME_LIMIT:
            yield (
                f"client_id has {len(client_id)} characters, too many for the name of its service account; "
                f"shorten it to {LONGEST_CLIENT_ID}"
            )

    def values(self, props: Props) -> dict[str, Any]:
        return {SERVICES: True, ACCOUNT: True}

    def off(self, props: Props) -> dict[str, Any]:
        return {SERVICES: False, ACCOUNT: False}

    def shown(self, client: Client) -> Props:
        return {"enabled": client.is_on(SERVICES) and client.is_on(ACCOUNT)}

    def noted(self, realm: Realm, client: Client) -> Props:
        found = sorted(account_mappers(client))
        return {SIDE_ROLE: realm.clients.has_role(client.uuid, SIDE_ROLE), **({MAPPERS: found} if found else {})}

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        length = len(props["client_id"])
        try:
            return super().create_in(realm, props)
        except HttpError as problem:
            if problem.status != HTTPStatus.INTERNAL_SERVER_ERROR or length <= LONGEST_UP_TO_26_2:
                raise
            wrong = f"client_id has {length} characters, of which Keycloak up to 26.2 takes {LONGEST_UP_TO_26_2} here"
            raise Refusal(
                f"{self._named(props)}: {wrong} ({problem.told}); shorten it, or update Keycloak."
            ) from problem

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        notes = super().change(realm, id_, olds, news)
        return {**notes, "was": {**_noted_by_earlier_versions(olds), **notes["was"]}}

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        uuid, was = props["client_uuid"], {**_noted_by_earlier_versions(props), **(props.get("was") or {})}
        if props.get("on_remove") == KEEP:
            super().remove(realm, id_, props)
            return
        content = self._content(realm, uuid, str(props["client_id"]))
        if content and (props.get("found") != USED or props.get("on_remove") == REVOKE):
            warn(f"{self._named(props)}: left on, since switching them off would delete {content}.")
            drop_claim(realm.clients, uuid, props["owner"], self.KIND)
            return
        super().remove(realm, id_, props)
        client = realm.clients.get(uuid)
        came_with_them = props.get("on_remove") == REVOKE or was.get(SIDE_ROLE) is False
        if client and not client.is_on(SERVICES) and came_with_them:
            realm.clients.delete_role(uuid, SIDE_ROLE)
        revoked = props.get("on_remove") == REVOKE
        if client and not client.is_on(ACCOUNT) and (revoked or props.get("found") != USED):
            kept = () if revoked else was.get(MAPPERS) or ()
            for mapper_id in [id_ for name, id_ in account_mappers(client).items() if name not in kept]:
                realm.clients.delete_mapper(uuid, mapper_id)

    def _content(self, realm: Realm, uuid: str, client_id: str) -> str:
        settings = realm.resource_server(uuid).settings() or {}
        content = [each for kind in CONTENT for each in settings.get(kind) or () if not is_default(each, client_id)]
        return quoted(sorted(str(each["name"]) for each in content))


def _noted_by_earlier_versions(props: Props) -> Props:
    return {SIDE_ROLE: props["side_role_was"]} if "side_role_was" in props else {}


class AuthorizationServices(KeycloakResource, module="keycloak", name="AuthorizationServices"):
    """Makes a confidential client a resource server with a service account.

    :param realm: the realm's name.
    :param client_id: the client id, not its UUID.
    :param on_remove: ``restore`` gives back what was found, ``revoke`` switches them off, ``keep`` leaves them on.
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
