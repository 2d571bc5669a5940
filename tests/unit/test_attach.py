"""Our policies stay on a shared permission: a second look, where another stack may hold an older list."""

from typing import Any

import pytest

from kcadmin.authz.exchange_permission import attach, detach
from kcadmin.authz.management_permissions import KIND
from kcadmin.objects.claims import Claim
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import permission_name
from kcadmin.rest.errors import Refusal
from tests.support.fake_server import Answer, FakeKeycloak, Request

OURS, ALSO_OURS, THEIRS = "o/p/s#g", "o/p/s", "o/p/other"
PERMISSION = "id of the permission"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr("kcadmin.rest.waiting.time.sleep", seconds.append)
    return seconds


def server_with(*owners: str) -> FakeKeycloak:
    """A target whose management permissions these owners claim."""
    server = FakeKeycloak()
    server.add_realm("r", api={})
    name = permission_name(server.uuid("api"))
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
def test_a_second_read_only_where_another_stack_may_write(owners: list[str], waits: int, slept: list[float]) -> None:
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


@pytest.mark.parametrize("both", [True, False], ids=["its policy and the strategy", "its policy alone"])
def test_another_writer_between_the_reads_of_the_strategy_and_of_the_policies(slept: list[float], both: bool) -> None:
    server = server_with(ALSO_OURS)
    permission = server.server("realm-management")["policies"][PERMISSION]
    permission["decisionStrategy"] = "UNANIMOUS"

    def writes(_: Request) -> None:
        permission["policies"] = ["theirs"]
        permission["decisionStrategy"] = "AFFIRMATIVE" if both else "UNANIMOUS"

    server.interfere(writes, at="^GET .*/associatedPolicies$")
    if both:
        assert attach_ours(server) == ["ours", "theirs"]
    else:
        with pytest.raises(Refusal, match="holds the policies theirs under UNANIMOUS"):
            attach_ours(server)


def test_what_the_server_answers_to_every_write_is_said() -> None:
    server = server_with(ALSO_OURS)
    server.interfere(*[Answer(500, {"error": "unknown_error"})] * 10, at="^PUT .*/permission/scope/")
    with pytest.raises(
        Refusal, match=r"did not stay, the last answer was: PUT .* 500 .*: unknown_error; find who else"
    ):
        attach_ours(server)


def test_the_last_policy_leaves_at_one_read_where_it_is_deleted_next() -> None:
    server = server_with(ALSO_OURS)
    realm, uuid = Realm(server.shared, "r"), server.uuid("api")
    server.server("realm-management")["policies"][PERMISSION]["policies"] = ["ours"]
    detach(realm, uuid, "api", ["ours"], soon_deleted=lambda now: "ours" in now.policies)
    assert server.server("realm-management")["policies"][PERMISSION]["policies"] == []
    assert len(server.asked("/authz/")) == 3  # the permission, what it holds, the write
