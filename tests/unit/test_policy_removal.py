"""A policy is deleted, and nobody else's policy leaves a permission with it, however busy the server is."""

from typing import Any

import pytest

from kcadmin.authz.exchange_permission import ROUNDS, attached, detach, leave_empty
from kcadmin.authz.noted_strategy import STRATEGY
from kcadmin.authz.policy_removal import delete_policy
from kcadmin.objects.claims import Claim
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import permission_name
from kcadmin.rest.errors import Refusal
from tests.support.fake_server import Answer, FakeKeycloak, Request

PERMISSION = "id of the permission"
AT = "^PUT .*/permission/scope/"
BUSY = Answer(503, {"error": "busy"})


@pytest.fixture
def server() -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm("r", api={})
    policies: dict[str, dict[str, Any]] = {
        PERMISSION: {"name": permission_name(server.uuid("api")), "type": "scope", "policies": ["ours"], "scopes": []},
        "ours": {"name": "ours", "type": "client"},
        "theirs": {"name": "theirs", "type": "client"},
    }
    common = {"logic": "POSITIVE", "decisionStrategy": "AFFIRMATIVE", "description": ""}
    server.server("realm-management")["policies"] |= {
        id_: {"id": id_, **common, **policy} for id_, policy in policies.items()
    }
    return server


def permission(server: FakeKeycloak) -> dict[str, Any]:
    return server.server("realm-management")["policies"][PERMISSION]


def comes(server: FakeKeycloak) -> Any:
    """Another stack hangs its policy on the permission, and our write of the list meets a busy server."""

    def answer(_: Request) -> Answer:
        permission(server)["policies"] = ["ours", "theirs"]
        return BUSY

    return answer


def test_an_emptied_list_is_not_sent_again_over_anothers_policy(server: FakeKeycloak) -> None:
    realm = Realm(server.shared, "r")
    server.interfere(comes(server), at=AT)
    delete_policy(realm, realm.permissions_server(), "ours")
    assert [each for each in permission(server)["policies"] if each != "ours"] == ["theirs"]
    assert "ours" not in server.server("realm-management")["policies"]


def test_the_last_policy_leaves_on_a_busy_server(server: FakeKeycloak) -> None:
    realm = Realm(server.shared, "r")
    server.interfere(BUSY, at=AT)
    delete_policy(realm, realm.permissions_server(), "ours")
    assert permission(server)["policies"] == []


def test_a_list_that_ours_has_left_meanwhile_is_not_emptied(server: FakeKeycloak) -> None:
    realm = Realm(server.shared, "r")
    permission(server)["policies"] = ["ours", "theirs"]

    def takes_ours_out(_: Request) -> None:
        permission(server)["policies"] = ["theirs"]

    server.interfere(takes_ours_out, at="^GET .*/associatedPolicies$")
    delete_policy(realm, realm.permissions_server(), "ours")
    assert permission(server)["policies"] == ["theirs"]


def noted(server: FakeKeycloak) -> Realm:
    claim = Claim("o/p/s", STRATEGY, {}, {"strategy": "UNANIMOUS"})
    server.change("api", attributes={claim.key: claim.text()})
    permission(server)["policies"] = []
    return Realm(server.shared, "r")


def test_a_strategy_is_not_sent_again_over_anothers(server: FakeKeycloak) -> None:
    realm, uuid = noted(server), server.uuid("api")
    server.interfere(comes(server), at=AT)
    leave_empty(realm, uuid, attached(realm, uuid))
    assert permission(server)["decisionStrategy"] == "AFFIRMATIVE"


def test_a_strategy_is_given_back_on_a_busy_server(server: FakeKeycloak) -> None:
    realm, uuid = noted(server), server.uuid("api")
    server.interfere(BUSY, at=AT)
    leave_empty(realm, uuid, attached(realm, uuid))
    assert permission(server)["decisionStrategy"] == "UNANIMOUS"
    assert server.claimed("api", STRATEGY) == []


def test_a_server_that_stays_busy_keeps_a_strategy(server: FakeKeycloak) -> None:
    realm, uuid = noted(server), server.uuid("api")
    server.interfere(*[BUSY] * 20, at=AT)
    with pytest.raises(Refusal) as caught:
        leave_empty(realm, uuid, attached(realm, uuid))
    assert str(caught.value).startswith(
        f"permission '{permission_name(uuid)}' in realm 'r': {ROUNDS} writes of its decision strategy did not stay, "
        "the last answer was: PUT "
    )


def test_another_stacks_policy_that_left_at_that_moment_is_not_put_back(server: FakeKeycloak) -> None:
    """Its stack took it out, and saw that it was out, between our write and our second look."""
    realm, uuid = Realm(server.shared, "r"), server.uuid("api")
    policies = server.server("realm-management")["policies"]
    policies["theirs"]["description"] = "[pulumi:0123456789abcdef]"
    policies["last"] = {**policies["theirs"], "id": "last", "name": "last", "description": ""}
    permission(server)["policies"] = ["ours", "theirs", "last"]
    other = Realm(server.session(), "r")

    def leaves(_: Request) -> None:
        detach(other, uuid, "api", ["theirs"])

    server.interfere(lambda _: None, leaves, at="^GET .*/policy/search")
    detach(realm, uuid, "api", ["ours"])
    assert permission(server)["policies"] == ["last"]
