"""A run that makes clients and their grant, killed at any write of the grant: the next ``up`` continues it, destroy restores.

``make test`` kills at three points; ``make test-crash`` before and after each write that the other provider does not make.
"""

import json

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import BOTH, as_it_was, both_flows
from tests.e2e.kill_points import ALL, CHECKPOINT_SECONDS, Point
from tests.e2e.stack import Stack
from tests.e2e.test_late import program
from tests.support.proxy import LastWrite, proxy_before

pytestmark = pytest.mark.standard_exchange

CLIENTS = 2  # the first writes of an up and the last of a destroy, which another provider makes
WRITES = {("up", "standard"): 4, ("up", "legacy"): 6, ("destroy", "standard"): 4, ("destroy", "legacy"): 6}
THREE = [
    Point("up", "standard", 2, True),
    Point("up", "legacy", 4, False),
    Point("destroy", "legacy", 3, True),
]
EVERY = [
    Point(operation, exchange, write, done)
    for (operation, exchange), writes in WRITES.items()
    for write in range(writes)
    for done in (False, True)
]


def late_stack(stack: Stack, exchange: str) -> Stack:
    grant = {"sources": ["shop"], "target": "orders", "flows": BOTH, "exchange": exchange, "given": "resources"}
    program(stack).configure(shape=json.dumps({"grants": {"g": grant}}))
    return stack


@pytest.mark.parametrize("point", EVERY if ALL else THREE, ids=str)
def test_killed(point: Point, renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed("legacy")  # it offers both exchanges
    before = realm.export()
    stack = late_stack(new_stack(realm, "legacy"), point.exchange)
    with proxy_before(stack.server.url) as proxy:
        stack.env["KEYCLOAK_URL"] = proxy.url
        first = CLIENTS
        if point.operation == "destroy":
            stack.up("--skip-preview")
            first = 0
        last = LastWrite(first + point.write, point.done, CHECKPOINT_SECONDS)
        assert stack.killed(proxy, last, point.operation, "--yes", "--skip-preview"), last.writes
        stack.run("cancel", "--yes")
        stack.up("--skip-preview")
        both_flows(realm, point.exchange, source="shop", target="orders")
        stack.preview("--refresh", "--expect-no-changes")
        stack.destroy("--skip-preview")
    as_it_was(realm, before, point.exchange)


@pytest.mark.skipif(not ALL, reason="make test-crash")
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_no_write_is_left_out(exchange: str, renewed: MakeRealm, new_stack: NewStack) -> None:
    stack = late_stack(new_stack(renewed("legacy"), "legacy"), exchange)
    writes = {operation: len(stack.run(operation, "--yes", "--skip-preview").writes) for operation in ("up", "destroy")}
    assert writes == {operation: WRITES[operation, exchange] for operation in writes}
