"""Whose a stack's objects are: chosen where nothing tells stacks apart, changed without a refused exchange, never shared."""

import json
import re
import shlex
from typing import Any

import pytest

from local import keycloak
from local.layout import keycloak_version
from tests.conftest import NEEDS, MakeRealm
from tests.e2e.callers import Caller, calling
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, exchanged, grant, refused
from tests.e2e.stack import TIMEOUT_SECONDS, Grant, Stack
from tests.support.realms import TestRealm

LEGACY = "legacy"
HAS_GUARDS = keycloak.number(keycloak_version()) >= keycloak.number(NEEDS["exchange_guards"][0])
GUARDS = {"guards": ["requesters", "sources"]} if HAS_GUARDS else {}
COMMAND = re.compile(r"`pulumi (config set owner [^`]+)`")


@pytest.fixture
def realm(exchange: str, make_realm: MakeRealm) -> TestRealm:
    """The test's user holds the role ``staff``, ``somebody`` does not."""
    made = make_realm(exchange, web={}, mobile={}, api={}, orders={}, billing={})
    made.add_role("staff", made.user)
    made.add_user("somebody")
    return made


def grants(exchange: str) -> list[Grant]:
    """One without a condition, one for holders of a role, one on request."""
    staff = {"flows": ["requester"], "requiredRoles": ["staff"], "exchange": exchange}
    asked = grant("asked", source="mobile", target="billing", audience="optionalScope", exchange=exchange)
    return [grant(source="web", exchange=exchange), grant("staff", source="mobile", target="orders", **staff), asked]


def served(stack: Stack, realm: TestRealm, *, staff: bool = True) -> list[Caller]:
    """Those whom the grants allow an exchange, as the stack's outputs tell them to ask."""
    flows = stack.outputs()["grants"]["asked"]["flows"]
    scopes = {flow["flow"]: flow["requestScope"] for flow in flows}
    recipient = Caller(realm, "mobile", "billing", login={"scope": scopes["recipient"]["name"]})
    own: Any = {} if scopes["requester"] is None else {"scope": scopes["requester"]["name"]}
    return [
        Caller(realm, "web", "api"),
        Caller(realm, "web", "web", "api"),
        *([Caller(realm, "mobile", "mobile", "orders")] if staff else []),
        recipient,
        Caller(realm, "mobile", "mobile", "billing", asks=own),
    ]


def commands(output: str) -> list[str]:
    """The commands by which an owner is set, as the one error of a run names them."""
    (told,) = (line for line in output.rpartition("Diagnostics:")[2].splitlines() if "config 'owner'" in line)
    return COMMAND.findall(told)


def conditions_bind(realm: TestRealm, *, staff: bool = True) -> None:
    """staff: whether a grant for holders of the role is there."""
    if staff:
        exchanged_as(realm, realm.user, "mobile", "orders")
    else:
        refused(realm, "mobile", source="mobile", audience="orders")
    with pytest.raises(AssertionError, match="somebody"):
        exchanged_as(realm, "somebody", "mobile", "orders")
    refused(realm, "billing", source="mobile")  # who has not asked for the scope


def exchanged_as(realm: TestRealm, user: str, requester: str, audience: str) -> None:
    claims = {}
    try:
        claims = realm.exchange(requester, realm.user_token(requester, user), audience=audience)
    except Exception as problem:
        raise AssertionError(f"{user}: {problem}") from problem
    assert audience in claims["aud"], f"{user}: {claims['aud']}"


@pytest.mark.parametrize("exchange", ["standard"])
def test_an_owner_must_be_set(exchange: str, realm: TestRealm, new_stack: NewStack) -> None:
    stack = new_stack(realm, exchange)
    stack.configure(*grants(exchange), owner=None)
    for command in ("preview", "up"):
        told = stack.refused(command, *(["--yes"] if command == "up" else []))
        assert "this backend has no organizations that tell this stack from others of its name" in told.output
        assert not told.writes
    (proposal,) = commands(told.output)
    assert re.fullmatch(r"config set owner project-test-[0-9a-f]{6}", proposal)
    stack.run(*shlex.split(proposal))
    stack.up("--skip-preview")
    stack.run("config", "rm", "owner")
    told = stack.refused("preview")
    kept, other = commands(told.output)
    assert kept == proposal and other != proposal
    stack.run(*shlex.split(kept))
    stack.preview("--expect-no-changes")
    stack.run("config", "rm", "owner")
    stack.destroy("--skip-preview")  # needs none


