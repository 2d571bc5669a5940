"""Exact restore: the realm's whole export after ``destroy`` equals the one before ``up``, whatever was there.

With ``on_remove: revoke`` it equals that of a realm where the guide's script has never run.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from providers._base import KeycloakProvider
from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.client_policy import ClientPolicyProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.scope_permission import ScopePermissionProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from tests.acceptance.test_ownership import EXCHANGES, grant, run_the_guide, works
from tests.support.engine import Engine, forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm
from tests.support.robots import robot_engine

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
DIFFERENT: dict[type[KeycloakProvider], dict[str, Any]] = {
    ClientPolicyProvider: {"clients": ["api", "frontend"], "logic": "NEGATIVE", "description": "ours"},
    AudienceMapperProvider: {"id_token": True, "introspection": False},
    AuthorizationScopeProvider: {"display_name": "Ours", "icon_uri": "https://example.com/i.png"},
    ScopePermissionProvider: {"decision_strategy": "UNANIMOUS", "description": "ours"},
}


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
    assert (legacy_realm.export() == before) == (found == "as wanted")
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


@pytest.mark.standard_exchange
@pytest.mark.parametrize("allow_refresh", [False, True])
@pytest.mark.parametrize(
    "found", [{}, {SWITCH: "false"}, {SWITCH: "true"}, {SWITCH: "true", REFRESH: "NO"}, {REFRESH: "SAME_SESSION"}]
)
def test_a_switch(realm: TestRealm, found: dict[str, str], allow_refresh: bool) -> None:
    realm.change("api", attributes=found)
    before = realm.export()
    engine = robot_engine(StandardTokenExchangeProvider, realm)
    engine.up(realm=realm.name, client_id="api", allow_refresh=allow_refresh)
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
