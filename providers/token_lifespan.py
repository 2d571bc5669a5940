"""How long access tokens live: of the client that exchanges (standard), or that they are for (legacy).

Not capped by the subject token's; capped by the user's session. https://www.keycloak.org/docs/latest/server_admin/#_timeouts
"""

from collections.abc import Iterator
from typing import Any

import pulumi

from kcadmin.objects.clients import Client
from kcadmin.objects.lifespans import LIFESPAN, note_lifespan, seconds_of
from kcadmin.objects.realm import Realm
from kcadmin.objects.setting_claims import LIFESPAN_CLAIM
from providers.base.connections import Server
from providers.base.provider import Props
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.shared_setting import SharedSettingProvider
from providers.base.uuids import is_known


class TokenLifespanProvider(SharedSettingProvider):
    """Create, read, update and delete of the setting."""

    OBJECT = "token lifespan of client"
    KIND = LIFESPAN_CLAIM
    INPUTS = ("realm", "client_id", "client_uuid", "seconds")
    CONSTANT = {}

    def refusals(self, props: Props) -> Iterator[str]:
        seconds = props.get("seconds")
        if is_known(seconds) and not (isinstance(seconds, int | float) and seconds >= 1 and seconds == int(seconds)):
            yield f"seconds is {seconds!r}; give a whole number, 1 or more"

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        if props.get("seconds"):
            note_lifespan(realm, props["client_uuid"], int(props["seconds"]))
        super().remove(realm, id_, props)

    def values(self, props: Props) -> dict[str, Any]:
        seconds = props.get("seconds")  # none in the state when somebody has taken the setting away
        return {LIFESPAN: str(int(seconds)) if seconds else None}

    def off(self, props: Props) -> dict[str, Any]:
        return {LIFESPAN: None}

    def shown(self, client: Client) -> Props:
        return {"seconds": seconds_of(client.value(LIFESPAN))}


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
