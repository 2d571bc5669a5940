"""What an import finds on the server: an object's id, and its fields as in a state.

An object that no stack made is used unchanged.
"""

from dataclasses import asdict
from functools import singledispatch
from typing import Any

from kcadmin.authz.exchange_permission import AFFIRMATIVE, attached
from kcadmin.authz.management_permissions import KIND as MANAGEMENT
from kcadmin.authz.management_permissions import management
from kcadmin.guards.marks import KIND as GUARDS
from kcadmin.guards.read_back import read_guards
from kcadmin.marks.ownership import hash16
from kcadmin.marks.whose import whose
from kcadmin.objects.claims import Claim, claim_of, claims
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.recorded_events import KIND as EVENTS
from kcadmin.objects.recorded_events import read_recorded, serves
from kcadmin.objects.resource_server import TOKEN_EXCHANGE
from kcadmin.objects.shared_settings import CLAIMED, USED
from kcadmin.rest.errors import Refusal
from providers.base.attached import ATTACHED, FOUND
from providers.base.claimed import ClaimedProvider, setting_id
from providers.base.held import NUMBER
from providers.base.owned import CREATED, OwnedObjectProvider
from providers.base.provider import KeycloakProvider
from providers.base.shared_setting import SharedSettingProvider
from providers.client_scope_assignment import ClientScopeAssignmentProvider
from providers.exchange_events import ExchangeEventsProvider
from providers.exchange_guards import ExchangeGuardsProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.token_exchange_permission import TokenExchangePermissionProvider

Props = dict[str, Any]
Existing = tuple[str, Props] | None
SHARES = "remove the import: `pulumi up` shares it with its owners"


@singledispatch
def existing(provider: KeycloakProvider, realm: Realm, props: Props) -> Existing:
    """An existing object's id and fields; None if it does not exist. props: where it is, and its owner.

    :raises Refusal: it is another stack's.
    """
    return None


@existing.register
def _object(provider: OwnedObjectProvider, realm: Realm, props: Props) -> Existing:  # type: ignore[type-arg]
    store = provider.snapshot(realm, provider.parse(props, in_part=True))
    there = next((each for each in store.named(props["name"]) if each.name == props["name"]), None)
    if there is None:
        return None
    if getattr(there, "logic", None) == "":  # how a store shows an object of another type
        raise Refusal(f"{provider.named(props)}: is an object of another type; import it as that.")
    if there.mark is None:
        notes: Props = {"found": USED}
    elif there.mark == hash16(str(props["owner"])):
        notes = {"found": CREATED, NUMBER: there.writer.number or None}
    else:
        raise Refusal(
            f"{provider.named(props)}: belongs to {whose(there.owner)}; keep it there, or remove it there first."
        )
    given = provider.parse({**props, **notes}, in_part=True)
    return str(there.id), {**notes, **provider.shown(realm, there, given)}


@existing.register
def _setting(provider: SharedSettingProvider, realm: Realm, props: Props) -> Existing:
    client = realm.clients.get(props["client_uuid"])
    seen = provider.shown(client) if client else {}
    if client is None or seen.get("enabled") is False or all(each is None for each in seen.values()):
        return None
    notes = _claimed(provider, realm, client, props)
    return setting_id(realm, client.uuid, provider.KIND), {**seen, **notes}


@existing.register
def _management(provider: ManagementPermissionsProvider, realm: Realm, props: Props) -> Existing:
    client, now = realm.clients.get(props["client_uuid"]), management(realm, props["client_uuid"])
    if client is None or now is None or not now.enabled:
        return None
    seen = {"enabled": True, "token_exchange_permission": now.permissions.get(TOKEN_EXCHANGE)}
    return setting_id(realm, client.uuid, MANAGEMENT), {**seen, **_claimed(provider, realm, client, props)}


@existing.register
def _assignment(provider: ClientScopeAssignmentProvider, realm: Realm, props: Props) -> Existing:
    client = realm.clients.get(props["client_uuid"])
    kind = realm.client_scopes.kind_of(props["client_uuid"], props["scope"])
    if client is None or kind is None:
        return None
    scope, notes = realm.client_scopes.named(props["scope"])[0], _claimed(provider, realm, client, props)
    ours = notes["found"] == CLAIMED or scope.mark == hash16(str(props["owner"]))
    found = {"scope_id": str(scope.id), "found": CREATED if ours else USED}
    return f"{realm.name}/{client.uuid}/{scope.id}", {**notes, "kind": kind, "takes_away": None, "was": None, **found}


@existing.register
def _binding(provider: TokenExchangePermissionProvider, realm: Realm, props: Props) -> Existing:
    now = attached(realm, props["client_uuid"])
    if now is None or not now.policies:
        return None
    ours = sorted(each for each, mark in now.marks.items() if mark == hash16(str(props["owner"])))
    policies = ours or sorted(now.policies.keys() - now.marked)
    if not policies:
        raise Refusal(f"{provider.named(props)}: holds only policies of other stacks; {SHARES}.")
    if now.strategy != AFFIRMATIVE and not now.is_alone(policies):
        wrong = f"decides {now.strategy} between several policies, where any of them may allow the exchange here"
        raise Refusal(f"{provider.named(props)}: {wrong}; set its decision strategy to AFFIRMATIVE first.")
    return f"{realm.name}/{props['client_uuid']}/token-exchange", {
        "policies": policies,
        "found": ATTACHED if ours else FOUND,
    }


@existing.register
def _events(provider: ExchangeEventsProvider, realm: Realm, props: Props) -> Existing:
    seen, owner = read_recorded(realm), str(props["owner"])
    mine = seen.of(owner)
    if mine is None and not serves(seen.config, None):
        return None
    wish = mine.set.get("expiration") if mine else None
    return f"{realm.name}/{EVENTS}", {**_notes(provider, props, mine, others=bool(seen.claims)), "expiration": wish}


@existing.register
def _guards(provider: ExchangeGuardsProvider, realm: Realm, props: Props) -> Existing:
    held = read_guards(realm, str(props["owner"]))
    if held is None:
        return None
    declared = {key: each or None for key, each in asdict(held.guards).items()}
    notes = {"client_uuids": dict(held.uuids), NUMBER: held.writer.number or None}
    return f"{realm.name}/{GUARDS}", {**declared, "requesters": held.guards.requesters, **notes}


def _claimed(provider: ClaimedProvider, realm: Realm, client: Client, props: Props) -> Props:
    kind = provider.kind(provider.parse(props, in_part=True))
    return _notes(provider, props, claim_of(client, str(props["owner"]), kind), others=bool(claims(client, kind)))


def _notes(provider: KeycloakProvider, props: Props, mine: Claim | None, *, others: bool) -> Props:
    """What a state keeps about a setting. :raises Refusal: others claim it, and this owner does not."""
    if mine:
        return {"found": CLAIMED, "was": dict(mine.was), NUMBER: mine.writer.number or None}
    if others:
        raise Refusal(f"{provider.named(props)}: is claimed by another owner; {SHARES}.")
    return {"found": USED, "was": {}}
