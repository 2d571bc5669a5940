"""`pulumi import` of objects that were there: nothing is written, the code it gives is quiet, and `destroy` leaves them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kcadmin.objects.events import NEEDED
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.package_program import new_yaml_stack, resource, rewritten
from tests.e2e.stack import NAME, Stack
from tests.support.hand_made import permission, policy, scope, switch
from tests.support.realms import TestRealm

ADOPTED = {"idToken": True, "adopt": True}


def arrange(realm: TestRealm) -> None:
    """An object of each kind, made by hand."""
    realm.mapper("shop", "to/orders", "orders")
    switch(realm, "orders")
    scope(realm, "for-orders", "orders", "shop")
    realm.change("orders", authorizationServicesEnabled=True, serviceAccountsEnabled=True)
    server = realm.at("clients", realm.uuid("orders"), "authz", "resource-server")
    realm.session.post(f"{server}/scope", {"name": "read"})
    policy = realm.session.post_json(
        f"{server}/policy/client", {"name": "only shop", "clients": [realm.uuid("shop")], "description": "why"}
    )
    body = {"name": "may read", "scopes": ["read"], "policies": [policy["id"]], "decisionStrategy": "AFFIRMATIVE"}
    realm.session.post(f"{server}/permission/scope", body)


def imported(stack: Stack, wanted: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """The resources of the program that Pulumi gives."""
    listed = [{"type": f"{NAME}:index:{kind}", "name": name, "id": id_} for name, (kind, id_) in wanted.items()]
    (stack.project / "wanted.json").write_text(json.dumps({"resources": listed}))
    done = stack.run(
        "import", "--file", "wanted.json", "--yes", "--protect=false", "--out", "given.yaml", "--skip-preview"
    )
    assert done.writes == [], done.writes
    found: dict[str, Any] = yaml.safe_load((stack.project / "given.yaml").read_text())["resources"]
    return found


@pytest.mark.standard_exchange
def test_what_was_there_is_used_until_it_is_adopted(
    make_realm: MakeRealm, new_stack: NewStack, yaml_host: Path
) -> None:
    realm = make_realm("standard", shop={}, orders={})
    arrange(realm)
    before = realm.export()
    mine = {"own": resource("AudienceMapper", realm=realm.name, clientId="shop", name="own", customAudience="urn:own")}
    stack = new_yaml_stack(new_stack, realm, yaml_host, mine)
    stack.up("--skip-preview")
    with_own = realm.export()
    (own,) = [urn for urn in stack.export() if urn.endswith("::own")]
    stack.run("state", "delete", own, "--yes")

    claim = {"realm": realm.name, "clientId": "shop", "claimName": "x", "claimValue": "y"}
    taken = {**mine, "other": resource("HardcodedClaimMapper", **claim, name="to/orders")}
    told = rewritten(stack, taken).refused("preview").output
    assert "the name is taken by a mapper of type 'oidc-audience-mapper'" in told, told
    told = stack.refused("import", f"{NAME}:index:AudienceMapper", "x", f"{realm.name}/shop", "--yes").output
    assert "is not of the form <realm>/<client>/<name>" in told, told
    told = stack.refused("import", f"{NAME}:index:StandardTokenExchange", "x", f"{realm.name}/shop", "--yes").output
    assert f"resource '{realm.name}/shop' does not exist" in told, told
    given = imported(
        stack,
        {
            "own": ("AudienceMapper", f"{realm.name}/shop/own"),
            "mapper": ("AudienceMapper", f"{realm.name}/shop/to%2Forders"),
            "switch": ("StandardTokenExchange", f"{realm.name}/orders"),
            "scope": ("AudienceScope", f"{realm.name}/for-orders"),
            "read": ("AuthorizationScope", f"{realm.name}/orders/read"),
            "policy": ("ClientPolicy", f"{realm.name}/orders/only shop"),
            "permission": ("ScopePermission", f"{realm.name}/orders/may read"),
        },
    )
    assert given["mapper"]["properties"] == {
        "realm": realm.name,
        "clientId": "shop",
        "name": "to/orders",
        "includedClient": "orders",
    }
    assert given["policy"]["properties"]["clients"] == ["shop"] and "owner" not in str(given), given
    rewritten(stack, given).preview("--expect-no-changes")
    done = stack.up("--skip-preview")
    assert done.writes == [] and realm.export() == with_own, done.writes

    given["mapper"]["properties"] |= ADOPTED
    rewritten(stack, given).up("--skip-preview")
    (stored,) = [each for each in realm.client("shop")["protocolMappers"] if each["name"] == "to/orders"]
    assert stored["config"]["id.token.claim"] == "true"
    stack.destroy("--skip-preview")
    assert realm.export() == before


def arrange_settings(realm: TestRealm) -> None:
    """What has no name of its own, made by hand."""
    scope(realm, "for-orders", "orders", "shop/1")
    permission(realm, "orders", [])
    permission(realm, "orders", [policy(realm, "client", "only shop", clients=[realm.uuid("shop/1")])], "UNANIMOUS")
    recorded = realm.get("events", "config")
    types = sorted({*recorded["enabledEventTypes"], *NEEDED})
    realm.session.put(realm.at("events", "config"), {**recorded, "eventsEnabled": True, "enabledEventTypes": types})


@pytest.mark.exchange_guards
def test_what_has_no_name_of_its_own(make_realm: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    realm = make_realm("legacy", **{"shop/1": {}, "orders": {}})
    arrange_settings(realm)
    before = realm.export(), realm.get("events", "config")
    guards = {
        "requesters": ["orders"],
        "sources": {"orders": ["shop/1"]},
        "userClaims": {"orders": {"preferred_username": "a.*"}},
    }
    mine = {"guards": resource("ExchangeGuards", realm=realm.name, **guards)}
    stack = new_yaml_stack(new_stack, realm, yaml_host, mine, "legacy")
    stack.up("--skip-preview")
    (own,) = [urn for urn in stack.export() if urn.endswith("::guards")]
    stack.run("state", "delete", own, "--yes")

    given = imported(
        stack,
        {
            "guards": ("ExchangeGuards", realm.name),
            "events": ("ExchangeEvents", realm.name),
            "managed": ("ManagementPermissions", f"{realm.name}/orders"),
            "binding": ("TokenExchangePermission", f"{realm.name}/orders"),
            "scope": ("ClientScopeAssignment", f"{realm.name}/shop%2F1/for-orders"),
        },
    )
    assert given["guards"]["properties"] == {"realm": realm.name, **guards}
    assert given["events"]["properties"] == {"realm": realm.name}
    assert given["scope"]["properties"] == {
        "realm": realm.name,
        "clientId": "shop/1",
        "scope": "for-orders",
        "kind": "default",
    }
    rewritten(stack, given).preview("--expect-no-changes")
    assert stack.up("--skip-preview").writes == []
    given["binding"]["properties"]["acceptPolicyChanges"] = ["none"]  # it holds others' policies all the same
    rewritten(stack, given).up("--skip-preview")
    stack.destroy("--skip-preview")
    assert (realm.export(), realm.get("events", "config")) == before
