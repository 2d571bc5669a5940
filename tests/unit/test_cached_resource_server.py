"""A realm's legacy permissions are read at one look where a stack names enough clients; what was written since is asked for."""

from typing import Any

import pytest

from kcadmin.authz.exchange_permission import cached_attached
from kcadmin.authz.management_permissions import cached_management
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import TOKEN_EXCHANGE, permission_name, resource_name
from tests.support.fake_server import Answer, FakeKeycloak, Request

TARGETS = [f"target-{each}" for each in range(30)]
AT = "GET .*/authz/"
LOOK = 4  # a probe, an export, two lists


@pytest.fixture
def server() -> FakeKeycloak:
    """Each target has its management permissions on, and one policy on its exchange permission."""
    server = FakeKeycloak()
    server.add_realm()
    held = server.server("realm-management")
    for target in TARGETS:
        policy = described(f"policy {target}", "client", clients=[target])
        permission = described(permission_name(target), "scope", policies=[policy["id"]], scopes=[])
        held["policies"] |= {each["id"]: each for each in (policy, permission)}
    held["resources"] = {resource_name(target): {} for target in TARGETS}
    return server


def described(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"id of {name}", "name": name, "type": kind, "logic": "POSITIVE", "decisionStrategy": "x", **fields}


def realm_of(server: FakeKeycloak, expected: int = 30) -> Realm:
    realm = Realm(server.shared, "r")
    realm.clients.expect(expected)
    return realm


def held_by(realm: Realm, target: str) -> list[str]:
    found = cached_attached(realm, target)
    assert found and found.id == f"id of {permission_name(target)}" and found.strategy == "x"
    return sorted(found.policies.values())


def test_all_of_them_at_one_read(server: FakeKeycloak) -> None:
    realm = realm_of(server)
    seen = realm.cached_permissions_server()
    for target in TARGETS:
        assert held_by(realm, target) == [f"policy {target}"]
        policy = seen.policy("client", f"id of policy {target}")
        assert policy and policy["clients"] == [target]
        management = cached_management(realm, target)
        assert management and management.permissions == {TOKEN_EXCHANGE: f"id of {permission_name(target)}"}
    assert seen.policy_named("nobody's") is None
    assert len(server.asked(AT)) == LOOK


def test_a_realm_that_holds_many_more_is_not_listed(server: FakeKeycloak) -> None:
    policies = server.server("realm-management")["policies"]
    policies |= {each["id"]: each for each in (described(f"other {number}", "client") for number in range(500))}
    realm = realm_of(server)
    assert held_by(realm, TARGETS[0]) == ["policy target-0"]
    assert [each.path.rsplit("/", 1)[-1] for each in server.asked(AT)] == ["policy", "search", "associatedPolicies"]


def test_a_few_are_asked_for_one_by_one(server: FakeKeycloak) -> None:
    realm = realm_of(server, expected=2)
    assert held_by(realm, TARGETS[0]) == ["policy target-0"]
    assert [each.path.rsplit("/", 1)[-1] for each in server.asked(AT)] == ["search", "associatedPolicies"]


def test_what_this_process_wrote_is_asked_for(server: FakeKeycloak) -> None:
    realm = realm_of(server)
    seen, writes = realm.cached_permissions_server(), realm.permissions_server()
    assert seen.policy("client", "id of policy target-1")
    writes.create_policy("client", {"name": "new", "clients": []})
    assert seen.policy_named("new")
    writes.update_policy("client", "id of policy target-1", {"name": "policy target-1", "logic": "NEGATIVE"})
    changed = seen.policy("client", "id of policy target-1")
    assert changed and changed["logic"] == "NEGATIVE"
    emptied = {"name": permission_name("target-2"), "decisionStrategy": "x", "policies": []}
    writes.update_permission(f"id of {permission_name('target-2')}", emptied)
    server.server("realm-management")["policies"][f"id of {emptied['name']}"]["decisionStrategy"] = "y"
    found = cached_attached(realm, "target-2")
    assert found and (found.policies, found.strategy) == ({}, "y")
    writes.delete_policy("id of policy target-3")
    assert cached_attached(realm, "target-3") is None
    assert seen.policy_named("policy target-3") is None


