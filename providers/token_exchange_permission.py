"""Our policies on the permission that Keycloak evaluates at each legacy exchange to a client.

Keycloak makes that permission on ``realm-management`` (in ``master``: ``master-realm``) with the client's management
permissions. It is shared: only our policies are added and taken out.
https://www.keycloak.org/securing-apps/token-exchange#_client-to-client-permission
"""

from collections.abc import Iterator

import pulumi

from kcadmin.management import KIND as MANAGEMENT
from kcadmin.ownership import Claim, claims, hash16
from kcadmin.permissions import AFFIRMATIVE, attach, attached, detach, is_ours
from kcadmin.realm import Realm
from kcadmin.shared_settings import drop_claim, write_claim
from providers._base import KeycloakProvider, Props
from providers._uuids import is_known
from providers.resource import KeycloakResource, Text, Texts

KIND = "token-exchange-strategy"


class TokenExchangePermissionProvider(KeycloakProvider):
    """Create, read, update and delete of our part in the permission."""

    OBJECT = "token-exchange permission of client"
    INPUTS = ("realm", "client_id", "client_uuid", "policies")
    CONSTANT = {"decision_strategy": AFFIRMATIVE}
    SETS = ("policies",)

    def refusals(self, props: Props) -> Iterator[str]:
        if is_known(props.get("policies")) and not props.get("policies"):
            yield "policies is empty; give the id of at least one policy"

    def create_in(self, realm: Realm, props: Props) -> tuple[str, Props]:
        def note_strategy(found: str) -> None:
            client = realm.clients.get(props["client_uuid"])
            if client and not claims(client.attributes, MANAGEMENT):  # else the whole permission goes with our claim
                write_claim(realm.clients, client.uuid, Claim(props["owner"], KIND, {}, {"strategy": found}))

        now = attach(realm, props["client_uuid"], props["client_id"], props["policies"], note_strategy)
        return f"{realm.name}/{props['client_uuid']}/token-exchange", {"found": "attached", "permission": now.name}

    def change(self, realm: Realm, id_: str, olds: Props, news: Props) -> Props:
        gone = set(olds["policies"]) - set(news["policies"])
        notes = self.create_in(realm, news)[1]
        if gone:
            detach(realm, news["client_uuid"], gone, soon_deleted=lambda: False, restore_strategy=None)
        if news["owner"] != olds["owner"]:
            self._move_claim(realm, olds, news)
        return notes

    def fetch(self, realm: Realm, id_: str, props: Props) -> Props | None:
        now = attached(realm, props["client_uuid"])
        if now is None:
            return None
        return {
            "policies": [policy for policy in props["policies"] if policy in now.policies],
            "decision_strategy": now.strategy,
            "permission": now.name,
        }

    def remove(self, realm: Realm, id_: str, props: Props) -> None:
        def all_ours() -> bool:
            server, owner = realm.permissions_server(), hash16(props["owner"])
            return all(is_ours(server, policy, owner) for policy in props["policies"])

        held = self._held(realm, props["client_uuid"])
        detach(
            realm,
            props["client_uuid"],
            props["policies"],
            soon_deleted=all_ours,
            restore_strategy=str(held[0].was["strategy"]) if held else None,
        )
        drop_claim(realm.clients, props["client_uuid"], props["owner"], KIND)

    def _move_claim(self, realm: Realm, olds: Props, news: Props) -> None:
        for claim in self._held(realm, news["client_uuid"]):
            if claim.owner == olds["owner"]:
                write_claim(realm.clients, news["client_uuid"], Claim(news["owner"], KIND, {}, claim.was))
                drop_claim(realm.clients, news["client_uuid"], olds["owner"], KIND)

    def _held(self, realm: Realm, uuid: str) -> list[Claim]:
        client = realm.clients.get(uuid)
        return claims(client.attributes, KIND) if client else []


class TokenExchangePermission(KeycloakResource, module="keycloak", name="TokenExchangePermission"):
    """Hangs policies on the token-exchange permission of a target.

    :param client_id: the target's client id, not its UUID; its management permissions must be on.
    :param policies: ids of policies on the same ``realm-management``. Any of them may allow the exchange.
    """

    client_uuid: pulumi.Output[str]
    permission: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        realm: Text,
        client_id: Text,
        policies: Texts,
        client_uuid: Text | None = None,
        owner: Text | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TokenExchangePermissionProvider(), resource_name, locals(), opts)
