"""Exact restore: the realm's whole export after ``destroy`` equals the one before ``up``, whatever was there.

With ``on_remove: revoke`` it equals that of a realm where the guide's script has never run.
"""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.base.provider import KeycloakProvider
from providers.client_policy import ClientPolicyProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.scope_permission import ScopePermissionProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_exchange_permission import TokenExchangePermissionProvider
from tests.acceptance.test_ownership import EXCHANGES, grant, run_the_guide, works
from tests.conftest import MakeRealm
from tests.support.engine import Engine, forget
from tests.support.exports import but_for_marks
from tests.support.in_process import Stack
from tests.support.realms import PASSWORD, TestRealm
from tests.support.renewed import renewed_realm
from tests.support.resources import RESOURCES
from tests.support.robots import robot_engine

PROJECT = Path(__file__).resolve().parents[2]
SWITCH = "standard.token.exchange.enabled"
REFRESH = "standard.token.exchange.enableRefreshRequestedTokenType"
SERVER = {"resource_server": "api"}
GUIDE: list[tuple[type[KeycloakProvider], dict[str, Any]]] = [
    (AuthorizationServicesProvider, {"client_id": "api"}),
    (ManagementPermissionsProvider, {"client_id": "api"}),
    (ClientPolicyProvider, {**SERVER, "name": "frontend-can-exchange", "clients": ["frontend"]}),
    (
        AudienceMapperProvider,
        {"client_id": "frontend", "name": "api-audience-mapper", "included_client": "api", "id_token": False},
    ),
    (AuthorizationScopeProvider, {**SERVER, "name": "token-exchange"}),
    (
        ScopePermissionProvider,
        {
            **SERVER,
            "name": "token-exchange.permission",
            "scopes": ["token-exchange"],
            "policies": ["frontend-can-exchange"],
            "decision_strategy": "AFFIRMATIVE",
        },
    ),
]
ALONE = {provider: each.alone for provider, each in RESOURCES.items() if not isinstance(each.alone, str)}
GUIDE_RAN = pytest.mark.parametrize("guide_ran", [False, True], ids=["empty", "guide"])
DIFFERENT: dict[type[KeycloakProvider], dict[str, Any]] = {
    ClientPolicyProvider: {"clients": ["api", "frontend"], "logic": "NEGATIVE", "description": "ours"},
    AudienceMapperProvider: {"id_token": True, "introspection": False},
    AuthorizationScopeProvider: {"display_name": "Ours", "icon_uri": "https://example.com/i.png"},
    ScopePermissionProvider: {"decision_strategy": "UNANIMOUS", "description": "ours"},
}


legacy_realm = renewed_realm("legacy")


def engines(realm: TestRealm, **args: Any) -> Iterator[tuple[Engine, dict[str, Any]]]:
    """The guide's six objects, in the order in which they need each other."""
    for provider, own in GUIDE:
        different = DIFFERENT.get(provider, {}) if args.get("adopt") else {}
        yield robot_engine(provider, realm), {"realm": realm.name, **own, **different, **args}


@pytest.mark.parametrize("on_remove", ["restore", "revoke"])
@pytest.mark.parametrize("found", ["nothing", "as wanted", "different"])
def test_the_guides_objects(legacy_realm: TestRealm, found: str, on_remove: str) -> None:
    bare = legacy_realm.export()
    if found != "nothing":
        run_the_guide(legacy_realm)
    before = legacy_realm.export()
    made = list(engines(legacy_realm, on_remove=on_remove, **({"adopt": True} if found == "different" else {})))
    for engine, args in made:
        engine.up(**args)
    forget()
    assert all(engine.refresh() and engine.up(**args) == "same" for engine, args in made)
    now = legacy_realm.export()
    # What is taken away at the end is marked and claimed, also where it was as wanted.
    assert (now == before) == (found == "as wanted" and on_remove == "restore")
    assert (but_for_marks(now) == but_for_marks(before)) == (found == "as wanted")
    forget()
    for engine, _ in reversed(made):
        engine.destroy()
    expected = bare if on_remove == "revoke" else before
    assert legacy_realm.export_but_for_permissions() == legacy_realm.without_permissions(expected)


@pytest.mark.parametrize("adopt", [False, True], ids=["as wanted", "different"])
def test_each_of_the_guides_objects_alone(legacy_realm: TestRealm, adopt: bool) -> None:
    run_the_guide(legacy_realm)
    before = legacy_realm.export()
    for engine, args in engines(legacy_realm, **({"adopt": True} if adopt else {})):
        engine.up(**args)
        forget()
        engine.destroy()
        assert legacy_realm.export() == before, args


