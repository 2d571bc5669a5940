"""Management permissions of a client: the permissions on ``realm-management`` that say who may manage, or exchange to, it.

Needs the feature ``admin-fine-grained-authz:v1``.
https://www.keycloak.org/securing-apps/token-exchange#_client-to-client-permission
"""

from collections.abc import Iterator

import pulumi

from kcadmin.authz.management_permissions import KIND, cached_management, release_management, take_management
from kcadmin.objects.claims import claim_of, claims
from kcadmin.objects.features import PERMISSIONS_FEATURE
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import TOKEN_EXCHANGE
from kcadmin.objects.shared_settings import CLAIMED, Taken, drop_claim
from kcadmin.rest.errors import NotImplementedHere, Refusal, sentence
from kcadmin.rest.texts import named, quoted
from providers.base.after_removal import never_in_the_way, warn_of_policies
from providers.base.compare import REVOKE
from providers.base.connections import Server
from providers.base.held import ObjectMark, writer
from providers.base.judged_writes import ClientWrite, claim_write
from providers.base.messages import info, warn
from providers.base.provider import KeycloakProvider, Props
from providers.base.resource import KeycloakResource, Text, Texts


class ManagementPermissionsProvider(KeycloakProvider):
    """Create, read, update and delete: claimed on the client first, since permissions have no room for a mark."""

    OBJECT = "management permissions of client"
    INPUTS = ("realm", "client_id", "client_uuid")
    CONSTANT = {"enabled": True}
    PLANNED = True

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        return f"{realm.name}/{props['client_uuid']}/{KIND}", self._taken(realm, props, None, None)

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        notes = self._taken(realm, news, Taken(str(olds.get("found")), olds.get("was") or {}), olds["owner"])
        if news["owner"] != olds["owner"]:
            drop_claim(realm.clients, news["client_uuid"], olds["owner"], KIND)
        return notes

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        client = realm.clients.get(props["client_uuid"])
        now = cached_management(realm, props["client_uuid"]) if client else None
        if client is None or now is None:
            return None
        claim = claim_of(client, props["owner"], KIND)
        lost = self.lost(ObjectMark.of(claim), id_, props) if props.get("found") == CLAIMED else {}
        shown = {"client_id": client.client_id, "enabled": now.enabled, **lost}
        return {**shown, "token_exchange_permission": now.permissions.get(TOKEN_EXCHANGE)}

    def bears(self, realm: Realm, id_: str, props: Props) -> ObjectMark | None:
        return ObjectMark.of(claim_of(realm.clients.get(props["client_uuid"], max_age=0), props["owner"], KIND))

    def client_writes(self, realm: Realm, olds: Props, props: Props) -> Iterator[ClientWrite]:
        client = realm.clients.get(props["client_uuid"])
        if client is None or claim_of(client, props["owner"], KIND):
            return
        now = cached_management(realm, client.uuid)
        is_used = now is not None and now.enabled and not claims(client, KIND) and props.get("on_remove") != REVOKE
        if not is_used:
            yield claim_write(client, props["owner"], KIND)

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        taken, revoke = Taken(str(props.get("found")), props.get("was") or {}), props.get("on_remove") == REVOKE
        uuid, permission = props["client_uuid"], props.get("token_exchange_permission")
        off, strangers = release_management(realm, uuid, props["owner"], taken, revoke=revoke, permission=permission)
        if strangers:
            warn(f"{self._named(props)}: stay on, since they hold the policies {quoted(strangers)}.")
        if off:
            info(
                f"{self._named(props)}: are off again; {named(realm.management_client_id)} keeps its resource server "
                "with seven scopes, which no request can remove."
            )
        elif permission:
            with never_in_the_way(self._named(props)):
                warn_of_policies(realm, props["client_id"], permission)

    def _taken(self, realm: Realm, props: Props, remembered: Taken | None, former: str | None) -> Props:
        uuid, owner, by = props["client_uuid"], props["owner"], writer(props)
        try:
            revoke = props.get("on_remove") == REVOKE
            taken, now = take_management(realm, uuid, owner, remembered, writer=by, always=revoke, former=former)
        except NotImplementedHere:
            remedy = f"start Keycloak with --features={PERMISSIONS_FEATURE}"
            wrong = "has no management permissions on this server"
            raise Refusal(sentence("client", props["client_id"], realm.name, wrong, remedy)) from None
        ids = {"token_exchange_permission": now.permissions.get(TOKEN_EXCHANGE)}
        return {"found": taken.found, "was": dict(taken.was), **ids}


class ManagementPermissions(KeycloakResource, module="keycloak", name="ManagementPermissions"):
    """Switches a client's management permissions on.

    :param realm: the realm's name.
    :param client_id: the client id, not its UUID.
    :param on_remove: ``restore`` gives back what was found, ``revoke`` switches them off, but for strangers' policies.
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
