"""Clients that several owners change: partial PUTs that break nothing, and claims whose last one out restores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.objects.claims import Claim
from kcadmin.objects.clients import RECENT_SECONDS, Client, Clients, as_body
from kcadmin.objects.features import REFRESH, SWITCH, SWITCH_CLAIM
from kcadmin.objects.shared_settings import CLAIMED, USED, Taken, drop_claim, held_by_others, release, take, write_claim
from kcadmin.rest.errors import Conflict, NotFound, Refusal
from tests.support.examples import examples
from tests.support.fake_server import SERVICES, FakeKeycloak, Request

KIND = SWITCH_CLAIM
ON: Mapping[str, Any] = {SWITCH: "true", REFRESH: None}
WITH_REFRESH: Mapping[str, Any] = {SWITCH: "true", REFRESH: "SAME_SESSION"}
OFF: Mapping[str, Any] = {SWITCH: None, REFRESH: None}
QUICK = examples(60)


@pytest.fixture
def keycloak() -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm("r", api={}, services={SERVICES: True, "serviceAccountsEnabled": True})
    return server


@pytest.fixture
def clients(keycloak: FakeKeycloak) -> Clients:
    return Clients(keycloak.session(), "r")


@dataclass
class Stack:
    """One owner in a process of its own, with what its state remembers."""

    keycloak: FakeKeycloak
    name: str
    wanted: Mapping[str, Any]
    client_id: str = "api"
    taken: Taken | None = None

    def __post_init__(self) -> None:
        self.clients = Clients(self.keycloak.shared, "r")
        self.uuid = self.keycloak.uuid(self.client_id)

    def take(self) -> Taken:
        self.taken = take(self.clients, self.uuid, self.name, KIND, self.wanted, remembered=self.taken)
        return self.taken

    def release(self, off: Mapping[str, Any] | None = None) -> None:
        if self.taken is not None:
            release(self.clients, self.uuid, self.name, KIND, taken=self.taken, values=self.wanted, off=off)
            self.taken = None


def switched(keycloak: FakeKeycloak, client_id: str = "api") -> tuple[str | None, str | None]:
    attributes = keycloak.client(client_id)["attributes"]
    return attributes.get(SWITCH.removeprefix("attributes.")), attributes.get(REFRESH.removeprefix("attributes."))


def owners(keycloak: FakeKeycloak, client_id: str = "api") -> list[str]:
    return sorted(claim.owner for claim in keycloak.claimed(client_id, KIND))


# Clients


def test_a_change_keeps_authorization_services_with_all_that_is_in_them(
    keycloak: FakeKeycloak, clients: Clients
) -> None:
    keycloak.server("services")["policies"]["p"] = {"id": "p", "name": "p", "type": "client"}
    clients.change(keycloak.uuid("services"), {SWITCH: "true"})
    assert keycloak.client("services")[SERVICES] is True and "p" in keycloak.server("services")["policies"]


def test_a_change_repeats_what_it_does_not_know_of_when_it_is_new(
    keycloak: FakeKeycloak, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid, now = keycloak.uuid("api"), [0.0]
    monkeypatch.setattr("kcadmin.objects.clients.time.monotonic", lambda: now[0])
    clients.get(uuid)
    Clients(keycloak.session(), "r").change(uuid, {SERVICES: True, "serviceAccountsEnabled": True})
    now[0] += RECENT_SECONDS + 0.1
    clients.change(uuid, {SWITCH: "true"})
    assert keycloak.client("api")[SERVICES] is True


def test_a_change_may_switch_authorization_services_off(keycloak: FakeKeycloak, clients: Clients) -> None:
    clients.change(keycloak.uuid("services"), {SERVICES: False})
    assert SERVICES not in keycloak.client("services")


def test_a_change_sends_what_it_changes_and_nothing_else(keycloak: FakeKeycloak, clients: Clients) -> None:
    keycloak.change("api", attributes={"theirs": "1", "gone": "1"}, redirectUris=["http://x"])
    clients.change(keycloak.uuid("api"), {"attributes.mine": "2", "attributes.gone": None, "fullScopeAllowed": False})
    (sent,) = keycloak.asked("^PUT")
    assert sent.body == {"fullScopeAllowed": False, "attributes": {"mine": "2", "gone": ""}, "webOrigins": []}
    assert keycloak.client("api")["attributes"] == {"theirs": "1", "mine": "2"}
    assert keycloak.client("api")["webOrigins"] == []


def test_what_is_known_after_a_change_is_what_the_server_has(keycloak: FakeKeycloak, clients: Clients) -> None:
    uuid = keycloak.uuid("services")
    clients.change(uuid, {SWITCH: "true", "attributes.none": None, "fullScopeAllowed": False})
    known, asked = clients.get(uuid), len(keycloak.requests)
    assert known and len(keycloak.requests) == asked
    fresh = clients.get(uuid, max_age=0)
    assert fresh and known.representation == fresh.representation


def test_a_change_of_a_client_that_is_gone_says_so(keycloak: FakeKeycloak, clients: Clients) -> None:
    with pytest.raises(NotFound, match="the client is gone"):
        clients.change("no-such-uuid", {SWITCH: "true"})


def test_a_view_that_is_too_old_is_looked_up_again(
    keycloak: FakeKeycloak, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid, now = keycloak.uuid("api"), [0.0]
    monkeypatch.setattr("kcadmin.objects.clients.time.monotonic", lambda: now[0])

    def lookups() -> int:
        return len(keycloak.asked("^GET"))

    for seconds, max_age, asked in [
        (0.0, 1.0, 1),
        (0.5, 1.0, 1),
        (0.6, 1.0, 2),
        (0.0, 0.0, 3),
        (900.0, float("inf"), 3),
    ]:
        now[0] += seconds
        clients.get(uuid, max_age=max_age)
        assert lookups() == asked


def test_a_client_is_found_by_its_exact_name_once(keycloak: FakeKeycloak, clients: Clients) -> None:
    found = clients.find("api")
    assert found and found.uuid == keycloak.uuid("api") and clients.find("api") is found and clients.find("API") is None
    assert len(keycloak.asked("^GET")) == 2
    assert "secret" not in found.representation and "protocolMappers" not in found.representation


def test_a_client_that_was_made_anew_is_found_after_the_old_one_is_gone(
    keycloak: FakeKeycloak, clients: Clients
) -> None:
    old = clients.find("api")
    assert old
    keycloak.remove_client("api")
    new = keycloak.add_client("r", "api")
    assert clients.get(old.uuid, max_age=0) is None
    found = clients.find("api")
    assert found and found.uuid == new


def test_mappers_are_created_replaced_and_deleted_and_known(keycloak: FakeKeycloak, clients: Clients) -> None:
    uuid, mapper = keycloak.uuid("api"), {"name": "m", "protocolMapper": "p", "config": {"a": "1"}}
    mapper_id = clients.set_mapper(uuid, mapper)
    with pytest.raises(Conflict):
        clients.set_mapper(uuid, mapper)
    clients.set_mapper(uuid, {**mapper, "id": mapper_id, "config": {"a": "2"}})
    assert [each["config"]["a"] for each in keycloak.client("api")["protocolMappers"]] == ["2"]
    clients.get(uuid)
    clients.delete_mapper(uuid, mapper_id)
    known = clients.get(uuid)
    assert known and known.mappers == () and keycloak.client("api")["protocolMappers"] == []
    clients.delete_mapper(uuid, mapper_id)
    keycloak.remove_client("api")
    clients.delete_mapper(uuid, mapper_id)


@pytest.mark.parametrize(
    ("values", "body"),
    [
        ({}, {}),
        ({"a": 1}, {"a": 1}),
        ({"attributes.a.b": "1"}, {"attributes": {"a.b": "1"}}),
        ({"a": None, "attributes.a": None}, {"a": None, "attributes": {"a": ""}}),
    ],
    ids=str,
)
def test_the_body_of_a_partial_put(values: dict[str, Any], body: dict[str, Any]) -> None:
    assert as_body(values) == body


@pytest.mark.parametrize(
    ("representation", "field", "value", "is_on"),
    [
        ({}, "enabled", None, False),
        ({"enabled": True}, "enabled", True, True),
        ({"enabled": "true"}, "enabled", "true", True),
        ({"attributes": {"a": "true"}}, "attributes.a", "true", True),
        ({"attributes": {"a": ""}}, "attributes.a", None, False),
        ({"attributes": None}, "attributes.a", None, False),
        ({"attributes": {"a": "1"}}, "a", None, False),
    ],
    ids=str,
)
def test_reading_a_setting(representation: dict[str, Any], field: str, value: Any, is_on: bool) -> None:
    client = Client("u", "c", representation)
    assert client.value(field) == value and client.is_on(field) is is_on


# Take and release


@pytest.mark.parametrize(
    ("found", "wanted", "how", "was"),
    [
        ((None, None), ON, CLAIMED, {SWITCH: None, REFRESH: None}),
        (("false", None), ON, CLAIMED, {SWITCH: "false", REFRESH: None}),
        (("true", None), ON, USED, {}),
        (("true", "NO"), ON, USED, {}),
        (("true", "SAME_SESSION"), WITH_REFRESH, USED, {}),
        (("true", None), WITH_REFRESH, CLAIMED, {SWITCH: "true", REFRESH: None}),
        (("true", "SAME_SESSION"), ON, CLAIMED, {SWITCH: "true", REFRESH: "SAME_SESSION"}),
    ],
    ids=str,
)
def test_how_a_setting_is_taken_and_given_back(
    keycloak: FakeKeycloak, found: tuple[Any, Any], wanted: Mapping[str, Any], how: str, was: dict[str, Any]
) -> None:
    keycloak.change(
        "api", attributes={key.removeprefix("attributes."): value for key, value in zip(OFF, found, strict=True)}
    )
    before = keycloak.state()
    stack = Stack(keycloak, "a", wanted)
    assert stack.take() == Taken(how, was)
    assert owners(keycloak) == (["a"] if how == CLAIMED else [])
    assert switched(keycloak)[0] == "true" and (switched(keycloak)[1] or None) in (wanted[REFRESH], "NO")
    if how == USED:
        assert keycloak.state() == before and keycloak.asked("^PUT") == []
    stack.release()
    assert keycloak.state() == before


def test_a_second_claimer_copies_what_was_and_the_last_one_out_restores(keycloak: FakeKeycloak) -> None:
    keycloak.change("api", attributes={SWITCH.removeprefix("attributes."): "false"})
    before = keycloak.state()
    one, two = Stack(keycloak, "a", ON), Stack(keycloak, "b", ON)
    assert one.take() == two.take() == Taken(CLAIMED, {SWITCH: "false", REFRESH: None})
    one.release()
    assert switched(keycloak)[0] == "true" and owners(keycloak) == ["b"]
    two.release()
    assert keycloak.state() == before


def test_who_comes_while_two_leave_at_once_claims(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two dropped its claim because of the other's, and the later one has yet to see that none is left."""
    switch = SWITCH.removeprefix("attributes.")
    keycloak.change("api", attributes={switch: "true"})
    monkeypatch.setattr(
        "kcadmin.rest.waiting.time.sleep", lambda _: keycloak.change("api", attributes={switch: "false"})
    )
    assert Stack(keycloak, "c", ON).take() == Taken(CLAIMED, {SWITCH: "false", REFRESH: None})
    assert switched(keycloak)[0] == "true" and owners(keycloak) == ["c"]