def test_every_kind_has_a_case() -> None:
    """A new provider's exact restore is tested alone; where grants use it, in grants. tests/resources says where else."""
    elsewhere = {each.alone for each in RESOURCES.values() if isinstance(each.alone, str)}
    for path, _, name in (each.partition("::") for each in elsewhere):
        assert f"def {name}(" in (PROJECT / path).read_text(encoding="utf-8") if name else (PROJECT / path).exists()
    here = f"tests/acceptance/test_restore.py::{test_each_of_the_guides_objects_alone.__name__}"
    assert {provider for provider, each in RESOURCES.items() if each.alone == here} <= {
        provider for provider, _ in GUIDE
    }


def arranged(make_realm: MakeRealm, *, guide_ran: bool) -> TestRealm:
    """A realm with what the later kinds name: a user's role, a group, a scope, and a resource server with a policy."""
    services = {"authorizationServicesEnabled": True, "serviceAccountsEnabled": True}
    silent = {"standardFlowEnabled": False, "directAccessGrantsEnabled": False, "serviceAccountsEnabled": True}
    realm = make_realm("legacy", frontend={}, api={}, web={}, silent=silent, desk=services)
    if guide_ran:
        run_the_guide(realm)
    realm.add_role("payer", realm.user)
    realm.add_role("clerk", realm.user, client_id="desk")
    realm.session.post(realm.at("groups"), {"name": "staff"})
    realm.session.post(realm.at("client-scopes"), {"name": "theirs", "protocol": "openid-connect"})
    desk = realm.at("clients", realm.uuid("desk"))
    theirs = {"name": "theirs", "clients": [realm.uuid("frontend")]}
    realm.session.post(f"{desk}/authz/resource-server/policy/client", theirs)
    realm.session.put_json(f"{desk}/management/permissions", {"enabled": True})
    return realm


@pytest.mark.exchange_guards
@GUIDE_RAN
def test_each_later_kind_alone(make_realm: MakeRealm, guide_ran: bool) -> None:
    realm = arranged(make_realm, guide_ran=guide_ran)
    management = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server", "policy", "client")
    policy = {"name": "may", "clients": [realm.uuid("frontend")]}
    hung_on: dict[type[KeycloakProvider], dict[str, Any]] = {
        TokenExchangePermissionProvider: {"policies": [realm.session.post_json(management, policy)["id"]]}
    }
    before = realm.export()
    for provider, args in ALONE.items():
        engine = robot_engine(provider, realm)
        engine.up(realm=realm.name, **args, **hung_on.get(provider, {}))
        forget()
        assert realm.export() != before, provider
        engine.destroy()
        assert realm.export() == before, provider


@pytest.mark.exchange_guards
@EXCHANGES
@GUIDE_RAN
def test_a_grant_with_every_condition(
    make_realm: MakeRealm, monkeypatch: pytest.MonkeyPatch, exchange: str, guide_ran: bool
) -> None:
    monkeypatch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0.01)  # nobody else writes this realm
    realm = arranged(make_realm, guide_ran=guide_ran)
    monkeypatch.setenv("KEYCLOAK_USER", realm.user)
    monkeypatch.setenv("KEYCLOAK_USER_PASS", PASSWORD)
    before = realm.export()
    stack = Stack(realm.robot, guards=["requesters", "sources"])
    common = {"realm": realm.name, "exchange": exchange, "prove": True}
    conditions = {"requiredRoles": ["payer"], "restrictFullScope": True, "tokenLifespan": 60}
    window = {"timeWindow": {"notBefore": "2020-01-01 00:00:00"}} if exchange == "legacy" else {}
    stack.up(
        {**common, "name": "g", "sources": ["web"], "requester": "silent", "target": "api", **conditions, **window},
        {**common, "name": "h", "sources": ["web"], "target": "desk"},
    )
    used = {engine.provider for engine in stack.state.values()}
    assert used == {provider for provider, each in RESOURCES.items() if exchange in each.in_grants}
    assert "api" in realm.exchange("silent", realm.user_token("web"), "api")["aud"]
    stack.destroy()
    assert realm.export() == before


