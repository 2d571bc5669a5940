"""Killed before and after each single write: the next run mends it, nothing is made twice, and destroy restores.

``make test`` kills at one point of each test, each time another one; ``make test-crash`` at all.
"""

import copy
import itertools
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from kcadmin.rest.errors import TokenRefused
from tests.conftest import MakeRealm
from tests.support.in_process import Killed, Stack, interrupted
from tests.support.realms import TestRealm

ALL = bool(os.environ.get("ALL_KILL_POINTS"))
CLIENTS = ("frontend", "mobile", "api", "web", "orders", "shop")
OUTSIDER = "somebody"
GUARDS = ("requesters", "sources")
Grants = list[dict[str, Any]]


def two_grants(realm: TestRealm, exchange: str) -> Grants:
    common = {"realm": realm.name, "exchange": exchange, "target": "api", "flows": ["recipient", "requester"]}
    return [{**common, "name": f"{source}-to-api", "sources": [source]} for source in ("frontend", "mobile")]


def works(realm: TestRealm, *sources: str) -> None:
    """Both flows of each source."""
    for source in sources:
        token = realm.user_token(source)
        assert "api" in realm.exchange("api", token)["aud"]
        assert "api" in realm.exchange(source, token, "api")["aud"]


def same(realm: TestRealm, before: Any) -> None:
    assert realm.export_but_for_permissions() == realm.without_permissions(before)


