"""Explicit providers of the package: two Keycloaks in one program, another address, and a login that may not do all."""

from pathlib import Path

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows
from tests.e2e.package_program import grant, new_yaml_stack, resource, rewritten
from tests.support.hand_made import robot_with
from tests.support.realms import CONFIDENTIAL

PASSWORD = "adminPassword"
PROVIDER = "pulumi:providers:keycloak-token-exchange"


@pytest.mark.standard_exchange
def test_two_keycloaks(renewed: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    here, there = renewed("standard", shop={}, orders={}), renewed("legacy", shop={}, orders={}, bills={})
    before = here.export(), there.export()
    other = {
        "type": PROVIDER,
        "properties": {"url": there.url, PASSWORD: "${secret}", "realm": there.name, "owner": "tests/other"},
    }
    at_other = {"options": {"provider": "${other}"}}
    wanted = {
        "other": other,
        "g": grant(flows=["requester", "recipient"]),
        "h": {**grant(flows=["requester", "recipient"], exchange="standard"), **at_other},
        "mapper": {
            **resource("AudienceMapper", realm=there.name, clientId="bills", customAudience="urn:x"),
            **at_other,
        },
    }
    more = {"variables": {"secret": {"fn::secret": there.admin_password}}}
    stack = new_yaml_stack(new_stack, here, yaml_host, wanted, **more)
    assert stack.preview().writes == [] and there.export() == before[1]
    done = stack.up("--skip-preview")
    for realm in (here, there):
        both_flows(realm, "standard", source="shop", target="orders")
    assert there.admin_password not in stack.state_file.read_text() + done.output
    stack.preview("--expect-no-changes")

    moved = there.url.replace("127.0.0.1", "localhost")  # another Keycloak, as far as its resources know
    other["properties"]["url"] = moved
    done = rewritten(stack, wanted, **more).up("--skip-preview")
    assert set(done.counted()) <= {"updated", "unchanged"} and done.writes == [], done.output
    mapper = {**wanted["mapper"], "properties": {**wanted["mapper"]["properties"], "idToken": True}}
    told = rewritten(stack, {**wanted, "mapper": mapper}, **more).refused("up", "--yes", "--skip-preview").output
    assert f"but '{moved}' is issuer" in told and "point its provider at its own server" in told, told
    other["properties"]["url"] = there.url

    other["properties"][PASSWORD] = "wrong"
    told = rewritten(stack, wanted).refused("up", "--yes", "--skip-preview").output
    assert "refuses the login" in told or "login" in told, told
    assert "wrong" not in stack.state_file.read_text()
    stack.env["OTHER_KEYCLOAK_ADMIN_PASS"] = there.admin_password  # what the state holds by now is wrong, too
    stack.destroy("--skip-preview")
    assert (here.export(), there.export()) == before


@pytest.mark.exchange_guards
def test_what_a_failed_create_has_left_stays_in_sight(renewed: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    realm = renewed("standard", shop={}, orders={})
    robot_with(realm, "robot", "manage-clients", "view-realm")  # it may mark a client, and not write a client policy
    before = realm.export()
    login = {"clientId": "robot", "clientSecret": "${secret}", "loginRealm": realm.name}
    robot = {"type": PROVIDER, "properties": {"url": realm.url, "realm": realm.name, **login}}
    sources = {"realm": realm.name, "owner": "tests", "sources": {"orders": ["shop"]}}
    guards = {**resource("ExchangeGuards", **sources), "options": {"provider": "${robot}"}}
    more = {"variables": {"secret": {"fn::secret": CONFIDENTIAL["secret"]}}}
    stack = new_yaml_stack(new_stack, realm, yaml_host, {"robot": robot, "guards": guards}, **more)
    told = stack.refused("up", "--yes", "--skip-preview").output
    assert "give it the role manage-realm" in told, told
    (held,) = [each for urn, each in stack.export().items() if urn.endswith("::guards")]
    assert held["outputs"]["clientUuids"].keys() == {"orders"} and "initErrors" in stack.state_file.read_text(), held
    assert realm.export() != before
    rewritten(stack, {"robot": robot}, **more).up("--skip-preview")
    assert realm.export() == before
