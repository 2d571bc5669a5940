"""Whose a stack's objects are: chosen where nothing tells stacks apart, changed without a refused exchange, never shared."""

import json
import re
import shlex
from collections.abc import Callable, Sequence
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
CLIENTS = ("web", "mobile", "api", "orders", "billing")
NAMES: dict[str, Callable[[str], str]] = {"standard": str, LEGACY: "old-{}".format}
"""Each exchange has clients and grants of its own, on a server that offers both."""
EXCHANGES = tuple(NAMES)
HAS_GUARDS = keycloak.number(keycloak_version()) >= keycloak.number(NEEDS["exchange_guards"][0])
GUARDS = {"guards": ["requesters", "sources"]} if HAS_GUARDS else {}
COMMAND = re.compile(r"`pulumi (config set owner [^`]+)`")


@pytest.fixture
def realm(renewed: MakeRealm) -> TestRealm:
    """Clients of each exchange. The test's user holds the role ``staff``, ``somebody`` does not."""
    made = renewed(LEGACY, **{name(each): {} for name in NAMES.values() for each in CLIENTS})
    made.add_role("staff", made.user)
    made.add_user("somebody")
    return made


def grants(exchange: str) -> list[Grant]:
    """One without a condition, one for holders of a role, one on request."""
    name, common = NAMES[exchange], {"exchange": exchange}
    staff = {"flows": ["requester"], "requiredRoles": ["staff"], **common}
    asked = {"audience": "optionalScope", **common}
    return [
        grant(name("g"), source=name("web"), target=name("api"), **common),
        grant(name("staff"), source=name("mobile"), target=name("orders"), **staff),
        grant(name("asked"), source=name("mobile"), target=name("billing"), **asked),
    ]


def all_grants() -> list[Grant]:
    return [each for exchange in NAMES for each in grants(exchange)]


def served(stack: Stack, realm: TestRealm, *, staff: Sequence[str] = EXCHANGES) -> list[tuple[str, Caller]]:
    """Those whom the grants allow an exchange, as the stack's outputs tell them to ask, and by which exchange they are served.

    staff: the exchanges whose grant for holders of the role is there.
    """
    outputs, found = stack.grants(), []
    for exchange, name in NAMES.items():
        scopes = {flow["flow"]: flow["requestScope"] for flow in outputs[name("asked")]["flows"]}
        web, mobile, orders, billing = map(name, ("web", "mobile", "orders", "billing"))
        own: Any = {} if scopes["requester"] is None else {"scope": scopes["requester"]["name"]}
        callers = [
            Caller(realm, web, name("api")),
            Caller(realm, web, web, name("api")),
            *([Caller(realm, mobile, mobile, orders)] if exchange in staff else []),
            Caller(realm, mobile, billing, login={"scope": scopes["recipient"]["name"]}),
            Caller(realm, mobile, mobile, billing, asks=own),
        ]
        found += [(exchange, each) for each in callers]
    return found


def all_served(callers: list[tuple[str, Caller]]) -> None:
    for exchange, caller in callers:
        assert caller.refusals == [] and caller.answered.get(exchange), caller


def commands(output: str) -> list[str]:
    """The commands by which an owner is set, as the one error of a run names them."""
    (told,) = (line for line in output.rpartition("Diagnostics:")[2].splitlines() if "config 'owner'" in line)
    return COMMAND.findall(told)


def conditions_bind(realm: TestRealm, *, staff: Sequence[str] = EXCHANGES) -> None:
    """staff: the exchanges whose grant for holders of the role is there."""
    for exchange, name in NAMES.items():
        mobile, orders = name("mobile"), name("orders")
        if exchange in staff:
            exchanged_as(realm, realm.user, mobile, orders)
        else:
            refused(realm, mobile, source=mobile, audience=orders)
        with pytest.raises(AssertionError, match="somebody"):
            exchanged_as(realm, "somebody", mobile, orders)
        refused(realm, name("billing"), source=mobile)  # who has not asked for the scope


