"""The switch of the standard token exchange, an attribute of the client that calls the token endpoint.

https://www.keycloak.org/securing-apps/token-exchange#_standard-token-exchange-enable
"""

from dataclasses import dataclass

import pulumi

from kcadmin.marks.ownership import same_stack
from kcadmin.objects.clients import Client
from kcadmin.objects.features import REFRESH as REFRESH
from kcadmin.objects.features import SAME_SESSION as SAME_SESSION
from kcadmin.objects.features import STANDARD, SWITCH_CLAIM
from kcadmin.objects.features import SWITCH as SWITCH
from kcadmin.objects.realm import Realm
from providers.base.after_removal import tell_token_life, warn_of
from providers.base.connections import Server
from providers.base.props import ClientProps, Outputs, outputs
from providers.base.resource import Flag, KeycloakResource, Text, Texts
from providers.base.shared_setting import SharedSettingProvider, Values
from reach.after_removal import switch_stays

KIND = SWITCH_CLAIM


@dataclass(frozen=True, kw_only=True)
class SwitchProps(ClientProps):
    allow_refresh: bool = False


class StandardTokenExchangeProvider(SharedSettingProvider):
    """Create, read, update and delete of the switch."""

    OBJECT = "standard token exchange of client"
    PROPS = SwitchProps
    KIND = KIND
    OFF = {SWITCH: None, REFRESH: None}

    def values(self, props: SwitchProps) -> Values:
        return {SWITCH: "true", REFRESH: SAME_SESSION if props.allow_refresh else None}

    def tell_left(self, realm: Realm, client: Client, others: list[str], props: SwitchProps) -> None:
        tell_token_life(realm, client.with_values(self.values(props)), STANDARD)
        foreign = [owner for owner in others if not same_stack(owner, props.owner)]
        if client.is_on(SWITCH) and (foreign or not others):
            warn_of(realm, switch_stays(realm, client, foreign))

    def shown(self, client: Client) -> Outputs:
        return outputs(enabled=client.is_on(SWITCH), allow_refresh=client.value(REFRESH) == SAME_SESSION)


class StandardTokenExchange(KeycloakResource, module="keycloak", name="StandardTokenExchange"):
    """Lets a confidential client call the standard token exchange (RFC 8693).

    :param realm: the realm's name.
    :param client_id: the requester's client id, not its UUID.
    :param allow_refresh: also answer ``requested_token_type`` refresh token, in the same session only.
    :param on_remove: ``restore`` restores the former setting, ``revoke`` switches it off, ``keep`` leaves it on.
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
        allow_refresh: Flag | None = None,
        owner: Text | None = None,
        on_remove: Text | None = None,
        accept_policy_changes: Texts | None = None,
        connection: Server | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(StandardTokenExchangeProvider(), resource_name, locals(), opts)
