"""Management permissions of a client: the permissions on ``realm-management`` that say who may manage, or exchange to, it.

Needs the feature ``admin-fine-grained-authz:v1``.
https://www.keycloak.org/securing-apps/token-exchange#_client-to-client-permission
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from kcadmin.authz.management_permissions import KIND, cached_management, release_management, take_management
from kcadmin.objects.claims import Kind, claims
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import TOKEN_EXCHANGE
from kcadmin.objects.shared_settings import CLAIMED
from kcadmin.rest.texts import named, quoted
from providers.base.after_removal import never_in_the_way, warn_of
from providers.base.claimed import ClaimedProvider, setting_id
from providers.base.connections import Server
from providers.base.messages import info, warn
from providers.base.props import ClientProps, Outputs, output, outputs
from providers.base.resource import KeycloakResource, Text, Texts
from reach.after_removal import policies_stay
from reach.judged_writes import ClientWrite, claim_write


@dataclass(frozen=True, kw_only=True)
class ManagedProps(ClientProps):
    token_exchange_permission: str | None = output()


class ManagementPermissionsProvider(ClaimedProvider):
    """Create, read, update and delete: claimed on the client first, since permissions have no room for a mark."""

    OBJECT = "management permissions of client"
    PROPS = ManagedProps
    CONSTANT = {"enabled": True}
    PLANNED = True

    def create_in(self, realm: Realm, props: ManagedProps) -> tuple[str, Outputs]:
        return setting_id(realm, props.client_uuid, KIND), self._take(realm, props, None)

    def change(self, realm: Realm, id_: str, olds: ManagedProps, news: ManagedProps) -> Outputs:
        notes = self._take(realm, news, olds)
        self.drop_former(realm, olds, news)
        return notes

    def fetch(self, realm: Realm, id_: str, props: ManagedProps) -> Outputs | None:
        client = realm.clients.get(props.client_uuid)
        now = cached_management(realm, props.client_uuid, was_on=True) if client else None
        if client is None or now is None:
            return None
        lost = self.lost(self.claim(realm, props).mark(), id_, props) if props.found == CLAIMED else {}
        permission = now.permissions.get(TOKEN_EXCHANGE)
        shown = outputs(client_id=client.client_id, enabled=now.enabled, token_exchange_permission=permission)
        return {**shown, **lost}

    def kind(self, props: ManagedProps) -> Kind:
        return KIND

    def client_writes(self, realm: Realm, olds: ManagedProps | None, props: ManagedProps) -> Iterator[ClientWrite]:
        client = realm.clients.get(props.client_uuid)
        if client is None or self.claim(realm, props).found():
            return
        now = cached_management(realm, client.uuid)
        is_used = now is not None and now.enabled and not claims(client, KIND) and not props.revoke
        if not is_used:
            yield claim_write(client, props.owner, KIND)

    def remove(self, realm: Realm, id_: str, props: ManagedProps) -> None:
        uuid, owner, permission = props.client_uuid, props.owner, props.token_exchange_permission
        off, unmanaged = release_management(realm, uuid, owner, props.taken, revoke=props.revoke, permission=permission)
        if unmanaged:
            warn(f"{self.named(props)}: stay on, since they hold the policies {quoted(unmanaged)}.")
        if off:
            info(
                f"{self.named(props)}: are off again; {named(realm.management_client_id)} keeps its resource server "
                "with seven scopes, which no request can remove."
            )
        elif permission:
            with never_in_the_way(self.named(props)):
                warn_of(realm, policies_stay(realm, props.client_id, permission))

    def _take(self, realm: Realm, props: ManagedProps, olds: ManagedProps | None) -> Outputs:
        remembered, former = (olds.taken, olds.owner) if olds else (None, None)
        uuid, owner, by, always = props.client_uuid, props.owner, props.writer, props.revoke
        taken, now = take_management(realm, uuid, owner, remembered, writer=by, always=always, former=former)
        permission = now.permissions.get(TOKEN_EXCHANGE)
        return outputs(found=taken.found, was=dict(taken.was), token_exchange_permission=permission)


class ManagementPermissions(KeycloakResource, module="keycloak", name="ManagementPermissions"):
    """Switches a client's management permissions on.

    :param realm: the realm's name.
    :param client_id: the client id, not its UUID.
    :param on_remove: ``restore`` restores the former setting, ``revoke`` switches them off unless they hold unmanaged policies.
    """

    client_id: pulumi.Output[str]
    client_uuid: pulumi.Output[str]
    enabled: pulumi.Output[bool]
    token_exchange_permission: pulumi.Output[str]

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
        super().__init__(ManagementPermissionsProvider(), resource_name, locals(), opts)
