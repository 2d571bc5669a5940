"""Full scope switched off: a client's tokens carry no roles but those that are mapped to it.

https://www.keycloak.org/docs/latest/server_admin/#_role_scope_mappings
"""

import pulumi

from kcadmin.objects.clients import FULL_SCOPE, Client
from kcadmin.objects.setting_claims import FULL_SCOPE_CLAIM
from providers.base.connections import Server
from providers.base.props import ClientProps, Outputs, outputs
from providers.base.resource import KeycloakResource, Text, Texts
from providers.base.shared_setting import SharedSettingProvider, Values


class FullScopeOffProvider(SharedSettingProvider):
    """Create, read, update and delete of the setting."""

    OBJECT = "full scope of client"
    PROPS = ClientProps
    KIND = FULL_SCOPE_CLAIM
    OFF = {FULL_SCOPE: True}

    def values(self, props: ClientProps) -> Values:
        return {FULL_SCOPE: False}

    def shown(self, client: Client) -> Outputs:
        return outputs(enabled=not client.is_on(FULL_SCOPE))


class FullScopeOff(KeycloakResource, module="keycloak", name="FullScopeOff"):
    """Removes roles that are not mapped to a client from all its tokens, and so the audiences of these roles.

    :param client_id: the client whose tokens change; a client id, not a UUID.
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
        super().__init__(FullScopeOffProvider(), resource_name, locals(), opts)
