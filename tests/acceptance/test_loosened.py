"""A condition or a guard that is changed or taken away opens exchanges for more people: told before, and then true."""

from collections.abc import Sequence
from typing import Any

import pytest

from components.own_parts import own
from grants.plan import questions
from grants.planning import plan
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import TokenRefused
from providers.base.own_state import held_in
from providers.checks.openings import openings
from reach import preflight
from tests.acceptance.test_open_gates import OTHER, OWNER, grant
from tests.conftest import MakeRealm
from tests.support import hand_made
from tests.support.engine import forget
from tests.support.in_process import NAME, Stack
from tests.support.realms import TestRealm
from tests.support.robots import purposes_of


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    """One user holds ``vip``, the other ``guest``."""
    realm = make_module_realm("legacy", web={}, api={}, hop={})
    realm.add_user(OTHER)
    realm.add_role("vip", realm.user)
    realm.add_role("guest", OTHER)
    realm.mapper("web", "by-hand", "hop")
    hand_made.switch(realm, "hop")
    return realm


def told(
    realm: TestRealm,
    stack: Stack,
    *grants: dict[str, Any],
    guards: Sequence[str] = (),
    login: Connection | None = None,
) -> tuple[str, ...]:
    """What a preview says of it, to the robot that the grants take or another login."""
    specs = stack._specs(grants)
    login = login or realm.robot(*purposes_of(specs, {*stack.guards, *guards}))
    forget()
    facts = preflight.ask_server(login, questions(specs))
    state = held_in(stack.held())
    planned = plan(specs, facts, guards)
    assert not planned.faults and own(specs, facts, lambda: state, NAME)
    return openings(login, planned.grants, facts, guards, lambda: state).notes


def passes(realm: TestRealm, requester: str, user: str | None = None) -> bool:
    try:
        realm.exchange(requester, realm.user_token("web", user))
    except TokenRefused:
        return False
    return True


@pytest.mark.standard_exchange
def test_other_required_roles(home: TestRealm, stack: Stack) -> None:
    narrow, wide = grant(home, requiredRoles=["vip"]), grant(home, requiredRoles=["vip", "guest"])
    stack.up(narrow)
    by = f"loosened by grant 'g' in realm '{home.name}': 'api' may exchange tokens of 'web' for itself"
    before = "; before, only if the user has the role 'vip'."
    assert told(home, stack, narrow) == ()
    assert told(home, stack, wide)[0] == f"{by} if the user has the role 'guest' or 'vip'{before}"
    assert told(home, stack, grant(home))[0] == f"{by} whatever roles the user has and scopes are requested{before}"
    assert not passes(home, "api", OTHER)
    stack.up(wide)
    assert passes(home, "api", OTHER)
    assert told(home, stack, wide) == ()
    assert not any(line.startswith("loosened") for line in told(home, stack, narrow))


@pytest.mark.exchange_guards
def test_guards_that_go(home: TestRealm) -> None:
    guarded, alone = Stack(home.robot, OWNER, guards=("requesters",)), grant(home)
    guarded.up(alone)
    try:
        assert told(home, guarded, alone, guards=("requesters",)) == ()
        opened = "'hop' may also exchange tokens of 'web' for itself"
        assert any(opened in each for each in told(home, guarded, alone))
        assert not passes(home, "hop")
        guarded.guards = ()
        guarded.up(alone)
        assert passes(home, "hop")
        assert told(home, guarded, alone) == ()
    finally:
        guarded.destroy()


def test_other_hours(home: TestRealm, stack: Stack) -> None:
    legacy = {"exchange": "legacy", "flows": ["requester"]}
    first = grant(home, **legacy, timeWindow={"start": "08:30", "end": "17:15"})
    stack.up(first)
    assert told(home, stack, first) == ()
    (said,) = told(home, stack, grant(home, **legacy, timeWindow={"start": "06:00", "end": "17:15"}))
    assert said.endswith("'web' may exchange for 'api' at other times than before: from 06:00, to 17:15.")


@pytest.mark.standard_exchange
def test_a_role_that_every_new_user_has(home: TestRealm, stack: Stack) -> None:
    default = home.get("roles", f"default-roles-{home.name}")
    home.session.post(home.at("roles-by-id", default["id"], "composites"), [home.get("roles", "guest")])
    try:
        lines = told(home, stack, grant(home, requiredRoles=["guest"]))
        assert any(
            "required role 'guest' is a default role of the realm, so every new user has it;" in each for each in lines
        )
        assert not any("default role" in each for each in told(home, stack, grant(home, requiredRoles=["vip"])))
    finally:
        home.session.delete(home.at("roles-by-id", default["id"], "composites"), [home.get("roles", "guest")])


@pytest.mark.standard_exchange
def test_a_role_of_a_default_group(home: TestRealm, stack: Stack) -> None:
    """Of one above it: a group has the roles of its parents. It takes a login that may view groups."""
    above = home.session.create(home.at("groups"), {"name": "all"})
    group = home.session.create(home.at("groups", above, "children"), {"name": "new"})
    home.session.post(home.at("groups", above, "role-mappings", "realm"), [home.get("roles", "guest")])
    home.session.put(home.at("default-groups", group), None)
    asked = grant(home, requiredRoles=["guest"])
    try:
        lines = told(home, stack, asked, login=home.connection)
        assert any("required role 'guest' comes with the default group '/all/new'" in each for each in lines)
    finally:
        home.session.delete(home.at("groups", above))