def test_the_setting_and_its_claim_are_one_put(keycloak: FakeKeycloak) -> None:
    Stack(keycloak, "a", ON).take()
    (sent,) = keycloak.asked("^PUT")
    assert SWITCH.removeprefix("attributes.") in sent.body["attributes"] and len(sent.body["attributes"]) == 3


def test_taking_again_writes_nothing(keycloak: FakeKeycloak) -> None:
    stack = Stack(keycloak, "a", ON)
    first = stack.take()
    after = keycloak.state()
    assert Stack(keycloak, "a", ON).take() == first and keycloak.state() == after
    assert len(keycloak.asked("^PUT")) == 1


def test_a_changed_wish_keeps_what_was(keycloak: FakeKeycloak) -> None:
    before = keycloak.state()
    stack = Stack(keycloak, "a", ON)
    stack.take()
    stack.wanted = WITH_REFRESH
    assert stack.take() == Taken(CLAIMED, {SWITCH: None, REFRESH: None}) and switched(keycloak) == (
        "true",
        "SAME_SESSION",
    )
    stack.release()
    assert keycloak.state() == before


def test_another_owners_option_is_refused_naming_the_owner(keycloak: FakeKeycloak) -> None:
    Stack(keycloak, "org/p/s1", ON).take()
    after = keycloak.state()
    with pytest.raises(Refusal) as caught:
        Stack(keycloak, "org/p/s2", WITH_REFRESH).take()
    text = str(caught.value)
    assert text.startswith("client 'api' in realm 'r': ") and "'org/p/s1'" in text and "'SAME_SESSION'" in text
    assert (
        "enableRefreshRequestedTokenType" in text
        and "; agree on one value; if that owner's stack no longer uses realm " in text
    )
    assert keycloak.state() == after


