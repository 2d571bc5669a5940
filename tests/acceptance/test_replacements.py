"""What is renamed or replaced is there afterwards, whichever kind is replaced alone, and whatever the server answers to a write.

``make test`` gives each run a few faults; ``make test-crash`` every fault at every write.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from kcadmin.rest.errors import KeycloakError
from tests.acceptance.test_crashes import ALL, GUARDS, OUTSIDER, binds, conditional, same
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.proxy import FAULTS, TOKEN, Proxy, Request, proxy_before
from tests.support.realms import TestRealm

pytestmark = [pytest.mark.exchange_guards, pytest.mark.usefixtures("no_waiting")]

ONCE = ("500", "reset", "answer lost", "cut off")
"""Faults of one write; besides, all writes from one on may fail."""
SHARE = 194
Fault = tuple[str, Callable[[Request], None], bool]


@pytest.fixture(scope="module")
def realm(make_module_realm: MakeRealm) -> TestRealm:
    """One for all tests, since each must leave it as it was."""
    realm = make_module_realm("legacy", web={}, orders={}, shop={})
    realm.add_role("buyer", realm.user)
    realm.add_user(OUTSIDER)
    return realm


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_each_kind_replaced_alone(realm: TestRealm, exchange: str) -> None:
    before, grants = realm.export(), conditional(realm, exchange, "web")
    stack = Stack(realm.connection, guards=GUARDS, events=True)
    stack.up(*grants)
    kinds: dict[str, list[str]] = {}
    for name, engine in stack.state.items():
        kinds.setdefault(engine.provider.__name__, []).append(name)
    assert len(kinds) >= 6, kinds
    for kind, names in kinds.items():
        stack.up(*grants, replace=names)
        stack.up(*grants)
        assert set(stack.changes.values()) == {"same"}, (kind, stack.changes)
        binds(realm, stack, "web")
    stack.destroy()
    same(realm, before)


def from_write(proxy: Proxy, number: int, *, lasts: bool) -> Callable[[str], bool]:
    """Whether a request is the write of a number (from 0), or a later one where that lasts."""
    writes = 0

    def is_due(request: str) -> bool:
        nonlocal writes
        if request.startswith("GET ") or request.endswith(TOKEN):
            return False
        writes += 1
        return writes > number if lasts else writes == number + 1

    return is_due


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("operation", ["rename", "replace"])
def test_a_write_that_fails(realm: TestRealm, exchange: str, operation: str) -> None:
    """The run goes on by itself, or ends with one sentence; then the next one does what is left."""
    before = realm.export()
    client = "site" if operation == "rename" else "web"
    first, grants = conditional(realm, exchange, "web"), conditional(realm, exchange, client)
    faults: list[Fault] = [(name, FAULTS[name], False) for name in ONCE] + [("500 from then on", FAULTS["500"], True)]
    with proxy_before(realm.url) as proxy:
        connection = replace(realm.connection, url=proxy.url)

        def run(number: int, fault: Fault) -> bool:
            """Whether there is a write of that number."""
            name, answer, lasts = fault
            stack = Stack(connection, guards=GUARDS, events=True)
            stack.up(*first)
            if operation == "rename":
                realm.change("web", clientId=client)
            reached = from_write(proxy, number, lasts=lasts)
            met: list[str] = []

            def noted(request: Request) -> None:
                met.append(f"{request.command} {request.path}")
                answer(request)

            proxy.fault, proxy.each = noted, reached
            try:
                stack.up(*grants, replace=operation == "replace")
            except BaseException as problem:
                told = isinstance(problem, KeycloakError) or type(problem).__name__ == "RunError"
                assert told and met and "\n" not in str(problem), (number, name, met, problem)
            else:
                assert not (lasts and met), (number, name, met)
            proxy.fault = proxy.each = None
            try:
                stack.up(*grants)
                stack.up(*grants)
                binds(realm, stack, client)
                stack.destroy()
                if operation == "rename":
                    realm.change(client, clientId="web")
                same(realm, before)
            except BaseException as problem:
                raise AssertionError(f"{name} at write {number}, {met[:1]}: {problem}") from problem
            return bool(met)

        number = 0 if ALL else len(operation + exchange) % len(faults)
        points = 0
        while run(number // len(faults), faults[number % len(faults)]):
            points += 1
            number += 1 if ALL else SHARE
        assert points
