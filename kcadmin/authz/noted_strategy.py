"""The former decision strategy of a shared permission: a claim on its client notes it until the permission is empty."""

from typing import Literal

from kcadmin.authz.management_permissions import KIND as MANAGEMENT
from kcadmin.objects.claims import Claim, Kind, claims
from kcadmin.objects.clients import RECENT_SECONDS
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import drop_claims, write_claim

STRATEGY = Kind(
    "token-exchange-strategy", {}, {"strategy": Literal["AFFIRMATIVE", "UNANIMOUS", "CONSENSUS"]}, ["strategy"]
)


def note_strategy(realm: Realm, client_uuid: str, owner: str, found: str) -> None:
    """Notes the strategy, unless it is noted already, or the permission ends with the last claim on management permissions."""
    client = realm.clients.get(client_uuid)
    if claims(client, MANAGEMENT):
        return
    client = realm.clients.get(client_uuid, max_age=0)
    if client and not claims(client, MANAGEMENT) and not claims(client, STRATEGY):
        write_claim(realm.clients, client_uuid, Claim(owner, STRATEGY, {}, {"strategy": found}))


def noted_strategy(realm: Realm, client_uuid: str) -> str | None:
    """The strategy that is noted at this moment, or None."""
    client = realm.clients.get(client_uuid, max_age=0)
    held = claims(client, STRATEGY)
    return str(held[0].was["strategy"]) if held else None


def forget_strategy(realm: Realm, client_uuid: str) -> None:
    """Drops every owner's note: two owners at once may each have written one."""
    client = realm.clients.get(client_uuid, max_age=RECENT_SECONDS)
    drop_claims(realm.clients, client_uuid, [claim.key for claim in claims(client, STRATEGY)])