def test_what_others_changed_meanwhile_stays(keycloak: FakeKeycloak) -> None:
    stack = Stack(keycloak, "a", WITH_REFRESH)
    stack.take()
    keycloak.change("api", attributes={REFRESH.removeprefix("attributes."): "NO", "theirs": "1"}, fullScopeAllowed=True)
    stack.release()
    assert switched(keycloak) == (None, "NO") and owners(keycloak) == []
    assert keycloak.client("api")["fullScopeAllowed"] is True and keycloak.client("api")["attributes"]["theirs"] == "1"


def test_a_switch_that_others_took_off_stays_off(keycloak: FakeKeycloak) -> None:
    keycloak.change("api", attributes={SWITCH.removeprefix("attributes."): "true"})
    stack = Stack(keycloak, "a", WITH_REFRESH)
    stack.take()
    keycloak.change("api", attributes={SWITCH.removeprefix("attributes."): "false"})
    stack.release()
    assert switched(keycloak) == ("false", None)


def test_a_lost_claim_is_made_again_with_what_was(keycloak: FakeKeycloak) -> None:
    before = keycloak.state()
    stack = Stack(keycloak, "a", ON)
    taken = stack.take()
    key = Claim("a", KIND, {}, {}).key
    keycloak.change("api", attributes={key: ""})
    assert owners(keycloak) == []
    again = Stack(keycloak, "a", ON, taken=taken)
    assert again.take() == taken and owners(keycloak) == ["a"]
    again.release()
    assert keycloak.state() == before


