"""Management permissions are taken and given back by the claims of this moment, not by those of the first look."""

from typing import Any

import pytest

from kcadmin.authz.management_permissions import KIND, cached_management, release_management, take_management
from kcadmin.objects.claims import Claim
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import permission_name, resource_name
from kcadmin.objects.shared_settings import CLAIMED, USED, Taken
from kcadmin.rest.errors import Refusal
from tests.support.fake_server import FEATURES, Answer, FakeKeycloak, Request

OURS, THEIRS = "o/p/s", "o/p/other"


class Server(FakeKeycloak):
    """With a client ``api`` whose management permissions have nothing in them."""

    def __init__(self, *, on: bool, owners: tuple[str, ...] = (), features: tuple[str, ...] = FEATURES) -> None:
        super().__init__(features=features)
        self.on, self.scope_permissions = on, dict[str, str]()
        self.add_realm("r", api={})
        self.claim(*owners)

    def claim(self, *owners: str) -> None:
        held = [Claim(owner, KIND, {"enabled": True}, {"enabled": False}) for owner in owners]
        self.change("api", attributes={claim.key: claim.text() for claim in held})

    def owners(self) -> list[str]:
        return [claim.owner for claim in self.claimed("api", KIND)]

    def handle(self, request: Request) -> Answer:
        if not request.path.endswith("/management/permissions"):
            return super().handle(request)
        self.requests.append(request)
        if request.method == "PUT":
            self.on = request.body["enabled"]
        return Answer(200, {"enabled": self.on, "scopePermissions": self.scope_permissions if self.on else {}})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("kcadmin.objects.clients.time.monotonic", lambda: now[0])
    return now


def test_a_claim_that_was_dropped_since_the_first_read_is_nobodys(clock: list[float]) -> None:
    server = Server(on=True, owners=(THEIRS,))
    realm, uuid = Realm(server.shared, "r"), server.uuid("api")
    realm.clients.get(uuid)
    server.client("api")["attributes"].clear()  # the other stack has left, and a person switched them on
    clock[0] += 60
    taken, now = take_management(realm, uuid, OURS)
    assert (taken, now.enabled, server.owners()) == (Taken(USED, {}), True, [])


def test_our_claim_that_was_removed_since_the_first_read_is_written_again(clock: list[float]) -> None:
    server = Server(on=True, owners=(OURS,))
    realm, uuid = Realm(server.shared, "r"), server.uuid("api")
    realm.clients.get(uuid)
    server.client("api")["attributes"].clear()
    clock[0] += 60
    taken, _ = take_management(realm, uuid, OURS, Taken(CLAIMED, {"enabled": False}))
    assert taken == Taken(CLAIMED, {"enabled": False}) and server.owners() == [OURS]


@pytest.mark.parametrize("taken", [Taken(USED, {}), Taken(CLAIMED, {"enabled": False})], ids=lambda each: each.found)
def test_a_claim_that_a_killed_run_has_written_is_dropped(taken: Taken) -> None:
    """The state was written before: it says that they were used as found."""
    server = Server(on=True, owners=(OURS,))
    off = release_management(Realm(server.shared, "r"), server.uuid("api"), OURS, taken, revoke=False)
    assert off == (True, []) and server.owners() == [] and not server.on


def test_what_was_used_unchanged_is_left() -> None:
    server = Server(on=True)
    used: Any = Taken(USED, {})
    assert release_management(Realm(server.shared, "r"), server.uuid("api"), OURS, used, revoke=False) == (False, [])
    assert server.on and not server.asked("^PUT")


def test_up_to_26_0_a_server_without_the_feature_says_that_they_are_off() -> None:
    """Nothing is taken for switched off then, and the claim stays for the run that can."""
    server = Server(on=False, owners=(OURS,), features=())
    realm, uuid = Realm(server.shared, "r"), server.uuid("api")
    said = r"client 'api' in realm 'r': has no management permissions on this server; start Keycloak with --features="
    with pytest.raises(Refusal, match=said):
        cached_management(realm, uuid, was_on=True)
    with pytest.raises(Refusal, match=said):
        released(server, realm, None)
    assert server.owners() == [OURS] and not server.asked("^PUT")


def permissions(server: Server, *, held: list[str], manage: list[str]) -> Realm:
    """A realm whose permissions are looked at together; the id of token-exchange is ``t``, of manage ``m``."""
    uuid, content = server.uuid("api"), server.server("realm-management")
    policies = {name: {"id": name, "name": name, "type": "client"} for name in [*held, *manage]}
    named = {"t": (permission_name(uuid), held), "m": (permission_name(uuid, "manage"), manage)}
    content["policies"] |= policies | {
        id_: {"id": id_, "name": name, "type": "scope", "policies": members, "scopes": []}
        for id_, (name, members) in named.items()
    }
    content["resources"] = {resource_name(uuid): {}}
    server.scope_permissions = {"token-exchange": "t", "manage": "m"}
    for number in range(30):
        server.add_client("r", f"other-{number}")
    realm = Realm(server.shared, "r")
    realm.clients.expect(30)
    return realm


def released(server: Server, realm: Realm, permission: str | None) -> tuple[bool, list[str]]:
    taken = Taken(CLAIMED, {"enabled": False})
    return release_management(realm, server.uuid("api"), OURS, taken, revoke=False, permission=permission)


def test_they_are_switched_off_without_being_asked_for() -> None:
    server = Server(on=True, owners=(OURS,))
    realm = permissions(server, held=[], manage=[])
    assert released(server, realm, "t") == (True, []) and not server.on
    assert not server.asked("GET .*/management/permissions")


@pytest.mark.parametrize(("held", "manage"), [(["a"], []), ([], ["a"]), (["a"], ["a"])])
@pytest.mark.parametrize("known", ["t", "an older id", None])
def test_an_unmanaged_policy_on_any_of_them_keeps_them_on(
    held: list[str], manage: list[str], known: str | None
) -> None:
    server = Server(on=True, owners=(OURS,))
    realm = permissions(server, held=held, manage=manage)
    assert released(server, realm, known) == (False, ["a"]) and server.on


def test_what_came_on_token_exchange_since_the_read_keeps_them_on() -> None:
    server = Server(on=True, owners=(OURS,))
    realm = permissions(server, held=[], manage=["a"])
    assert realm.cached_permissions_server().held_beside_lately(server.uuid("api")) == ["a"]
    content = server.server("realm-management")["policies"]
    content["b"] = {"id": "b", "name": "b", "type": "client"}
    content["t"]["policies"].append("b")
    assert released(server, realm, "t") == (False, ["a", "b"]) and server.on
