"""A server is upgraded below live stacks, from the oldest supported version through each to this one, its database kept."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.keycloak import has_standard_exchange, number
from local.layout import KEYCLOAK_VERSIONS, keycloak_version
from tests.conftest import NEEDS
from tests.support.live_stack import LiveStack, realm_at
from tests.support.own_servers import OwnServer
from tests.support.realms import PASSWORD, TestRealm

pytestmark = pytest.mark.skipif(not os.environ.get("TEST_LIVE"), reason="starts each version: make test-live")
VERSIONS = (*(each for each in KEYCLOAK_VERSIONS if number(each) < number(keycloak_version())), keycloak_version())
GUARDS = ["requesters", "sources"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[OwnServer]:
    """A server of the first version, with both exchanges as far as that has them."""
    server = OwnServer(tmp_path / "server", "legacy", VERSIONS[0])
    yield server
    server.stop()


def test_through_each_version(own: OwnServer, pulumi: Path, tmp_path: Path) -> None:
    """Nothing changes by itself, callers go on, and in the end each realm is as one that had no stack."""
    stacks: list[LiveStack] = []
    untouched: dict[str, TestRealm] = {}
    guarded: set[LiveStack] = set()
    for version in VERSIONS:
        if version != VERSIONS[0]:
            own.again("legacy", version)
        for each in stacks:
            each.at(own.server)
            _goes_on(each)
        for exchange in ("legacy", "standard") if has_standard_exchange(version) else ("legacy",):
            if exchange not in untouched:
                untouched[exchange] = realm_at(own.server)
                for resources in ("each", "realm"):
                    folder = tmp_path / f"{exchange}-{resources}"
                    stacks.append(LiveStack(folder, pulumi, own.server, exchange, resources, version=version))
        if number(version) >= number(NEEDS["exchange_guards"][0]):
            for each in (each for each in stacks if each not in guarded):
                each.stack.configure(*each.stack.config["grants"], guards=GUARDS)
                each.bring_up()
                guarded.add(each)
    for realm in untouched.values():
        realm.session = type(realm.session)(realm.connection)
    for each in stacks:
        each.leave(untouched[each.exchange])


def _goes_on(live: LiveStack) -> None:
    """No command changes anything, all exchanges are proved, and none is said to be broken."""
    live.still_works()
    live.stack.preview("--refresh", "--expect-no-changes")
    live.stack.env |= {"KEYCLOAK_USER": live.realm.user, "KEYCLOAK_USER_PASS": PASSWORD}
    verified = live.stack.exchange("verify", "--read-secrets")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "No findings in" in live.said("doctor")