def test_what_others_made_or_took_since_is_asked_for_before_it_is_called_gone(server: FakeKeycloak) -> None:
    realm = realm_of(server)
    assert held_by(realm, TARGETS[0])
    late = described(permission_name("late"), "scope", policies=[], scopes=[])
    server.server("realm-management")["policies"][late["id"]] = late
    assert held_by(realm, "late") == []
    assert realm.cached_permissions_server().policy("client", "id of nobody") is None


def test_a_permission_that_came_between_export_and_list_is_asked_what_it_holds(server: FakeKeycloak) -> None:
    realm = realm_of(server)
    late = described(permission_name("late"), "scope", policies=["id of policy target-1"], scopes=[])

    def comes(_: Request) -> None:
        server.server("realm-management")["policies"][late["id"]] = late

    server.interfere(comes, at="GET .*/authz/resource-server/permission$")
    assert held_by(realm, "late") == ["policy target-1"]


def test_what_this_process_switched_is_asked_for(server: FakeKeycloak) -> None:
    realm = realm_of(server)
    assert realm.cached_permissions_server().permissions_on("target-1")
    server.answers["/admin/realms/r/clients/target-1/management/permissions"] = {"enabled": False}
    realm.touched.add("target-1")  # as set_management does
    now = cached_management(realm, "target-1")
    assert now and not now.enabled


def test_a_realm_without_permissions_is_empty() -> None:
    server = FakeKeycloak()
    server.add_realm()
    realm = realm_of(server)
    server.client("realm-management")["authorizationServicesEnabled"] = False
    missing = Answer(404, {"error": "HTTP 404 Not Found"})
    server.interfere(missing, missing, at=AT)
    assert realm.cached_permissions_server().policy_named("any") is None
    assert len(server.asked(AT)) == 2


@pytest.mark.parametrize("status", [403, 500])
def test_what_may_not_be_listed_is_asked_for(
    server: FakeKeycloak, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500: an export with an object that the server cannot name any more."""
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _: None)
    realm = realm_of(server)
    server.interfere(*[Answer(status, {"error": "no"})] * (1 if status == 403 else 6), at="GET .*/settings$")
    assert held_by(realm, TARGETS[0]) == ["policy target-0"]


def test_another_resource_server_is_always_asked(server: FakeKeycloak) -> None:
    server.add_client("r", "api", authorizationServicesEnabled=True)
    realm = realm_of(server)
    for number in range(30):
        assert realm.cached_resource_server(server.uuid("api")).policy_named(f"policy {number}") is None
    assert len(server.asked(AT)) == 30


@pytest.fixture
def manage(server: FakeKeycloak) -> dict[str, Any]:
    """A permission on a client beside token-exchange, with two policies."""
    policies = ["id of policy target-1", "id of policy target-2"]
    made = described(permission_name("target-1", "manage"), "scope", policies=policies, scopes=[])
    server.server("realm-management")["policies"][made["id"]] = made
    return made


def test_what_a_write_is_made_from_is_read_again(
    server: FakeKeycloak, manage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    realm, now = realm_of(server), 0.0
    monkeypatch.setattr("kcadmin.objects.cached_resource_server.time.monotonic", lambda: now)
    seen = realm.cached_permissions_server()
    assert seen.held_beside_lately("target-1") == ["policy target-1", "policy target-2"]
    server.server("realm-management")["policies"]["x"] = described("x", "client", id="x")
    manage["policies"].append("x")
    assert seen.held_beside_lately("target-1") == ["policy target-1", "policy target-2"]
    now = 2.5
    assert seen.held_beside_lately("target-1") == ["policy target-1", "policy target-2", "x"]
    assert len(server.asked(AT)) == 2 * LOOK - 1


def test_where_no_other_permission_is_seen_one_must_ask(server: FakeKeycloak) -> None:
    """They were off at the look, or somebody has renamed them."""
    assert realm_of(server).cached_permissions_server().held_beside_lately("target-1") is None


@pytest.mark.parametrize("written", ["policy", "permission"])
def test_what_this_process_wrote_is_held_by_nobody(server: FakeKeycloak, manage: dict[str, Any], written: str) -> None:
    """By the look a deleted policy still keeps the management permissions of a target on."""
    realm = realm_of(server)
    assert realm.cached_permissions_server().held_beside_lately("target-1")
    if written == "policy":
        realm.permissions_server().delete_policy("id of policy target-1")
    else:
        realm.permissions_server().update_permission(manage["id"], {**manage, "policies": []})
    assert realm.cached_permissions_server().held_beside_lately("target-1") is None
