"""A program of resources without grants: after a lost state, and in a stack that was renamed or moved."""

import re
from typing import Any

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Stack
from tests.support.realms import TestRealm

PROGRAM = """
import pulumi

from providers.audience_mapper import AudienceMapper
from providers.audience_scope import AudienceScope
from providers.authorization_scope import AuthorizationScope
from providers.authorization_services import AuthorizationServices
from providers.client_policy import ClientPolicy
from providers.exchange_events import ExchangeEvents
from providers.token_lifespan import TokenLifespan

realm = pulumi.Config().require("realm")
AudienceMapper("to-api", realm=realm, client_id="web", included_client="api")
AudienceScope("orders", realm=realm, name="orders", included_client="api")
TokenLifespan("short", realm=realm, client_id="mobile", seconds=120)
ExchangeEvents("events", realm=realm)
services = AuthorizationServices("services", realm=realm, client_id="api")
ClientPolicy(
    "callers",
    realm=realm,
    resource_server="api",
    name="callers",
    clients=["web"],
    opts=pulumi.ResourceOptions(depends_on=[services]),
)
AuthorizationScope(
    "call", realm=realm, resource_server="api", name="call", opts=pulumi.ResourceOptions(depends_on=[services])
)
"""
MADE = 7


@pytest.fixture
def realm(make_realm: MakeRealm) -> TestRealm:
    return make_realm("standard", web={}, mobile={}, api={"serviceAccountsEnabled": True})


def program(stack: Stack) -> Stack:
    main = stack.project / "__main__.py"
    main.unlink()
    main.write_text(PROGRAM)
    return stack


def settings(**more: Any) -> dict[str, Any]:
    return {"owner": "shop", "grants": None, **more}


@pytest.mark.standard_exchange
def test_resources_alone_are_taken_back_and_follow_a_renamed_stack(realm: TestRealm, new_stack: NewStack) -> None:
    before = realm.export()
    stack = program(new_stack(realm, "standard", "ours"))
    stack.configure(**settings())
    assert " back " not in stack.up().output
    stack.run("stack", "rm", "--force", "--yes", "--preserve-config")
    stack.run("stack", "init", stack.name)
    stack.configure(**settings())
    told = stack.up().output
    numbers = {*re.findall(r"(will take|took) back (\d+) objects that", told)}
    assert numbers == {("will take", str(MADE)), ("took", str(MADE))}, told

    stack.run("stack", "rename", "renamed")
    stack.name = "renamed"
    assert " back " not in stack.up("--replace", "**", "--skip-preview").output
    moved = program(new_stack(realm, "standard", "renamed"))  # in another backend
    moved.configure(**settings())
    state = stack.folder / "state.json"
    stack.run("stack", "export", "--file", str(state))
    moved.run("stack", "import", "--file", str(state))
    assert " back " not in moved.up("--replace", "**", "--skip-preview").output
    moved.preview("--refresh", "--expect-no-changes")
    moved.destroy("--skip-preview")
    assert realm.export() == before
