"""What somebody changed of the conditions of grants, of guards and of policies is shown with both values, and mended."""

from typing import Any

import pytest

from local.commands import PULUMI_COMMANDS
from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Stack
from tests.e2e.test_drift import BROKEN, CLEAN, comparable, management, shown
from tests.support.realms import TestRealm

pytestmark = pytest.mark.exchange_guards
GRANTS: tuple[dict[str, Any], ...] = (
    {
        "name": "new",
        "sources": ["web"],
        "target": "orders",
        "exchange": "standard",
        "flows": ["requester"],
        "audience": "optionalScope",
        "requiredRoles": ["buyer"],
        "restrictFullScope": True,
        "tokenLifespan": 60,
    },
    {
        "name": "old",
        "sources": ["frontend"],
        "target": "api",
        "exchange": "legacy",
        "requester": "backend",
        "requiredRoles": ["buyer"],
        "timeWindow": {"notBefore": "2020-01-01 00:00:00"},
    },
)
SILENT = {"standardFlowEnabled": False, "directAccessGrantsEnabled": False, "serviceAccountsEnabled": True}


@pytest.fixture
def realm(make_realm: MakeRealm) -> TestRealm:
    """``alone`` is a resource server for what a program adds to its grants."""
    services = {"authorizationServicesEnabled": True, "serviceAccountsEnabled": True}
    clients: dict[str, Any] = {name: {} for name in ("web", "orders", "frontend", "api")}
    realm = make_realm("legacy", **clients, backend=SILENT, alone=services)
    realm.add_role("buyer", realm.user)
    realm.session.post(realm.at("roles"), {"name": "seller"})
    realm.add_user("somebody")
    for group in ("staff", "other"):
        realm.session.post(realm.at("groups"), {"name": group})
    return realm


def test_every_kind(realm: TestRealm, new_stack: NewStack) -> None:
    stack = new_stack(realm, "legacy")
    stack.configure(*GRANTS, guards=["requesters", "sources"])
    (stack.project / "__main__.py").rename(stack.project / "project_main.py")
    (stack.project / "__main__.py").symlink_to(PROJECT / "tests" / "fixtures" / "drift_of_conditions" / "__main__.py")
    stack.up("--skip-preview")
    works(realm, stack)
    wired = comparable(realm)

    change_everything(realm)
    drifted = stack.try_(*PULUMI_COMMANDS["drift"], "--diff")
    assert drifted.code not in (CLEAN, BROKEN), drifted.output
    for kind, name, lines in (
        ("AudienceScope", "api/old/scope", ["~ in_token_scope: false => true"]),
        ("ClientScopeAssignment", "web/scope-new", ['kind: "default" => "optional"']),
        ("FullScopeOff", "web/full-scope-off", ["~ enabled: false => true"]),
        ("RefreshTokensOff", "backend/refresh-tokens-off", ["~ enabled: false => true"]),
        ("TokenLifespan", "web/token-lifespan", ["~ seconds: 300 => 60"]),
        ("ExchangeGuards", "exchange-guards", ["drift", "client policy 'pulumi.exchange.requesters' is disabled"]),
        ("TimePolicy", "api/old-time-1", ['~ not_before: "2021-01-01 00:00:00" => "2020-01-01 00:00:00"']),
        ("ClientScopePolicy", "api/old-roles", ['~ logic: "NEGATIVE" => "POSITIVE"']),
        ("AggregatePolicy", "api/old-conditions", ['~ decision_strategy: "AFFIRMATIVE" => "UNANIMOUS"']),
    ):
        shown(drifted, kind, f"{realm.name}/{name}", *lines)
    for kind, name, lines in (
        ("RolePolicy", "role", ['~ [0]: "seller" => "buyer"']),
        ("GroupPolicy", "group", ['~ [0]: "/other" => "/staff"']),
        ("UserPolicy", "user", ['~ [0]: "somebody" => "testuser2"']),
        ("RegexPolicy", "regex", ['~ pattern: ".*" => ".*profile.*"']),
    ):
        shown(drifted, kind, name, *lines)

    stack.up("--refresh", "--skip-preview")
    works(realm, stack)
    assert comparable(realm) == wired
    quiet = stack.try_(*PULUMI_COMMANDS["drift"])
    assert (quiet.code, quiet.writes) == (CLEAN, []), quiet.output


def works(realm: TestRealm, stack: Stack) -> None:
    (flow,) = stack.grants()["new"]["flows"]
    scope = flow["requestScope"]["name"]
    claims = realm.exchange("web", realm.user_token("web"), "orders", scope=scope)
    assert claims["aud"] == ["orders"] and claims["exp"] - claims["iat"] == 60
    assert "api" in realm.exchange("backend", realm.user_token("frontend"), "api")["aud"]


def change_everything(realm: TestRealm) -> None:
    """One field of each object, by hand."""
    scopes = {each["description"]: each for each in realm.get("client-scopes") if each.get("description")}
    theirs = {
        name: next(scopes[text] for text in scopes if text.endswith(f"of grant {name}")) for name in ("old", "new")
    }
    at = realm.at("client-scopes", theirs["old"]["id"])
    attributes = {**theirs["old"]["attributes"], "include.in.token.scope": "false"}
    realm.session.put(at, {**theirs["old"], "attributes": attributes})
    web = realm.at("clients", realm.uuid("web"))
    realm.session.delete(f"{web}/optional-client-scopes/{theirs['new']['id']}")
    realm.session.put(f"{web}/default-client-scopes/{theirs['new']['id']}", {})
    realm.change("web", fullScopeAllowed=True, attributes={"access.token.lifespan": "300"})
    realm.change("backend", attributes={"use.refresh.tokens": "true"})
    policies = realm.get("client-policies", "policies")["policies"]
    disabled = [{**each, "enabled": each["name"] != "pulumi.exchange.requesters"} for each in policies]
    realm.session.put(realm.at("client-policies", "policies"), {"policies": disabled})

    change_policy(realm, management(realm), "time", notBefore="2021-01-01 00:00:00")
    change_policy(realm, management(realm), "client-scope", logic="NEGATIVE")
    change_policy(realm, management(realm), "aggregate", decisionStrategy="AFFIRMATIVE")
    alone = realm.at("clients", realm.uuid("alone"), "authz", "resource-server")
    other = next(each["id"] for each in realm.get("groups") if each["name"] == "other")
    change_policy(realm, alone, "role", roles=[{"id": realm.get("roles", "seller")["id"]}])
    change_policy(realm, alone, "group", groups=[{"id": other}])
    change_policy(realm, alone, "user", users=[realm.get("users", username="somebody")[0]["id"]])
    change_policy(realm, alone, "regex", pattern=".*")


def change_policy(realm: TestRealm, server: str, kind: str, **changes: Any) -> None:
    """The only policy of a type."""
    (found,) = [each for each in realm.session.get(f"{server}/policy") if each["type"] == kind]
    at = f"{server}/policy/{kind}/{found['id']}"
    realm.session.put(at, {**realm.session.get(at), **changes})
