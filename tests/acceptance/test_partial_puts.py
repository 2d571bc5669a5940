"""A write of ours changes what it says and nothing else, whatever the client looks like; and giving it back leaves no trace.

``SHAPE_SEED`` draws other clients; what the server changes by itself stands in ``kcadmin/writes/partial_put.py``.
"""

import os
from itertools import cycle
from typing import Any

import pytest

from kcadmin.marks.ownership import CLAIM_PREFIX
from kcadmin.objects.claims import Claim, Kind
from kcadmin.objects.realm import realm_for
from kcadmin.objects.shared_settings import drop_claim, write_claim
from kcadmin.rest.session import session_for
from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.full_scope_off import FullScopeOffProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.refresh_tokens_off import RefreshTokensOffProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_lifespan import TokenLifespanProvider
from tests.conftest import MakeRealm
from tests.support.engine import Engine, forget
from tests.support.realms import TestRealm
from tests.support.robots import robot_engine
from tests.support.shaped_clients import shaped_clients

NUMBER = 42  # of clients: every pair of redirect URIs and web origins once
SEED = int(os.environ.get("SHAPE_SEED", "1"))
OWNER = "org/project/stack#test"
GUARD = Kind("guard:x")
SETTINGS: list[tuple[type[Any], dict[str, Any], set[str]]] = [
    (
        StandardTokenExchangeProvider,
        {"allow_refresh": True},
        {
            "attributes.standard.token.exchange.enabled",
            "attributes.standard.token.exchange.enableRefreshRequestedTokenType",
        },
    ),
    (TokenLifespanProvider, {"seconds": 77}, {"attributes.access.token.lifespan"}),
    (FullScopeOffProvider, {}, {"fullScopeAllowed"}),
    (RefreshTokensOffProvider, {}, {"attributes.use.refresh.tokens"}),
    (ManagementPermissionsProvider, {}, set()),
]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0.01)  # nobody else writes this realm


@pytest.fixture(scope="module")
def realm(make_module_realm: MakeRealm) -> TestRealm:
    made = make_module_realm("legacy", other={})
    flow = next(each["id"] for each in made.get("authentication", "flows") if each["alias"] == "direct grant")
    clients = shaped_clients(NUMBER, SEED, flow)
    made.session.post(made.at("partialImport"), {"ifResourceExists": "FAIL", "clients": clients})
    without_account_scope(made)
    return made


def without_account_scope(realm: TestRealm) -> None:
    """Takes the client scope of service accounts from every second client, to none or to the other list."""
    known = {scope["name"]: scope["id"] for scope in realm.get("client-scopes")}
    for client in realm.get("clients"):
        if client["serviceAccountsEnabled"]:  # an import makes no user before somebody asks
            realm.get("clients", client["id"], "service-account-user")
    holders = [each for each in realm.get("clients") if "service_account" in each.get("defaultClientScopes", ())]
    for number, client in enumerate(holders):
        at = realm.at("clients", client["id"])
        if number % 2:
            realm.session.delete(f"{at}/default-client-scopes/{known['service_account']}")
        if number % 4 == 1:
            realm.session.put(f"{at}/optional-client-scopes/{known['service_account']}", None)


def described(realm: TestRealm) -> dict[str, dict[str, Any]]:
    """Every field of the shaped clients, by name; attributes as ``attributes.<key>``, lists in order."""
    found = {}
    for client in realm.get("clients"):
        if client["clientId"].startswith("shaped-"):
            attributes = {f"attributes.{key}": value for key, value in client.pop("attributes", {}).items()}
            found[client["clientId"]] = {
                field: sorted(value, key=str) if isinstance(value, list) else value
                for field, value in {**client, **attributes}.items()
            }
    return found


def changed(before: dict[str, Any], now: dict[str, Any]) -> set[str]:
    """The fields that differ, but for claims."""
    fields = {field for field in {*before, *now} if before.get(field) != now.get(field)}
    return {field for field in fields if not field.startswith(f"attributes.{CLAIM_PREFIX}")}


def test_settings_of_clients_of_every_shape(realm: TestRealm) -> None:
    before, export = described(realm), realm.export()
    lives: list[Engine] = []
    ours: dict[str, set[str]] = {}
    for client, (provider, args, fields) in zip(before, cycle(SETTINGS), strict=False):
        engine = robot_engine(provider, realm)
        engine.up(realm=realm.name, client_id=client, **args)
        lives.append(engine)
        ours[client] = fields
    now = described(realm)
    assert all(changed(was, now[client]) <= ours[client] for client, was in before.items())
    forget()
    for engine in reversed(lives):
        engine.destroy()
    after = described(realm)
    assert {client: changed(was, after[client]) for client, was in before.items()} == {
        client: set() for client in before
    }
    assert realm.export_but_for_permissions() == realm.without_permissions(export)


def test_authorization_services_of_clients_of_every_shape(realm: TestRealm) -> None:
    before, export = described(realm), realm.export()
    of_our_doing = {"authorizationServicesEnabled", "serviceAccountsEnabled"}
    by_keycloak = {"defaultClientScopes", "optionalClientScopes", "protocolMappers"}
    lives = []
    for number, (client, was) in enumerate(before.items()):
        if number % 2 and not was.get("publicClient") and not was.get("bearerOnly"):
            engine = robot_engine(AuthorizationServicesProvider, realm)
            engine.up(realm=realm.name, client_id=client)
            lives.append(engine)
    now = described(realm)
    for client, was in before.items():
        # an account that Keycloak makes brings its scope, or, on 24.0, mappers
        brought = set() if was.get("serviceAccountsEnabled") else by_keycloak
        assert changed(was, now[client]) <= of_our_doing | brought, client
    forget()
    for engine in reversed(lives):
        engine.destroy()
    after = described(realm)
    assert {client: changed(was, after[client]) for client, was in before.items()} == {
        client: set() for client in before
    }
    assert realm.export() == export


def test_claims_alone_and_adopted_mappers(realm: TestRealm) -> None:
    before, export = described(realm), realm.export()
    known = realm_for(session_for(realm.connection), realm.name)
    mapped = {
        client: was
        for client, was in before.items()
        if any(each["name"] == "theirs" for each in was.get("protocolMappers", ()))
    }
    lives = []
    for client, was in before.items():
        write_claim(known.clients, was["id"], Claim(OWNER, GUARD, {}, {}))
        if client in mapped:
            engine = robot_engine(AudienceMapperProvider, realm)
            engine.up(
                realm=realm.name, client_id=client, name="theirs", included_client="account", id_token=True, adopt=True
            )
            lives.append(engine)
    now = described(realm)
    for client, was in before.items():
        assert changed(was, now[client]) <= ({"protocolMappers"} if client in mapped else set()), client
    forget()
    for engine in lives:
        engine.destroy()
    for was in before.values():
        drop_claim(known.clients, was["id"], OWNER, GUARD)
    after = described(realm)
    assert {client: changed(was, after[client]) for client, was in before.items()} == {
        client: set() for client in before
    }
    assert realm.export() == export
