"""Our policies stay on a shared permission: a second look, where another stack may hold an older list."""

from typing import Any

import pytest

from kcadmin.authz import EXCHANGE_PERMISSION
from kcadmin.management import KIND
from kcadmin.ownership import Claim
from kcadmin.permissions import attach
from kcadmin.realm import Realm
from tests.support.fake_server import FakeKeycloak, Request

OURS, ALSO_OURS, THEIRS = "o/p/s#g", "o/p/s", "o/p/other"
PERMISSION = "id of the permission"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr("kcadmin.permissions.time.sleep", seconds.append)
    return seconds


def server_with(*owners: str) -> FakeKeycloak:
    """A target whose management permissions these owners claim."""
    server = FakeKeycloak()
    server.add_realm("r", api={})
    name = EXCHANGE_PERMISSION + server.uuid("api")
    policies: dict[str, dict[str, Any]] = {
        PERMISSION: {"id": PERMISSION, "name": name, "type": "scope", "policies": [], "scopes": []},
        "ours": {"id": "ours", "name": "ours", "type": "client"},
        "theirs": {"id": "theirs", "name": "theirs", "type": "client"},
    }
    for policy in policies.values():
        policy |= {"logic": "POSITIVE", "decisionStrategy": "AFFIRMATIVE", "description": ""}
    server.server("realm-management")["policies"] |= policies
    held = [Claim(owner, KIND, {"enabled": True}, {"enabled": False}) for owner in owners]
    server.change("api", attributes={claim.key: claim.text() for claim in held})
    return server


def attach_ours(server: FakeKeycloak) -> list[str]:
    attach(Realm(server.shared, "r"), server.uuid("api"), "api", ["ours"], OURS)
    return sorted(server.server("realm-management")["policies"][PERMISSION]["policies"])


@pytest.mark.parametrize(
    ("owners", "waits"), [([ALSO_OURS], 0), ([ALSO_OURS, THEIRS], 1), ([THEIRS], 1), ([], 1)], ids=str
)
def test_a_second_look_only_where_another_stack_may_write(owners: list[str], waits: int, slept: list[float]) -> None:
    assert attach_ours(server_with(*owners)) == ["ours"]
    assert len(slept) == waits


def older_list(server: FakeKeycloak, owner: str) -> None:
    """Another stack claims, reads the list before our write, and writes after our look at it."""
    claim = Claim(owner, KIND, {"enabled": True}, {"enabled": False})

    def comes(_: Request) -> None:
        server.change("api", attributes={claim.key: claim.text()})

    def writes(_: Request) -> None:
        server.server("realm-management")["policies"][PERMISSION]["policies"] = ["theirs"]

    server.interfere(comes, at="^PUT .*/permission/scope/")
    server.interfere(lambda _: None, lambda _: None, writes, at="^GET .*/associatedPolicies$")


def test_an_older_list_that_comes_late_is_mended(slept: list[float]) -> None:
    server = server_with(ALSO_OURS)
    older_list(server, THEIRS)
    assert attach_ours(server) == ["ours", "theirs"]
    assert slept