@pytest.mark.scope_policies
def test_another_owner(exchange: str, realm: TestRealm, new_stack: NewStack) -> None:
    stack, more = new_stack(realm, exchange), {**GUARDS, "events": True}
    before, events = realm.export(), realm.get("events", "config")
    stack.configure(*grants(exchange), **more, owner="acme/shop/prod")  # as of an organization's stack
    stack.up("--skip-preview")
    outputs, parts = stack.outputs(), set(stack.export())
    callers = served(stack, realm)
    with calling(*callers):
        for owner in ("shop-3fa9c1", "acme/shop/prod"):  # to another backend, and back
            stack.configure(*grants(exchange), owner=owner)
            told = stack.up()
            assert set(told.counted()) <= {"unchanged", "updated"} and " take " not in told.output, told.output
    stack.preview("--refresh", "--expect-no-changes")
    for caller in callers:
        assert caller.refusals == [] and caller.answered.get(exchange), caller
    assert stack.outputs() == outputs and set(stack.export()) == parts
    conditions_bind(realm)
    stack.destroy("--skip-preview")
    as_it_was(realm, before, exchange)
    assert realm.get("events", "config") == events


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard"])
def test_one_owner_of_two_stacks(exchange: str, realm: TestRealm, new_stack: NewStack) -> None:
    """A copied config, by another name or in another backend; and a stack that is renamed."""
    ours, copied, elsewhere = (new_stack(realm, exchange, name) for name in ("ours", "copied", "ours"))
    before, shared = realm.export(), {"owner": "shop", "guards": ["requesters"]}
    ours.configure(grant(source="web"), **shared)
    ours.up("--skip-preview")
    name = "organization/keycloak-token-exchange/{}".format
    for stack, who in (
        (copied, f"the stack '{name('ours')}'"),
        (elsewhere, f"the stack '{name('ours')}' of another backend"),
    ):
        told = f"owner 'shop' in realm '{realm.name}': is the owner of what {who} made ("
        for grants_ in ([grant(source="web")], [grant("o", source="mobile", target="orders")]):  # the guards alone meet
            stack.configure(*grants_, **shared)
            refused_ = stack.refused("up", "--yes")
            assert told in refused_.output and not refused_.writes, refused_.output
            assert f"and this is the stack '{name(stack.name)}'" in refused_.output
        (command,) = set(COMMAND.findall(refused_.output))
        stack.run(*shlex.split(command))
        stack.up("--skip-preview")
    exchanged(realm, "web", "api", exchange, source="web", asks=True)

    ours.run("stack", "rename", "renamed")
    ours.name = "renamed"
    ours.up("--skip-preview")
    ours.preview("--refresh", "--expect-no-changes")
    assert name("renamed") in json.dumps(realm.client("web")["attributes"])
    for stack in (copied, ours, elsewhere):
        stack.destroy("--skip-preview")
    as_it_was(realm, before, exchange)


@pytest.mark.scope_policies
def test_two_owners(exchange: str, realm: TestRealm, new_stack: NewStack) -> None:
    """Equal in all but their owners: neither takes from the other, whoever leaves first."""
    before, more = realm.export(), {**GUARDS, "events": True}
    one, two = (new_stack(realm, exchange, name) for name in ("one", "two"))
    for stack in (one, two):
        stack.configure(*grants(exchange), **more)
    one.up("--skip-preview")
    if exchange == LEGACY:  # beside one another, legacy policies would let through what one of them closes
        told = two.refused("up", "--yes")
        assert "through without this grant's conditions; let one of the two stacks hold both grants; " in told.output
        assert not told.writes
        two.configure(*(each for each in grants(exchange) if each["name"] != "staff"))
    two.up("--skip-preview")
    conditions_bind(realm)
    for leaves, stays in ((one, two), (two, one)):
        leaves.destroy("--skip-preview")
        staff = exchange != LEGACY or stays is one
        callers = served(stays, realm, staff=staff)
        with calling(*callers):
            for caller in callers:
                caller.once.wait(TIMEOUT_SECONDS)
        assert not [each for each in callers if each.refusals or not each.answered], callers
        conditions_bind(realm, staff=staff)
        stays.preview("--refresh", "--expect-no-changes")
        leaves.up("--skip-preview")
    for stack in (one, two):
        stack.destroy("--skip-preview")
    as_it_was(realm, before, exchange)


@pytest.mark.scope_policies
def test_a_renamed_or_moved_stack_that_replaces(exchange: str, realm: TestRealm, new_stack: NewStack) -> None:
    """What the state holds goes on, whichever stack its marks name."""
    before, more = realm.export(), {**GUARDS, "owner": "shop", "events": True}
    stack = new_stack(realm, exchange, "ours")
    stack.configure(*grants(exchange), **more)
    stack.up("--skip-preview")
    stack.run("stack", "rename", "renamed")
    stack.name = "renamed"
    told = stack.up("--replace", "**", "--skip-preview")
    assert "took back" not in told.output, told.output
    moved = new_stack(realm, exchange, "renamed")  # in another backend
    moved.configure(*grants(exchange), **more)
    state = stack.folder / "state.json"
    stack.run("stack", "export", "--file", str(state))
    moved.run("stack", "import", "--file", str(state))
    told = moved.up("--replace", "**", "--skip-preview")
    assert "took back" not in told.output, told.output
    moved.preview("--refresh", "--expect-no-changes")
    moved.up("--skip-preview")
    assert '"held"' not in moved.export_text()
    moved.destroy("--skip-preview")
    as_it_was(realm, before, exchange)


@pytest.mark.scope_policies
def test_a_stack_that_lost_its_state_takes_back_what_it_made(
    exchange: str, realm: TestRealm, new_stack: NewStack
) -> None:
    before, more = realm.export(), {**GUARDS, "owner": "shop", "events": True}
    stack = new_stack(realm, exchange)
    stack.configure(*grants(exchange), **more)
    assert "take" not in stack.up().output
    outputs, resources = stack.outputs(), [each["type"].rpartition(":")[2] for each in stack.export().values()]
    others = ("ClientScopeAssignment", "TokenExchangeGrant")  # an assignment has the mark of its scope
    held = sum(each not in others for each in resources)
    callers = served(stack, realm)
    stack.run("stack", "rm", "--force", "--yes", "--preserve-config")
    stack.run("stack", "init", stack.name)
    stack.configure(*grants(exchange), **more)
    with calling(*callers):
        told = stack.up().output
    will, took = (set(re.findall(rf"{does} back (\d+) objects that", told)) for does in ("will take", "took"))
    assert len(took) == 1 and will == took and (took == {str(held)} or exchange == LEGACY), (held, resources, told)
    for caller in callers:
        assert caller.refusals == [] and caller.answered.get(exchange), caller
    again = stack.up().output
    assert "take" not in again and "took" not in again and stack.outputs() == outputs
    stack.destroy("--skip-preview")
    as_it_was(realm, before, exchange)