@pytest.mark.scope_policies
@EXCHANGES
def test_late_grants_with_every_condition(
    make_realm: MakeRealm, monkeypatch: pytest.MonkeyPatch, exchange: str
) -> None:
    """Also with a client scope that somebody else has made, which is used as found."""
    realm = arranged(make_realm, guide_ran=True)
    monkeypatch.setenv("KEYCLOAK_USER", realm.user)
    monkeypatch.setenv("KEYCLOAK_USER_PASS", PASSWORD)
    mapper = {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {
            "included.client.audience": "desk",
            "access.token.claim": "true",
            "introspection.token.claim": "true",
        },
    }
    scope = {"name": "at-desk", "description": "by hand", "protocol": "openid-connect", "protocolMappers": [mapper]}
    realm.session.post(realm.at("client-scopes"), {**scope, "attributes": {"include.in.token.scope": "false"}})
    before = realm.export()
    stack = Stack(realm.robot, late=True)
    common = {"realm": realm.name, "exchange": exchange, "prove": True}
    conditions = {"requiredRoles": ["payer"], "restrictFullScope": True, "tokenLifespan": 60}
    window = {"timeWindow": {"notBefore": "2020-01-01 00:00:00"}} if exchange == "legacy" else {}
    grants = [
        {**common, "name": "g", "sources": ["web"], "requester": "silent", "target": "api", **conditions, **window},
        {**common, "name": "h", "sources": ["web"], "target": "desk", "scope": "at-desk"},
    ]
    stack.up(*grants)
    assert "api" in realm.exchange("silent", realm.user_token("web"), "api")["aud"]
    assert stack.state["h/target/h/scope"].outputs["found"] == "used"
    stack.up(*grants)
    assert set(stack.changes.values()) == {"same"}
    stack.destroy()
    assert realm.export() == before


@pytest.mark.standard_exchange
@pytest.mark.parametrize("allow_refresh", [False, True])
@pytest.mark.parametrize(
    "found", [{}, {SWITCH: "false"}, {SWITCH: "true"}, {SWITCH: "true", REFRESH: "NO"}, {REFRESH: "SAME_SESSION"}]
)
def test_a_switch(module_realm: TestRealm, found: dict[str, str], allow_refresh: bool) -> None:
    realm, client = module_realm, f"api-{token_hex(4)}"
    realm.add_client(client, attributes=found)
    before = realm.export()
    engine = robot_engine(StandardTokenExchangeProvider, realm)
    engine.up(realm=realm.name, client_id=client, allow_refresh=allow_refresh)
    forget()
    engine.destroy()
    assert realm.export() == before


@EXCHANGES
@pytest.mark.parametrize(
    ("found", "options"),
    [
        ("nothing", {"onRemove": "revoke"}),
        ("as wanted", {"onRemove": "revoke"}),
        ("different", {"adopt": True}),
        ("different", {"adopt": True, "onRemove": "revoke"}),
    ],
    ids=["nothing-revoke", "as wanted-revoke", "different-adopt", "different-adopt-revoke"],
)
def test_a_grant(legacy_realm: TestRealm, exchange: str, found: str, options: dict[str, Any]) -> None:
    """What was found and is as wanted is used and stays: tests/acceptance/test_ownership.py."""
    config = {"id.token.claim": "true"} if found == "different" else {}
    if found != "nothing":
        run_the_guide(legacy_realm, **config)
    expected = before = legacy_realm.export()
    if found != "nothing" and "onRemove" in options:
        expected = without_what_a_grant_uses(legacy_realm, exchange, config)
        assert legacy_realm.export() == before
    stack = Stack(legacy_realm.robot)
    stack.up(grant(legacy_realm, exchange, **options))
    works(legacy_realm)
    stack.destroy()
    assert legacy_realm.export_but_for_permissions() == legacy_realm.without_permissions(expected)


def without_what_a_grant_uses(realm: TestRealm, exchange: str, config: dict[str, str]) -> Any:
    """The export without the guide's mapper, with the legacy exchange without its permissions too; all is made again."""
    at = realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models")
    (mapper,) = realm.session.get(at)
    realm.session.delete(f"{at}/{mapper['id']}")
    management = realm.at("clients", realm.uuid("api"), "management", "permissions")
    if exchange == "legacy":
        realm.session.put_json(management, {"enabled": False})
    export = realm.export()
    realm.mapper("frontend", mapper["name"], "api", **config)
    realm.session.put_json(management, {"enabled": True})
    return export
