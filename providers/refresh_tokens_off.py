"""Refresh tokens switched off for a client: the only way to keep the legacy exchange from giving its requester one.

https://www.keycloak.org/docs/latest/server_admin/#_openid_connect_compatibility_modes
"""

import pulumi

from kcadmin.objects.clients import Client
from kcadmin.objects.setting_claims import REFRESH_TOKENS_CLAIM
from kcadmin.objects.shared_settings import REFRESH_TOKENS, gives_refresh_tokens
from providers.base.connections import Server
from providers.base.props import ClientProps, Outputs, outputs
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.shared_setting import SharedSettingProvider, Values


class RefreshTokensOffProvider(SharedSettingProvider):
    """Create, read, update and delete of the setting."""

    OBJECT = "refresh tokens of client"
    PROPS = ClientProps
    KIND = REFRESH_TOKENS_CLAIM
    OFF = {REFRESH_TOKENS: None}

    def values(self, props: ClientProps) -> Values:
        return {REFRESH_TOKENS: "false"}

    def shown(self, client: Client) -> Outputs:
        return outputs(enabled=not gives_refresh_tokens(client))


class RefreshTokensOff(KeycloakResource, module="keycloak", name="RefreshTokensOff"):
    """Switches off refresh tokens for a client, also at its users' logins.

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
