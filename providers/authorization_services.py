"""Authorization services of a client, with the service account that Keycloak wants beside them.

https://www.keycloak.org/docs/latest/authorization_services/#_resource_server_overview
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pulumi

from kcadmin.authz.authorization_services import ACCOUNT, KIND, MAPPERS, SERVICES, content, delete_by_products
from kcadmin.marks.ownership import NAME_LIMIT
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import USED, drop_claim
from kcadmin.objects.side_effects import SIDE_ROLE, account_mappers
from kcadmin.rest.errors import HttpError, Refusal
from providers.base.compare import KEEP, REVOKE
from providers.base.connections import Server
from providers.base.messages import warn
from providers.base.provider import Props
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.shared_setting import SharedSettingProvider

LONGEST_CLIENT_ID = NAME_LIMIT - len("service-account-")  # the server answers 500 to more
LONGEST_UP_TO_26_2 = NAME_LIMIT - len("urn::resources:default")  # the type of the default resource, which it made then


class AuthorizationServicesProvider(SharedSettingProvider):
    """Create, read, update and delete of a client's resource server."""

    OBJECT = "authorization services of client"
    KIND = KIND
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
                f"{self._named(props)}: {wrong} ({problem.clause}); shorten it, or update Keycloak."
            ) from problem

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        notes = super().change(realm, id_, olds, news)
        return {**notes, "was": {**_noted_by_earlier_versions(olds), **notes["was"]}}

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        uuid, was = props["client_uuid"], {**_noted_by_earlier_versions(props), **(props.get("was") or {})}
        if props.get("on_remove") == KEEP:
            super().remove(realm, id_, props)
            return
        held = content(realm, uuid, str(props["client_id"]))
        if held and (props.get("found") != USED or props.get("on_remove") == REVOKE):
            warn(f"{self._named(props)}: left on, since switching them off would delete {held}.")
            drop_claim(realm.clients, uuid, props["owner"], self.KIND)
            return
        super().remove(realm, id_, props)
        used, revoked = props.get("found") == USED, props.get("on_remove") == REVOKE
        delete_by_products(realm, uuid, was, used=used, revoked=revoked)


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
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(AuthorizationServicesProvider(), resource_name, locals(), opts)