def all_kills(
    arrange: Callable[[], Stack],
    run: Callable[[Stack], None],
    mend: Callable[[Stack, bool], None],
    least: int,
    which: str,
) -> None:
    """Kills a run at each point until no write is left, and mends it.

    :param mend: is told whether the run was killed.
    :param least: how many writes there are at least.
    :param which: chooses the one point of ``make test``, always the same.
    """
    chosen = random.Random(which).randrange(2 * least)  # noqa: S311 (nothing that must be hard to guess)
    for point in itertools.count() if ALL else (chosen,):
        stack, killed = arrange(), False
        with interrupted(point // 2, after=bool(point % 2)) as writes:
            try:
                run(stack)
            except Killed:
                killed = True
        where = f"{'after' if point % 2 else 'before'} write {point // 2}: {writes[-1]}" if killed else "not killed"
        try:
            mend(stack, killed)
        except BaseException as problem:
            raise AssertionError(f"killed {where}: {problem}") from problem
        if not killed:
            assert ALL and len(writes) >= least, (where, writes)
            return


@pytest.fixture(scope="module")
def realm(make_module_realm: MakeRealm) -> TestRealm:
    """One for all tests, since each must leave it as it was: making and deleting one takes as long as many a test."""
    made = make_module_realm("legacy", **{name: {} for name in CLIENTS})
    made.add_role("buyer", made.user)
    made.add_user(OUTSIDER)
    return made


LATE = pytest.mark.parametrize("late", [False, True], ids=["planned", "late"])


@LATE
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("checkpoints", [True, False], ids=["checkpoints", "no-checkpoints"])
def test_up_killed_anywhere(realm: TestRealm, exchange: str, checkpoints: bool, late: bool) -> None:
    before, grants = realm.export(), two_grants(realm, exchange)

    def mend(stack: Stack, killed: bool) -> None:
        if killed and not checkpoints:
            stack = Stack(realm.robot, late=late)
        stack.up(*grants)
        works(realm, "frontend", "mobile")
        stack.destroy()
        same(realm, before)

    least, which = {"standard": 6, "legacy": 9}[exchange], f"up {exchange} {checkpoints} {late}"
    all_kills(lambda: Stack(realm.robot, late=late), lambda stack: stack.up(*grants), mend, least, which)


def stack_of(realm: TestRealm, grants: Grants, *, late: bool = False) -> Stack:
    """One that is up."""
    stack = Stack(realm.robot, late=late)
    stack.up(*grants)
    return stack


@LATE
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("recover", ["destroy", "up"])
def test_destroy_killed_anywhere(realm: TestRealm, exchange: str, recover: str, late: bool) -> None:
    before, grants = realm.export(), two_grants(realm, exchange)

    def mend(stack: Stack, killed: bool) -> None:
        if recover == "up":
            stack.refresh()
            stack.up(*grants)
            works(realm, "frontend", "mobile")
        stack.destroy()
        same(realm, before)

    least, which = {"standard": 6, "legacy": 8}[exchange], f"destroy {exchange} {recover} {late}"
    all_kills(lambda: stack_of(realm, grants, late=late), Stack.destroy, mend, least, which)


@LATE
@pytest.mark.parametrize(("exchange", "then"), [("standard", "legacy"), ("legacy", "standard")])
def test_move_killed_anywhere(realm: TestRealm, exchange: str, then: str, late: bool) -> None:
    """An update that moves both grants from one exchange to the other."""
    before, first, second = realm.export(), two_grants(realm, exchange), two_grants(realm, then)

    def mend(stack: Stack, killed: bool) -> None:
        stack.up(*second)
        works(realm, "frontend", "mobile")
        stack.destroy()
        same(realm, before)

    which = f"move {exchange} {late}"
    all_kills(lambda: stack_of(realm, first, late=late), lambda stack: stack.up(*second), mend, 10, which)


def conditional(realm: TestRealm, exchange: str, client: str) -> Grants:
    """Grants that are called after a client: for holders of a role, on request where that is to be had; and a plain one."""
    asked = {"audience": "optionalScope", "tokenLifespan": 60} if exchange == "standard" else {}
    common = {"realm": realm.name, "exchange": exchange}
    staff = {"sources": [client], "target": "orders", "flows": ["requester"], "requiredRoles": ["buyer"], **asked}
    plain = {"sources": ["shop"], "target": client, "flows": ["recipient"]}
    return [{**common, "name": f"{client}-staff", **staff}, {**common, "name": f"{client}-plain", **plain}]


def binds(realm: TestRealm, stack: Stack, client: str) -> None:
    """What is granted is served, and nothing else; guards and events are there; the next run changes nothing."""
    (flow,) = stack.exported[f"{client}-staff"]["flows"]
    asked = {"scope": flow["requestScope"]["name"]} if flow["requestScope"] else {}
    assert "orders" in realm.exchange(client, realm.user_token(client), "orders", **asked)["aud"]
    with pytest.raises(TokenRefused):
        realm.exchange(client, realm.user_token(client, OUTSIDER), "orders", **asked)
    assert client in realm.exchange(client, realm.user_token("shop"))["aud"]
    assert realm.get("events", "config")["eventsEnabled"] is True
    policies = {each["name"] for each in realm.get("client-policies", "policies")["policies"]}
    for guard in GUARDS:
        assert any(each.startswith(f"pulumi.exchange.{guard[:-1]}") for each in policies), policies
    assert set(stack.changes.values()) == {"same"}


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("operation", ["rename", "replace"])
@pytest.mark.parametrize("checkpoints", [True, False], ids=["checkpoints", "no-checkpoints"])
def test_rename_or_replacement_killed_anywhere(
    realm: TestRealm, exchange: str, operation: str, checkpoints: bool
) -> None:
    """New resources continue the objects of the old ones, which are deleted at the end: in that run, or in the one after."""
    before = realm.export()
    client = "site" if operation == "rename" else "web"
    grants = conditional(realm, exchange, client)
    kept: list[Any] = []

    def arrange() -> Stack:
        stack = Stack(realm.connection, guards=GUARDS, events=True)
        stack.up(*conditional(realm, exchange, "web"))
        kept[:] = [copy.deepcopy(stack.state)]
        if operation == "rename":
            realm.change("web", clientId=client)
        return stack

    def mend(stack: Stack, killed: bool) -> None:
        if killed and not checkpoints:
            stack.state, stack.leaving = kept[0], []
        stack.up(*grants)
        stack.up(*grants)
        binds(realm, stack, client)
        stack.destroy()
        if operation == "rename":
            realm.change(client, clientId="web")
        same(realm, before)

    least, which = {"rename": 6, "replace": 10}[operation], f"{operation} {exchange} {checkpoints}"
    all_kills(arrange, lambda stack: stack.up(*grants, replace=operation == "replace"), mend, least, which)