def test_a_lost_claim_does_not_stop_the_way_back(keycloak: FakeKeycloak) -> None:
    before = keycloak.state()
    stack = Stack(keycloak, "a", ON)
    stack.take()
    keycloak.change("api", attributes={Claim("a", KIND, {}, {}).key: ""})
    stack.release()
    assert keycloak.state() == before


def test_leaving_twice_is_done(keycloak: FakeKeycloak) -> None:
    before = keycloak.state()
    stack = Stack(keycloak, "a", ON)
    taken = stack.take()
    stack.release()
    Stack(keycloak, "a", ON, taken=taken).release()
    assert keycloak.state() == before


@pytest.mark.parametrize("found", [None, "true"])
def test_off_takes_the_setting_away_but_not_from_others(keycloak: FakeKeycloak, found: str | None) -> None:
    keycloak.change("api", attributes={SWITCH.removeprefix("attributes."): found})
    one, two = Stack(keycloak, "a", WITH_REFRESH), Stack(keycloak, "b", WITH_REFRESH)
    one.take()
    two.take()
    one.release(OFF)
    assert switched(keycloak) == ("true", "SAME_SESSION")
    two.release(OFF)
    assert switched(keycloak) == (None, None) and owners(keycloak) == []


def test_off_takes_away_what_was_only_used(keycloak: FakeKeycloak) -> None:
    keycloak.change("api", attributes={SWITCH.removeprefix("attributes."): "true"})
    stack = Stack(keycloak, "a", ON)
    assert stack.take().found == USED
    stack.release(OFF)
    assert switched(keycloak) == (None, None)


def test_a_client_that_is_gone(keycloak: FakeKeycloak) -> None:
    stack = Stack(keycloak, "a", ON)
    stack.take()
    keycloak.remove_client("api")
    stack.release()
    with pytest.raises(Refusal, match="is gone"):
        take(Clients(keycloak.session(), "r"), stack.uuid, "a", KIND, ON)


def test_a_write_that_never_stays_is_refused(keycloak: FakeKeycloak) -> None:
    def undo(_: Request) -> None:
        keycloak.change("api", attributes={SWITCH.removeprefix("attributes."): ""})

    stack = Stack(keycloak, "a", ON)
    keycloak.interfere(lambda _: None, *[undo] * 20, at="^GET")
    with pytest.raises(
        Refusal, match=r"client 'api': 5 writes of standard\.token\.exchange\.enabled, .* did not stay; "
    ):
        stack.take()