def exchanged_as(realm: TestRealm, user: str, requester: str, audience: str) -> None:
    claims = {}
    try:
        claims = realm.exchange(requester, realm.user_token(requester, user), audience=audience)
    except Exception as problem:
        raise AssertionError(f"{user}: {problem}") from problem
    assert audience in claims["aud"], f"{user}: {claims['aud']}"


@pytest.mark.standard_exchange
def test_an_owner_must_be_set(realm: TestRealm, new_stack: NewStack) -> None:
    stack = new_stack(realm, LEGACY)
    stack.configure(grants("standard")[0], owner=None)
    told = stack.refused("up", "--yes")  # in its preview
    assert (
        "this backend has no organizations, which would distinguish this stack from others of its name" in told.output
    )
    assert "Updating" not in told.output and not told.writes
    (proposal,) = commands(told.output)
    assert re.fullmatch(r"config set owner project-test-[0-9a-f]{6}", proposal)
    stack.run(*shlex.split(proposal))
    stack.up("--skip-preview")
    stack.configure(grants("standard")[0])
    told = stack.refused("preview")
    kept, other = commands(told.output)
    assert kept == proposal and other != proposal
    stack.run(*shlex.split(kept))
    stack.preview("--expect-no-changes")
    stack.configure(grants("standard")[0])
    stack.destroy("--skip-preview")  # needs none


@pytest.mark.scope_policies
@pytest.mark.standard_exchange
def test_what_a_stack_made_stays_its_own(realm: TestRealm, new_stack: NewStack) -> None:
    """Without its state, by another owner, by another name and in another backend; callers go on meanwhile."""
    stack, more = new_stack(realm, LEGACY, "ours"), {**GUARDS, "events": True}
    before, events = realm.export(), realm.get("events", "config")
    stack.configure(*all_grants(), **more, owner="acme/shop/prod")  # as of an organization's stack
    stack.up("--skip-preview")
    outputs, parts = stack.grants(), set(stack.export())
    callers = served(stack, realm)
    with calling(*(caller for _, caller in callers)):
        for owner in ("shop-3fa9c1", "acme/shop/prod"):  # to another backend, and back
            stack.configure(*all_grants(), owner=owner)
            told = stack.up(*(["--skip-preview"] if owner == "acme/shop/prod" else []))
            assert set(told.counted()) <= {"unchanged", "updated"}, told.output
            assert " take " not in told.output and "took" not in told.output, told.output
            assert "loosened by" not in told.output, told.output  # the conditions are the same
        stack.run("stack", "rm", "--force", "--yes", "--preserve-config")
        stack.run("stack", "init", stack.name)
        stack.configure(*all_grants())
        takes_back(stack)  # as many as before another owner, which notes more on the server
    all_served(callers)
    assert stack.grants() == outputs and set(stack.export()) == parts
    conditions_bind(realm)

    stack.run("stack", "rename", "renamed")
    stack.name = "renamed"
    told = stack.up("--replace", "**", "--skip-preview")
    assert "took back" not in told.output, told.output
    moved = new_stack(realm, LEGACY, "renamed")  # in another backend
    moved.configure(*all_grants(), **more, owner="acme/shop/prod")
    state = stack.folder / "state.json"
    stack.run("stack", "export", "--file", str(state))
    moved.run("stack", "import", "--file", str(state))
    told = moved.up("--replace", "**", "--skip-preview")
    assert "took back" not in told.output, told.output
    moved.up("--refresh", "--skip-preview", "--expect-no-changes")
    assert '"held"' not in moved.state_file.read_text()
    moved.destroy("--skip-preview")
    as_it_was(realm, before, LEGACY)
    assert realm.get("events", "config") == events


def takes_back(stack: Stack) -> None:
    """A run of a stack that lost its state: it says what it will take back, and takes as much."""
    told = stack.up().output
    others = ("ClientScopeAssignment", "TokenExchangePermission", "TokenExchangeGrant")  # without a mark of their own
    held = sum(each["type"].rpartition(":")[2] not in others for each in stack.export().values())
    for does in ("will take", "took"):
        assert set(re.findall(rf"{does} back (\d+) objects that", told)) == {str(held)}, told


