"""Two Keycloaks in one program: each grant and resource is written where its connection leads, and nowhere else."""

import json
from typing import Any

import pytest

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import BOTH, as_it_was, both_flows
from tests.e2e.stack import Stack
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange
OTHER = "legacy"  # a server of its own, which offers both exchanges
CLIENTS = ("frontend", "api", "web", "bills", "shop", "orders")
FIRST, SECOND = "a-first-client-secret", "a-second-client-secret"
VARIABLE = "SECOND_KEYCLOAK_CLIENT_SECRET"


def robot(realm: TestRealm) -> TestRealm:
    """Adds a client who may administrate the realm, to log in by its secret."""
    realm.add_client("robot", secret=FIRST, serviceAccountsEnabled=True, standardFlowEnabled=False)
    management = realm.uuid("realm-management")
    role = realm.get("clients", management, "roles", "realm-admin")
    user = realm.get("clients", realm.uuid("robot"), "service-account-user")["id"]
    realm.session.post(realm.at("users", user, "role-mappings", "clients", management), [role])
    return realm


def program(stack: Stack) -> Stack:
    main = stack.project / "__main__.py"
    main.unlink()
    main.symlink_to(PROJECT / "tests" / "fixtures" / "connections" / "__main__.py")
    stack.configure()
    return stack


def shaped(stack: Stack, second: TestRealm, **shape: Any) -> Stack:
    there = {"name": "second", "url": second.url, "loginRealm": second.name, "clientId": "robot"}
    (stack.project / "shape.json").write_text(json.dumps({"second": there, **shape}))
    return stack


def secret(stack: Stack, value: str) -> None:
    stack.run("config", "set", "--secret", "secondSecret", value)


def grant(realm: TestRealm, **more: Any) -> dict[str, Any]:
    return {
        "sources": ["frontend"],
        "target": "api",
        "flows": BOTH,
        "realm": realm.name,
        "exchange": "standard",
        **more,
    }


def switch(realm: TestRealm, client: str, to: str) -> None:
    realm.change(client, attributes={"standard.token.exchange.enabled": to})


def test_two_servers_in_one_program(renewed: MakeRealm, new_stack: NewStack) -> None:
    here, there = renewed("standard"), robot(renewed(OTHER, **{name: {} for name in CLIENTS}))
    before = here.export(), there.export()
    stack = program(new_stack(here, "standard"))
    secret(stack, FIRST)
    stack.env[VARIABLE] = FIRST
    shape: dict[str, Any] = {
        "here": {"g": grant(here)},
        "there": {"h": grant(there), "l": grant(there, exchange="legacy", sources=["web"], target="bills")},
        "together": {"t": grant(there, sources=["shop"], target="orders", owner="tests/together")},
        "mappers": {"m": {"realm": there.name, "client_id": "api", "included_client": "account"}},
    }
    shaped(stack, there, **shape, deployed=True)
    told = stack.preview().output
    assert "h: frontend → api, standard" in told and "the Keycloak of its connection is not known yet" in told, told
    stack.up("--skip-preview")
    both_flows(here, "standard")
    both_flows(there, "standard")
    both_flows(there, "legacy", source="web", target="bills")
    assert [each["name"] for each in there.client("api")["protocolMappers"] if "account" in json.dumps(each)]
    both_flows(there, "standard", source="shop", target="orders")
    assert there.get()["eventsEnabled"] and not here.get()["eventsEnabled"]
    told = stack.outputs()
    assert told["h"]["keycloak"] == told["grants"]["t"]["keycloak"] == there.url and "keycloak" not in told["g"]
    state = stack.state_file.read_text()
    assert FIRST not in state and stack.server.admin_password not in state
    stack.preview("--expect-no-changes")
    stack.refresh("--skip-preview", "--expect-no-changes")
    assert FIRST not in stack.state_file.read_text()

    switch(there, "api", "false")
    told = stack.refresh("--skip-preview").output
    assert "h/target/standard-exchange" in told and "g/" not in told, told
    stack.up("--skip-preview")
    both_flows(there, "standard")
    stack.destroy("--skip-preview")
    as_it_was(here, before[0], "standard")
    as_it_was(there, before[1], "legacy")


def test_a_login_that_changes_in_a_program_without_a_stacks_own(renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = robot(renewed("standard"))
    before = realm.export()
    stack = program(new_stack(realm, "standard"))
    del stack.env["KEYCLOAK_URL"], stack.env["KEYCLOAK_ADMIN_PASS"]
    without = {key: each for key, each in grant(realm).items() if key != "exchange"}
    shaped(stack, realm, there={"g": without})
    told = stack.refused("preview").output
    assert f"connection 'second': 'clientId': 'robot' has no secret; set one of clientSecret ({VARIABLE})" in told, told
    stack.env[VARIABLE] = FIRST
    stack.up("--skip-preview")
    both_flows(realm, "standard")
    realm.change("robot", secret=SECOND)
    stack.env[VARIABLE] = SECOND
    stack.refresh("--skip-preview", "--expect-no-changes")

    shaped(stack, realm, there={"g": grant(realm)})
    secret(stack, SECOND)
    del stack.env[VARIABLE]
    stack.up("--skip-preview")
    assert SECOND not in stack.state_file.read_text()
    realm.change("robot", secret=FIRST)
    secret(stack, FIRST)
    told = stack.refused("refresh", "--yes").output
    remedy = f"or set {VARIABLE}: refresh and destroy take the client secret from the stack's last up"
    assert "of connection 'second': refused" in told and remedy in told and SECOND not in told, told
    stack.up("--skip-preview")
    stack.refresh("--skip-preview", "--expect-no-changes")
    assert FIRST not in stack.state_file.read_text()
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
