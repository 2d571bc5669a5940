"""A realm's events switched on for the audit: only what is needed, shared by owners, and given back exactly."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exchange.bootstrap.bootstrap import bootstrap
from kcadmin.objects import recorded_events
from kcadmin.objects.events import NEEDED
from kcadmin.objects.realm import Realm
from kcadmin.objects.recorded_events import HOLDERS, read_recorded, release_events, serves, take_events
from kcadmin.objects.robot import EVENTS, STANDARD, roles_for
from kcadmin.objects.shared_settings import drop_claim
from kcadmin.rest.connection import PrivateKeyLogin
from kcadmin.rest.errors import Refusal
from kcadmin.rest.session import Session
from providers.base.provider import LOST
from providers.exchange_events import ExchangeEventsProvider
from tests.support.engine import Engine, Refused, forget
from tests.support.in_process import Killed, Stack, interrupted
from tests.support.realms import TestRealm
from tests.support.robots import robot_engine

DAY = 86_400
WRITES = 2  # the claim and what is recorded
OFF: dict[str, Any] = {"eventsEnabled": False, "eventsExpiration": 0, "enabledEventTypes": []}
LOGINS: dict[str, Any] = {"eventsEnabled": True, "eventsExpiration": 2 * DAY, "enabledEventTypes": ["LOGIN", "LOGOUT"]}
FOUND = [
    pytest.param(OFF, id="off"),
    pytest.param({**OFF, "enabledEventTypes": ["LOGIN"], "eventsExpiration": 5 * DAY}, id="off, of one type"),
    pytest.param(LOGINS, id="on without ours, kept short"),
    pytest.param({**LOGINS, "eventsExpiration": 0}, id="on without ours, kept for ever"),
    pytest.param({**LOGINS, "enabledEventTypes": []}, id="on, of the server's own types"),
]


@pytest.fixture(scope="module")
def one_realm(legacy_module_realm: TestRealm) -> TestRealm:
    realm = legacy_module_realm
    realm.session.put(realm.at(), {"adminEventsEnabled": True, "adminEventsDetailsEnabled": True})
    return realm


@pytest.fixture
def recorded(one_realm: TestRealm, request: pytest.FixtureRequest) -> Iterator[TestRealm]:
    """The realm, recording as a test asks for, and the same again afterwards: settings, clients and all."""
    one_realm.session.put(one_realm.at(), getattr(request, "param", OFF))
    before = one_realm.export(), one_realm.get("events", "config")
    yield one_realm
    after = one_realm.export(), one_realm.get("events", "config")
    assert after == before
    assert "pulumi" not in json.dumps(after)


EACH = pytest.mark.parametrize("recorded", FOUND, indirect=True)


def events(realm: TestRealm, owner: str = "one", **args: Any) -> Engine:
    engine = robot_engine(ExchangeEventsProvider, realm)
    forget()
    engine.up(realm=realm.name, owner=owner, **args)
    return engine


def now(realm: TestRealm) -> tuple[bool, int, set[str]]:
    found = realm.get("events", "config")
    return bool(found["eventsEnabled"]), int(found.get("eventsExpiration") or 0), {*found["enabledEventTypes"]}


@EACH
def test_switches_on_what_is_needed_and_nothing_else(recorded: TestRealm) -> None:
    before, types = recorded.get(), now(recorded)[2]
    engine = events(recorded, expiration=3 * DAY)
    on, kept, then = now(recorded)
    assert on and then == {*types, *NEEDED}
    assert kept == 0 if before["eventsEnabled"] and not before.get("eventsExpiration") else kept >= 3 * DAY
    ours = {"eventsEnabled", "eventsExpiration", "enabledEventTypes"}
    assert {key: value for key, value in recorded.get().items() if key not in ours} == {
        key: value for key, value in before.items() if key not in ours
    }
    forget()
    assert engine.refresh()
    assert (engine.outputs["enabled"], engine.outputs["event_types"]) == (True, [*NEEDED])
    with interrupted(0, after=False) as writes:
        assert engine.up(realm=recorded.name, owner="one", expiration=3 * DAY) == "same"
    assert writes == []
    recorded.user_token("frontend")
    engine.destroy()


@pytest.mark.parametrize("recorded", [{**LOGINS, "enabledEventTypes": []}], indirect=True)
def test_what_is_as_wanted_is_used_and_left(recorded: TestRealm) -> None:
    with interrupted(0, after=False) as writes:
        engine = events(recorded, expiration=DAY)
        assert engine.outputs["found"] == "used"
        engine.destroy()
    assert writes == []


@pytest.mark.parametrize(
    ("change", "shows"),
    [
        ({"eventsEnabled": False}, {"enabled": False}),
        ({"enabledEventTypes": ["LOGIN", "TOKEN_EXCHANGE"]}, {"event_types": ["TOKEN_EXCHANGE"]}),
        ({"eventsExpiration": 60}, {"expiration": 60}),
    ],
    ids=["off", "another list", "kept short"],
)
@pytest.mark.parametrize("recorded", [LOGINS], indirect=True)
def test_drift_shows_and_is_mended(recorded: TestRealm, change: dict[str, Any], shows: dict[str, Any]) -> None:
    engine = events(recorded, expiration=3 * DAY)
    recorded.session.put(recorded.at(), change)
    forget()
    assert engine.refresh()
    assert {key: engine.outputs[key] for key in shows} == shows
    assert engine.up(realm=recorded.name, owner="one", expiration=3 * DAY) == "update"
    assert now(recorded)[0] and now(recorded)[1] >= 3 * DAY and {*NEEDED} <= now(recorded)[2]
    recorded.session.put(
        recorded.at(), {**LOGINS, "eventsExpiration": 3 * DAY, "enabledEventTypes": ["LOGIN", "LOGOUT", *NEEDED]}
    )
    forget()
    engine.destroy()
    recorded.session.put(recorded.at(), LOGINS)  # a list that others changed meanwhile stays as they made it


def test_a_lost_claim_is_made_again(recorded: TestRealm) -> None:
    engine = events(recorded, expiration=DAY)
    attributes = dict.fromkeys(recorded.client(HOLDERS[0])["attributes"], "")
    recorded.change(HOLDERS[0], attributes={key: "" for key in attributes if key.startswith("pulumi.")})
    forget()
    assert engine.refresh() and engine.outputs[LOST]
    assert engine.up(realm=recorded.name, owner="one", expiration=DAY) == "update"
    forget()
    assert engine.refresh() and engine.outputs["owner"] == "one"
    engine.destroy()


def test_what_others_changed_meanwhile_stays(recorded: TestRealm) -> None:
    engine = events(recorded, expiration=DAY)
    recorded.session.put(recorded.at(), {"eventsExpiration": 9 * DAY, "enabledEventTypes": ["LOGIN"]})
    forget()
    engine.destroy()
    assert now(recorded) == (False, 9 * DAY, {"LOGIN"})
    recorded.session.put(recorded.at(), OFF)


@pytest.mark.parametrize("recorded", [OFF, LOGINS, {**LOGINS, "eventsExpiration": 0}], indirect=True)
@pytest.mark.parametrize("first", [0, 1])
def test_two_owners(recorded: TestRealm, first: int) -> None:
    """The longer wish counts, and goes with who has it; the last one out gives back what the first one found."""
    before = recorded.get()
    engines = [events(recorded, "one", expiration=3 * DAY), events(recorded, "two", expiration=9 * DAY)]
    for_ever = before["eventsEnabled"] and not before.get("eventsExpiration")
    assert now(recorded)[1] == (0 if for_ever else 9 * DAY)
    forget()
    engines[first].destroy()
    stays = engines[1 - first]
    wish = [3 * DAY, 9 * DAY][1 - first]
    assert now(recorded)[:2] == (True, 0 if for_ever else max(wish, before.get("eventsExpiration", 0)))
    assert {*NEEDED} <= now(recorded)[2]
    forget()
    assert stays.refresh() and stays.up(realm=recorded.name, owner=["one", "two"][1 - first], expiration=wish) == "same"
    stays.destroy()


@pytest.mark.parametrize("recorded", [LOGINS], indirect=True)
def test_another_wish_and_another_name_change_in_place(recorded: TestRealm) -> None:
    engine = events(recorded, "old", expiration=9 * DAY)
    forget()
    assert engine.up(realm=recorded.name, owner="new", expiration=3 * DAY) == "update"
    assert now(recorded)[1] == 3 * DAY
    assert "old" not in json.dumps(recorded.client(HOLDERS[0])["attributes"])
    forget()
    assert engine.up(realm=recorded.name, owner="new") == "update"
    assert now(recorded)[1] == 2 * DAY
    engine.destroy()


@pytest.mark.parametrize("recorded", [LOGINS], indirect=True)
@pytest.mark.parametrize("what", ["create", "destroy"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(WRITES + 1))
def test_killed_anywhere(recorded: TestRealm, what: str, after: bool, write: int) -> None:
    """The next run continues, also one without any state, and destroy gives everything back."""
    engine = Engine(ExchangeEventsProvider, recorded.connection)
    args = {"realm": recorded.name, "owner": "one", "expiration": 3 * DAY}
    forget()
    if what == "destroy":
        engine.up(**args)
    try:
        with interrupted(write, after=after) as writes:
            engine.up(**args) if what == "create" else engine.destroy()
    except Killed:
        assert write < WRITES
        forget()
        if what == "create":
            engine = events(recorded, expiration=3 * DAY)
            assert now(recorded)[:2] == (True, 3 * DAY)
        engine.destroy()
    else:
        assert write == len(writes) == WRITES
        if what == "create":
            engine.destroy()


def test_four_come_and_go_at_once(recorded: TestRealm) -> None:
    """Each with a session of its own, as processes have; whoever leaves meanwhile, who stays is recorded."""

    def come_and_go(number: int) -> None:
        for _ in range(3):
            realm, owner, wish = (
                Realm(Session(recorded.connection), recorded.name),
                f"team-{number}",
                DAY * (number + 1),
            )
            taken = take_events(realm, owner, wish)
            end = time.monotonic() + 120
            while not serves(read_recorded(realm).config, wish):  # who left mends what he undid within moments
                assert time.monotonic() < end
            release_events(realm, owner, wish, taken)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))


def test_who_comes_between_two_who_leave_finds_what_was(recorded: TestRealm, monkeypatch: pytest.MonkeyPatch) -> None:
    def fresh() -> Realm:
        return Realm(Session(recorded.connection), recorded.name)

    held = {owner: take_events(fresh(), owner, DAY) for owner in ("one", "two")}

    def drop_between(clients: Any, uuid: str, owner: str, kind: str) -> None:
        monkeypatch.setattr(recorded_events, "drop_claim", drop_claim)
        release_events(fresh(), "two", DAY, held["two"])
        drop_claim(clients, uuid, owner, kind)
        held["three"] = take_events(fresh(), "three", 2 * DAY)

    monkeypatch.setattr(recorded_events, "drop_claim", drop_between)
    release_events(fresh(), "one", DAY, held["one"])
    assert serves(read_recorded(fresh()).config, 2 * DAY)
    release_events(fresh(), "three", 2 * DAY, held["three"])


def test_a_login_that_may_not_is_told_the_role(recorded: TestRealm, tmp_path: Path) -> None:
    def login(*roles: str) -> Any:
        forget()
        key = bootstrap(recorded.connection, recorded.name, "robot", roles, tmp_path / "robot.pem").key
        forget()
        login = PrivateKeyLogin("robot", key.read_text())
        return replace(recorded.connection, login=login, login_realm=recorded.name)

    args = {"realm": recorded.name, "owner": "one"}
    for roles, role in (
        (["manage-clients"], "view-events"),
        (["manage-clients", "view-events"], "manage-events"),
        (["view-clients", "manage-events"], "manage-clients"),
    ):
        with pytest.raises(Refusal, match=rf"^events of realm '{recorded.name}': .* the role {role} of the client"):
            Engine(ExchangeEventsProvider, login(*roles)).up(**args)
    assert not now(recorded)[0] and "pulumi.claim" not in json.dumps(recorded.get("clients"))
    engine = Engine(ExchangeEventsProvider, login(*roles_for([STANDARD, EVENTS])))
    engine.up(**args)
    assert now(recorded)[0]
    engine.destroy()
    recorded.session.delete(recorded.at("clients", recorded.uuid("robot")))


def test_bad_seconds_are_refused(recorded: TestRealm) -> None:
    for seconds in (0, -1):
        with pytest.raises(Refused, match=f"^exchange events of realm '{recorded.name}': expiration is {seconds}"):
            events(recorded, expiration=seconds)


@pytest.mark.standard_exchange
def test_a_stack_records_its_grants_realms(recorded: TestRealm) -> None:
    grant = {"name": "g", "realm": recorded.name, "sources": ["frontend"], "target": "api", "exchange": "standard"}
    stack = Stack(recorded.robot, events=True)
    stack.up(grant)
    assert now(recorded)[:2] == (True, 30 * DAY)
    stack.refresh()
    stack.up(grant)
    assert {*stack.changes.values()} == {"same"}
    stack.events = False
    stack.up(grant)
    assert stack.changes[f"{recorded.name}/exchange-events"] == "delete" and not now(recorded)[0]
    stack.destroy()