def test_claims_alone(keycloak: FakeKeycloak, clients: Clients) -> None:
    uuid, claim = keycloak.uuid("services"), Claim("a", KIND, {}, {SWITCH: "false"})
    keycloak.server("services")["scopes"]["s"] = {"id": "s", "name": "s"}
    before = keycloak.state()
    drop_claim(clients, uuid, "a", KIND)
    write_claim(clients, uuid, claim)
    write_claim(clients, uuid, claim)
    assert owners(keycloak, "services") == ["a"] and len(keycloak.asked("^PUT")) == 1
    client = clients.get(uuid)
    assert client and held_by_others(client, "b", KIND) == [claim] and held_by_others(client, "a", KIND) == []
    drop_claim(clients, uuid, "a", KIND)
    drop_claim(clients, uuid, "a", KIND)
    assert keycloak.state() == before
    keycloak.remove_client("services")
    clients.get(uuid, max_age=0)
    drop_claim(clients, uuid, "a", KIND)


def test_a_claim_whose_client_went_since_the_first_read_is_dropped(
    keycloak: FakeKeycloak, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid, now = keycloak.uuid("api"), [0.0]
    monkeypatch.setattr("kcadmin.objects.clients.time.monotonic", lambda: now[0])
    write_claim(clients, uuid, Claim("a", KIND, {}, {}))
    keycloak.remove_client("api")
    now[0] += RECENT_SECONDS + 0.1
    drop_claim(clients, uuid, "a", KIND)
    assert clients.get(uuid) is None


# Several owners, in any order

STARTS = st.tuples(st.sampled_from([None, "true", "false"]), st.sampled_from([None, "SAME_SESSION", "NO"]))


def started(start: tuple[str | None, str | None]) -> FakeKeycloak:
    keycloak = FakeKeycloak()
    keycloak.add_realm("r", api={SERVICES: True, "serviceAccountsEnabled": True})
    keycloak.change(
        "api", attributes={key.removeprefix("attributes."): value for key, value in zip(OFF, start, strict=True)}
    )
    return keycloak


@QUICK
@given(
    STARTS, st.sampled_from([ON, WITH_REFRESH]), st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12)
)
def test_the_last_one_out_leaves_the_client_as_it_was_before_the_first(
    start: tuple[str | None, str | None], wanted: Mapping[str, Any], steps: list[tuple[str, bool]]
) -> None:
    keycloak = started(start)
    before = keycloak.state()
    stacks = {name: Stack(keycloak, name, wanted) for name in "abc"}
    for name, comes in [*steps, ("a", False), ("b", False), ("c", False)]:
        stacks[name].take() if comes else stacks[name].release()
        if owners(keycloak) or any(stack.taken for stack in stacks.values()):
            assert switched(keycloak)[0] == "true"
            assert (switched(keycloak)[1] == "SAME_SESSION") == (wanted is WITH_REFRESH)
    assert keycloak.state() == before


@QUICK
@given(STARTS, st.sampled_from([ON, WITH_REFRESH]), st.booleans(), st.booleans(), st.integers(0, 5))
def test_another_process_in_between_any_two_requests(
    start: tuple[str | None, str | None], wanted: Mapping[str, Any], one_was_in: bool, two_was_in: bool, when: int
) -> None:
    keycloak = started(start)
    before = keycloak.state()
    one, two = Stack(keycloak, "a", wanted), Stack(keycloak, "b", wanted)
    for stack, was_in in ((one, one_was_in), (two, two_was_in)):
        stack.clients.get(stack.uuid)  # each has logged in, and knows the client from before
        if was_in:
            stack.take()

    def comes_between(_: Request) -> None:
        two.release() if two_was_in else two.take()

    keycloak.interfere(*[lambda _: None] * when, comes_between)
    one.release() if one_was_in else one.take()
    if keycloak._interference:  # it came after the last request
        keycloak._interference.clear()
        comes_between(keycloak.requests[-1])
    if owners(keycloak):
        assert switched(keycloak)[0] == "true"
    one.release()
    two.release()
    assert keycloak.state() == before
