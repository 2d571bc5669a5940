"""Management permissions of a client: the permissions on ``realm-management`` that say who may manage, or exchange to, it.

Needs the feature ``admin-fine-grained-authz:v1``.
https://www.keycloak.org/securing-apps/token-exchange#_client-to-client-permission
"""

from collections.abc import Iterator

import pulumi

from kcadmin.errors import NotImplementedHere, Refusal, sentence
from kcadmin.features import PERMISSIONS_FEATURE
from kcadmin.ownership import Claim, claim_key, claims
from kcadmin.permissions import TOKEN_EXCHANGE, management, set_management
from kcadmin.realm import Realm
from kcadmin.shared_settings import CLAIMED, USED, drop_claim, write_claim
from providers._base import REVOKE, KeycloakProvider, Props
from providers.resource import KeycloakResource

KIND = "management-permissions"


class ManagementPermissionsProvider(KeycloakProvider):
    """Create, read, update and delete: claimed on the client first, since permissions have no room for a mark."""

    OBJECT = "management permissions of client"
    INPUTS = ("realm", "client_id", "client_uuid")
    CONSTANT = {"enabled": True}

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        id_ = f"{realm.name}/{props['client_uuid']}/{KIND}"
        try:
            return id_, self._switch_on(realm, props)
        except NotImplementedHere:
            raise Refusal(sentence("client", props["client_id"], realm.name, "has no management permissions on this "
                                   "server", f"start Keycloak with --features={PERMISSIONS_FEATURE}")) from None

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        notes = self._switch_on(realm, news, remembered=olds)
        if news["owner"] != olds["owner"]:
            drop_claim(realm.clients, news["client_uuid"], olds["owner"], KIND)
        return notes

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        client = realm.clients.get(props["client_uuid"])
        now = management(realm, props["client_uuid"]) if client else None
        if client is None or now is None:
            return None
        lost = props.get("found") == CLAIMED and claim_key(props["owner"], KIND) not in client.attributes
        return {"enabled": now.enabled, "token_exchange_permission": now.permissions.get(TOKEN_EXCHANGE),
                **({"owner": ""} if lost else {})}

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        uuid, revoke = props["client_uuid"], props.get("on_remove") == REVOKE
        with realm.clients.lock(uuid):
            client = realm.clients.get(uuid, max_age=0)
            if client is None or (props.get("found") == USED and not revoke):
                return
            held = claims(client.attributes, KIND)
            mine = next((claim for claim in held if claim.owner == props["owner"]), None)
            was = mine.was if mine else props.get("was") or {}
            last = not [claim for claim in held if claim.owner != props["owner"]]
            if last and (revoke or not was.get("enabled")):
                strangers = sorted(self._policies(realm, uuid))
                if strangers:
                    pulumi.log.warn(f"{self._named(props)}: stay on, since they hold the policies {', '.join(strangers)}.")
                else:
                    set_management(realm, uuid, False)
                    pulumi.log.info(f"{self._named(props)}: are off again; '{realm.management_client_id}' keeps its resource "
                                    "server with seven scopes, which no request can remove.")
            drop_claim(realm.clients, uuid, props["owner"], KIND)
            again = realm.clients.get(uuid, max_age=0)
            if last and again and claims(again.attributes, KIND):
                set_management(realm, uuid, True)  # another stack came while we left

    def _switch_on(self, realm: Realm, props: Props, remembered: Props | None = None) -> Props:
        uuid = props["client_uuid"]
        with realm.clients.lock(uuid):
            client = realm.clients.get(uuid)
            held = claims(client.attributes, KIND) if client else []
            now = management(realm, uuid) if held or remembered else None
            ours_before = (remembered or {}).get("found") == CLAIMED
            if not held and not ours_before:
                now = management(realm, uuid)
                if now and now.enabled:
                    return {"found": USED, "was": {}, "token_exchange_permission": now.permissions.get(TOKEN_EXCHANGE)}
            was = held[0].was if held else (remembered or {}).get("was") or {"enabled": False}
            write_claim(realm.clients, uuid, Claim(props["owner"], KIND, {"enabled": True}, was))
            if now is None or not now.enabled:
                now = set_management(realm, uuid, True)
            return {"found": CLAIMED, "was": dict(was), "token_exchange_permission": now.permissions.get(TOKEN_EXCHANGE)}

    def _policies(self, realm: Realm, uuid: str) -> Iterator[str]:
        now = management(realm, uuid)
        server = realm.permissions_server()
        for permission in (now.permissions.values() if now else ()):
            yield from (f"'{policy['name']}'" for policy in server.policies_of(permission))


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

    def __init__(self, resource_name: str, *, realm: pulumi.Input[str], client_id: pulumi.Input[str],
                 client_uuid: pulumi.Input[str] | None = None, owner: pulumi.Input[str] | None = None,
                 on_remove: pulumi.Input[str] | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(ManagementPermissionsProvider(), resource_name, {
            "realm": realm, "client_id": client_id, "client_uuid": client_uuid, "owner": owner,
            "on_remove": on_remove}, opts)
