"""Whole stacks of several processes come and go at the same moment: all exchanges work, and the realm is as it was.

``make test-cluster`` does so, ROUNDS_AT_ONCE times.
"""

import difflib
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from kcadmin.rest.connection import Connection
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

PROCESSES, WAIT_SECONDS = 3, 300
ROUNDS = int(os.environ.get("ROUNDS_AT_ONCE", "1"))
TARGETS = ("api", "found")

pytestmark = pytest.mark.skipif("ROUNDS_AT_ONCE" not in os.environ, reason="make test-cluster runs it")


def grants(realm_name: str, exchange: str) -> list[dict[str, Any]]:
    common = {"realm": realm_name, "exchange": exchange, "sources": ["frontend"], "flows": ["recipient", "requester"]}
    return [{**common, "name": f"to-{target}", "target": target} for target in TARGETS]


def come_and_go(number: int, connection: Connection, realm_name: str, exchange: str, meet: Barrier) -> None:
    """One stack's process; it meets the others and the test before and after each step."""
    stack = Stack(connection, f"team-{number}")
    for _ in range(ROUNDS):
        for step in (lambda: stack.up(*grants(realm_name, exchange)), stack.destroy):
            meet.wait(WAIT_SECONDS)
            step()
            meet.wait(WAIT_SECONDS)


def changes(before: Any, after: Any) -> str:
    """The lines that differ between two exports."""
    texts = [json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (before, after)]
    return "\n".join(difflib.unified_diff(*texts, lineterm="", n=0))


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_stacks_that_share_all_come_and_go_at_once(make_realm: Callable[..., TestRealm], exchange: str) -> None:
    """``found`` has management permissions of its own, on and empty, whose strategy each stack must change."""
    realm = make_realm("legacy", frontend={}, api={}, found={})
    realm.session.put_json(realm.at("clients", realm.uuid("found"), "management", "permissions"), {"enabled": True})
    before = realm.export()
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        meet = manager.Barrier(PROCESSES + 1)
        stacks = [
            pool.submit(come_and_go, number, realm.robot(exchange), realm.name, exchange, meet)
            for number in range(PROCESSES)
        ]
        for stack in stacks:
            stack.add_done_callback(lambda ended: meet.abort() if ended.exception() else None)
        try:
            for _ in range(ROUNDS):
                meet.wait(WAIT_SECONDS)
                meet.wait(WAIT_SECONDS)
                token = realm.user_token("frontend")
                for target in TARGETS:
                    assert target in realm.exchange(target, token)["aud"]
                    assert target in realm.exchange("frontend", token, target)["aud"]
                meet.wait(WAIT_SECONDS)
                meet.wait(WAIT_SECONDS)
                assert changes(before, realm.export()) == ""
        finally:
            meet.abort()
            failures = [repr(stack.exception()) for stack in stacks if stack.exception()]
            assert all("BrokenBarrierError" in failure for failure in failures), failures