@pytest.mark.exchange_guards
def test_one_owner_of_two_stacks(realm: TestRealm, new_stack: NewStack) -> None:
    """A copied config, by another name or in another backend; and a stack that is renamed."""
    ours, copied, elsewhere = (new_stack(realm, LEGACY, name) for name in ("ours", "copied", "ours"))
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
    exchanged(realm, "web", "api", "standard", source="web", asks=True)

    ours.run("stack", "rename", "renamed")
    ours.name = "renamed"
    ours.up("--skip-preview")
    ours.preview("--refresh", "--expect-no-changes")
    assert name("renamed") in json.dumps(realm.client("web")["attributes"])
    for stack in (copied, ours, elsewhere):
        stack.destroy("--skip-preview")
    as_it_was(realm, before, LEGACY)


@pytest.mark.scope_policies
@pytest.mark.standard_exchange
def test_what_a_copied_state_has_given_to_another_stack_stays_with_it(realm: TestRealm, new_stack: NewStack) -> None:
    """The stack that it was copied from is destroyed: what nobody has marked or claimed stays, too."""
    one, two = (new_stack(realm, LEGACY, name) for name in ("one", "two"))
    before, more = realm.export(), {**GUARDS, "events": True, "resources": "realm"}
    for stack in (one, two):
        stack.configure(*all_grants(), **more)
    one.up("--skip-preview")
    state = one.folder / "state.json"
    one.run("stack", "export", "--file", str(state))
    state.write_text(state.read_text().replace("urn:pulumi:one::", "urn:pulumi:two::"))
    two.run("stack", "import", "--file", str(state))
    two.up("--skip-preview")
    callers = served(two, realm)
    with calling(*(caller for _, caller in callers)):
        told = one.destroy("--skip-preview").output
    all_served(callers)
    conditions_bind(realm)
    for kept in ("client scope assignment of client 'mobile'", "token-exchange permission of client 'old-api'"):
        assert f"{kept} in realm '{realm.name}': belongs to 'tests/two" in told, told
    two.preview("--refresh", "--expect-no-changes")
    told = two.up("--replace", "**", "--skip-preview").output
    assert "took back" not in told, told
    two.preview("--refresh", "--expect-no-changes")
    two.destroy("--skip-preview")
    as_it_was(realm, before, LEGACY)


@pytest.mark.scope_policies
@pytest.mark.standard_exchange
def test_two_owners(realm: TestRealm, new_stack: NewStack) -> None:
    """Equal in all but their owners: neither takes from the other, whoever leaves first."""
    before, more = realm.export(), {**GUARDS, "events": True}
    one, two = (new_stack(realm, LEGACY, name) for name in ("one", "two"))
    for stack in (one, two):
        stack.configure(*all_grants(), **more)
    one.up("--skip-preview")
    told = two.refused("up", "--yes")  # beside one another, legacy policies would let through what one of them closes
    assert "through without this grant's conditions; let one of the two stacks hold both grants; " in told.output
    assert not told.writes
    two.configure(*(each for each in all_grants() if each["name"] != NAMES[LEGACY]("staff")))
    two.up("--skip-preview")
    conditions_bind(realm)
    for leaves, stays, staff in ((one, two, ("standard",)), (two, one, EXCHANGES)):
        leaves.destroy("--skip-preview")
        callers = served(stays, realm, staff=staff)
        with calling(*(caller for _, caller in callers)):
            for _, caller in callers:
                caller.once.wait(TIMEOUT_SECONDS)
        all_served(callers)
        conditions_bind(realm, staff=staff)
        stays.preview("--refresh", "--expect-no-changes")
        if leaves is one:
            one.up("--skip-preview")
    one.destroy("--skip-preview")
    as_it_was(realm, before, LEGACY)
