"""How long access tokens live: of the client that exchanges (standard), or that they are for (legacy).

Not capped by the subject token's; capped by the user's session. https://www.keycloak.org/docs/latest/server_admin/#_timeouts
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.objects.clients import Client
from kcadmin.objects.lifespans import LIFESPAN, note_lifespan, seconds_of
from kcadmin.objects.realm import Realm
from kcadmin.objects.setting_claims import LIFESPAN_CLAIM
from providers.base.connections import Server
from providers.base.props import ClientProps, Outputs, outputs
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.shared_setting import SharedSettingProvider, Values
from providers.base.uuids import is_known


@dataclass(frozen=True, kw_only=True)
class LifespanProps(ClientProps):
    seconds: int | None  # None in the state if somebody removed the setting


class TokenLifespanProvider(SharedSettingProvider):
    """Create, read, update and delete of the setting."""

    OBJECT = "token lifespan of client"
    PROPS = LifespanProps
    KIND = LIFESPAN_CLAIM
    CONSTANT = {}
    OFF = {LIFESPAN: None}

    def refusals(self, props: LifespanProps) -> Iterator[str]:
        if props.seconds is not None and is_known(props.seconds) and props.seconds < 1:
            yield f"seconds is {props.seconds}; give a whole number, 1 or more"

    def remove(self, realm: Realm, id_: str, props: LifespanProps) -> None:
        if props.seconds:
            note_lifespan(realm, props.client_uuid, props.seconds)
        super().remove(realm, id_, props)

    def values(self, props: LifespanProps) -> Values:
        return {LIFESPAN: str(props.seconds) if props.seconds else None}

    def shown(self, client: Client) -> Outputs:
        return outputs(seconds=seconds_of(client.value(LIFESPAN)))


class TokenLifespan(KeycloakResource, module="keycloak", name="TokenLifespan"):
    """Sets the access token lifespan of a client, also of its ordinary tokens.

    :param client_id: a client id, not a UUID. seconds: how long its access tokens live.
    """

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        client_id: Text,
        seconds: pulumi.Input[int],
        client_uuid: Text | None = None,
        owner: Text | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TokenLifespanProvider(), resource_name, locals(), opts)
