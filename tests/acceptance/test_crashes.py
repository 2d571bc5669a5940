"""Killed before and after each single write: the next run mends it, nothing is made twice, and destroy restores."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import MakeRealm
from tests.support.in_process import Killed, Stack, interrupted
from tests.support.realms import TestRealm

CLIENTS: dict[str, dict[str, Any]] = {"frontend": {}, "mobile": {}, "api": {}}


def two_grants(realm: TestRealm, exchange: str) -> list[dict[str, Any]]:
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


def all_kills(run: Callable[[int, bool], bool]) -> int:
    """Runs with a kill at each point until no write is left; gives how many writes there were."""
    write = 0
    while run(write, False):
        run(write, True)
        write += 1
    return write


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("checkpoints", [True, False], ids=["checkpoints", "no-checkpoints"])
def test_up_killed_anywhere(make_realm: MakeRealm, exchange: str, checkpoints: bool) -> None:
    realm = make_realm("legacy", **CLIENTS)
    before = realm.export()

    def run(at: int, after: bool) -> bool:
        stack = Stack(realm.robot)
        try:
            with interrupted(at, after=after):
                stack.up(*two_grants(realm, exchange))
        except Killed:
            if not checkpoints:
                stack = Stack(realm.robot)
            stack.up(*two_grants(realm, exchange))
            works(realm, "frontend", "mobile")
            stack.destroy()
            same(realm, before)
            return True
        stack.destroy()
        same(realm, before)
        return False

    assert all_kills(run) >= {"standard": 6, "legacy": 9}[exchange]


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("recover", ["destroy", "up"])
def test_destroy_killed_anywhere(make_realm: MakeRealm, exchange: str, recover: str) -> None:
    realm = make_realm("legacy", **CLIENTS)
    before = realm.export()

    def run(at: int, after: bool) -> bool:
        stack = Stack(realm.robot)
        stack.up(*two_grants(realm, exchange))
        try:
            with interrupted(at, after=after):
                stack.destroy()
        except Killed:
            if recover == "up":
                stack.refresh()
                stack.up(*two_grants(realm, exchange))
                works(realm, "frontend", "mobile")
            stack.destroy()
            same(realm, before)
            return True
        same(realm, before)
        return False

    assert all_kills(run) >= {"standard": 6, "legacy": 8}[exchange]


@pytest.mark.parametrize(("exchange", "then"), [("standard", "legacy"), ("legacy", "standard")])
def test_move_killed_anywhere(make_realm: MakeRealm, exchange: str, then: str) -> None:
    """An update that moves both grants from one exchange to the other."""
    realm = make_realm("legacy", **CLIENTS)
    before = realm.export()

    def run(at: int, after: bool) -> bool:
        stack = Stack(realm.robot)
        stack.up(*two_grants(realm, exchange))
        try:
            with interrupted(at, after=after):
                stack.up(*two_grants(realm, then))
        except Killed:
            stack.up(*two_grants(realm, then))
            works(realm, "frontend", "mobile")
            stack.destroy()
            same(realm, before)
            return True
        stack.destroy()
        same(realm, before)
        return False

    assert all_kills(run) >= 10
