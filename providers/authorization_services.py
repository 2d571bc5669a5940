"""Authorization services of a client, with the service account that Keycloak requires for them.

https://www.keycloak.org/docs/latest/authorization_services/#_resource_server_overview
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.authz.authorization_services import ACCOUNT, KIND, MAPPERS, SERVICES, content, delete_by_products
from kcadmin.marks.ownership import NAME_LIMIT
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import USED
from kcadmin.objects.side_effects import SIDE_ROLE, account_mappers
from kcadmin.rest.errors import SERVER_ERROR, HttpError, Refusal
from providers.base.connections import Server
from providers.base.messages import warn
from providers.base.props import ClientProps, Outputs, output, outputs
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.shared_setting import SharedSettingProvider, Values
from providers.base.uuids import is_known

LONGEST_CLIENT_ID = NAME_LIMIT - len("service-account-")  # the server answers 500 to more
LONGEST_UP_TO_26_2 = NAME_LIMIT - len("urn::resources:default")  # the type of the default resource, which it made then


@dataclass(frozen=True, kw_only=True)
class ServicesProps(ClientProps):
    side_role_was: bool | None = output()  # of earlier versions


class AuthorizationServicesProvider(SharedSettingProvider):
    """Create, read, update and delete of a client's resource server."""

    OBJECT = "authorization services of client"
    PROPS = ServicesProps
    KIND = KIND
    OFF = {SERVICES: False, ACCOUNT: False}

    def refusals(self, props: ServicesProps) -> Iterator[str]:
        length = len(props.client_id) if is_known(props.client_id) else 0
        if LONGEST_CLIENT_ID < length <= NAME_LIMIT:
            yield (
                f"client_id has {length} characters, too many for the name of its service account; "
                f"shorten it to {LONGEST_CLIENT_ID}"
            )

    def values(self, props: ServicesProps) -> Values:
        return {SERVICES: True, ACCOUNT: True}

    def shown(self, client: Client) -> Outputs:
        return outputs(enabled=client.is_on(SERVICES) and client.is_on(ACCOUNT))

    def fetch(self, realm: Realm, id_: str, props: ClientProps | ServicesProps) -> Outputs | None:
        client = realm.clients.get(props.client_uuid)
        if client and not client.is_on(SERVICES):
            realm.resource_server(client.uuid).rules()  # 501 if the server hides them: then they are not off
        return super().fetch(realm, id_, props)

    def noted(self, realm: Realm, client: Client) -> Values:
        found = sorted(account_mappers(client))
        return {SIDE_ROLE: realm.clients.has_role(client.uuid, SIDE_ROLE), **({MAPPERS: found} if found else {})}

    def noted_apart(self, olds: ServicesProps) -> Values:
        return {} if olds.side_role_was is None else {SIDE_ROLE: olds.side_role_was}

    def create_in(self, realm: Realm, props: ServicesProps) -> tuple[str, Outputs]:
        length = len(props.client_id)
        try:
            return super().create_in(realm, props)
        except HttpError as problem:
            if problem.status != SERVER_ERROR or length <= LONGEST_UP_TO_26_2:
                raise
            wrong = f"client_id has {length} characters, of which Keycloak up to 26.2 takes {LONGEST_UP_TO_26_2} here"
            raise Refusal(
                f"{self.named(props)}: {wrong} ({problem.clause}); shorten it, or update Keycloak."
            ) from problem

    def remove(self, realm: Realm, id_: str, props: ServicesProps) -> None:
        if props.keep:
            super().remove(realm, id_, props)
            return
        held, used = content(realm, props.client_uuid, props.client_id), props.found == USED
        if held and (not used or props.revoke):
            warn(f"{self.named(props)}: left on, since switching them off would delete {held}.")
            self.claim(realm, props).drop()
            return
        super().remove(realm, id_, props)
        was = {**self.noted_apart(props), **(props.was or {})}
        delete_by_products(realm, props.client_uuid, was, used=used, revoked=props.revoke)


class AuthorizationServices(KeycloakResource, module="keycloak", name="AuthorizationServices"):
    """Makes a confidential client a resource server with a service account.

    :param realm: the realm's name.
    :param client_id: the client id, not its UUID.
    :param on_remove: ``restore`` restores the former setting, ``revoke`` switches them off, ``keep`` leaves them on.
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
