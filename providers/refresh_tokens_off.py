"""Refresh tokens switched off for a client: the only way to keep the legacy exchange from giving its requester one.

https://www.keycloak.org/docs/latest/server_admin/#_openid_connect_compatibility_modes
"""

from typing import Any

import pulumi

from kcadmin.objects.clients import Client
from kcadmin.objects.setting_claims import REFRESH_TOKENS_CLAIM
from kcadmin.objects.shared_settings import REFRESH_TOKENS, gives_refresh_tokens
from providers.base.connections import Server
from providers.base.provider import Props
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.shared_setting import SharedSettingProvider


class RefreshTokensOffProvider(SharedSettingProvider):
    """Create, read, update and delete of the setting."""

    OBJECT = "refresh tokens of client"
    KIND = REFRESH_TOKENS_CLAIM
    INPUTS = ("realm", "client_id", "client_uuid")

    def values(self, props: Props) -> dict[str, Any]:
        return {REFRESH_TOKENS: "false"}

    def off(self, props: Props) -> dict[str, Any]:
        return {REFRESH_TOKENS: None}

    def shown(self, client: Client) -> Props:
        return {"enabled": not gives_refresh_tokens(client)}


class RefreshTokensOff(KeycloakResource, module="keycloak", name="RefreshTokensOff"):
    """Gives a client no refresh tokens, at its users' logins neither.

    :param client_id: the requester's client id, not its UUID.
    """

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
        super().__init__(RefreshTokensOffProvider(), resource_name, locals(), opts)
