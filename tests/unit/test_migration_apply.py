"""The order of a migration, where it goes on, and when it goes back; a stack and a server that only remember."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from exchange.migrate import server as keycloak_module
from exchange.migrate.apply import MigrateOptions, Migration, Outcome, batches
from exchange.migrate.progress import Call, Moving, StackObject, Stage
from exchange.migrate.report import outcome_lines
from exchange.migrate.runs import RunFailed
from exchange.migrate.server import Keycloak
from kcadmin.objects.claims import Claim
from kcadmin.objects.clients import Client
from kcadmin.objects.event_audiences import ClientIds
from kcadmin.objects.events import Event
from kcadmin.objects.features import SWITCH, SWITCH_CLAIM
from tests.unit.test_migration_plan import client, mapper
from tests.unit.test_migration_watch import NOT_IN_AUDIENCE, done, moving, refused

THREE = moving("three", Call("third", "web", "orders"), target="billing", stage=Stage.LEGACY)
ASKS = moving("asks", Call("requester", "app", "app"), stage=Stage.LEGACY)
LIFE, GRACE = 300, 60


class World:
    """A clock, a stack and a server. events: what callers do at a time; refusing: runs that fail, by number from 1."""

    def __init__(self, events: Sequence[tuple[float, dict[str, Any]]] = (), refusing: Collection[int] = ()) -> None:
        self.now, self.log, self.lines = 1000.0, list[str](), list[str]()
        self.events, self.refusing, self.runs = list(events), refusing, 0
        self.mapper_made: float | None = None
        self.switched = False
        self.staying: list[str] = []

    # the clock
    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    # the stack
    def to_phase(self, names: Collection[str], phase: str | None) -> None:
        self.log += [f"{','.join(names)}: {phase}"] if names else []

    def to_standard(self, names: Collection[str]) -> None:
        self.log.append(f"{','.join(names)}: standard")

    def up(self) -> None:
        self.runs += 1
        self.mapper_made = self.mapper_made or self.now
        if self.runs in self.refusing:
            raise RunFailed(f"run {self.runs} failed")
        self.log.append(f"up at {self.now - 1000:.0f}")

    def parts(self) -> list[StackObject]:
        return [mapper("web", "orders", self.mapper_made or 0)]

    # the server
    def lives(self, grants: Any) -> dict[tuple[str, str], int | None]:
        return {("r", each): LIFE for each in ("web", "app")}

    def latest(self, realm: str) -> int:
        return 0

    def known_refusals(self, realm: str, until: int) -> frozenset[tuple[str, str]]:
        return frozenset()

    def seen(self, realm: str, since: int) -> "World":
        return self

    def new(self) -> list[Event]:
        came = [event for at, event in self.events if at + 1000 <= self.now]
        self.events = [(at, event) for at, event in self.events if at + 1000 > self.now]
        return [Event.read(each, ClientIds()) for each in came]

    def switch_off(self, grants: Sequence[Moving]) -> list[str]:
        self.log.append(f"{','.join(each.name for each in grants)}: off at {self.now - 1000:.0f}")
        return self.staying

    # the people
    def line(self, text: str) -> None:
        self.lines.append(text)

    @contextmanager
    def busy(self, text: str) -> Iterator[Callable[[str], None]]:
        yield lambda text: None

    def move(self, *groups: Moving, patience: float = 10_000, events: bool = True) -> Outcome:
        settings = MigrateOptions(GRACE, patience, events, {})
        migration = Migration(self, self, settings, self, clock=self.clock, sleep=self.sleep)  # type: ignore[arg-type]
        return migration.move([[each] for each in groups])


def test_the_proven_order() -> None:
    world = World()
    assert world.move(THREE) == Outcome(("three",))
    assert world.log == [
        "three: mappers",
        "up at 0",
        "three: both",
        "up at 302",  # a lifetime of the source's tokens later
        "three: standard",
        "up at 362",  # as long as nobody used legacy any more
    ]


def test_who_makes_its_own_token_anew_waits_for_nothing() -> None:
    world = World()
    world.move(ASKS)
    assert [each for each in world.log if each.startswith("up")] == ["up at 0", "up at 0", "up at 60"]


@pytest.mark.parametrize(
    ("stage", "log"),
    [
        (Stage.MAPPERS, ["up at 0", "three: both", "up at 302", "three: standard", "up at 362"]),
        (Stage.BOTH, ["up at 0", "three: standard", "up at 60"]),
        (Stage.ENDING, ["three: standard", "up at 0"]),
    ],
)
def test_it_goes_on_where_it_was(stage: Stage, log: list[str]) -> None:
    world = World()
    assert world.move(replace(THREE, stage=stage)) == Outcome(("three",))
    assert world.log == log


def test_legacy_exchanges_keep_the_legacy_parts() -> None:
    world = World(events=[(330, done("orders", "na", "billing")), (380, done("orders", "na", "billing"))])
    world.move(THREE)
    assert world.log[-1] == "up at 440"


def test_whoever_stays_legacy_is_named_and_the_others_go_on() -> None:
    world = World(events=[(number, done("orders", "na", "billing")) for number in range(300, 900, 50)])
    outcome = world.move(THREE, ASKS, patience=200)
    assert outcome.moved == ("asks",) and [each.names for each in outcome.held] == [["three"]]
    assert world.log[-2:] == ["asks: standard", "up at 503"]
    (line, said) = outcome_lines(outcome, quiet=True)
    assert "legacy exchanges still come (the last by 'orders')" in line and said == "1 grant is standard now: asks."


def test_the_first_refusal_by_the_switch_brings_legacy_back() -> None:
    world = World(events=[(310, refused("orders", NOT_IN_AUDIENCE)), (330, refused("app", "audience not found"))])
    outcome = world.move(THREE, ASKS)
    assert world.log[4:] == [
        "three: off at 310",  # at once, and by the stack's own run
        "three: off at 310",
        "three: mappers",
        "up at 310",
        "asks: standard",
        "up at 362",
    ]
    assert outcome.moved == ("asks",) and [each.names for each in outcome.back] == [["three"]]
    (line, _) = outcome_lines(outcome, quiet=True)
    assert "standard refused the exchange of a token of 'web' by 'orders'" in line and NOT_IN_AUDIENCE in line


def test_a_switch_that_others_hold_is_not_said_to_be_back() -> None:
    world = World(events=[(310, refused("orders", NOT_IN_AUDIENCE))])
    world.staying = ["orders"]
    outcome = world.move(THREE)
    assert any("the switch of orders stays on" in line for line in world.lines)
    (line,) = outcome_lines(outcome, quiet=True)
    assert "legacy answers again" not in line and "and will refuse more: the switch of 'orders' stays on" in line


@pytest.mark.parametrize(
    ("was", "written", "staying"),
    [
        (["false"], [("uuid-orders", {SWITCH: "false"})], []),
        ([None], [("uuid-orders", {SWITCH: None})], []),
        (["true"], [("uuid-orders", {SWITCH: "true"})], ["orders"]),
        (["false", "false"], [], ["orders"]),  # another stack's claim is beside
        ([], [], ["orders"]),  # switched on by hand
    ],
)
def test_whose_switch_goes_off(
    was: list[str | None], written: list[Any], staying: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [Claim(f"o/p/s{number}", SWITCH_CLAIM, {}, {SWITCH: value}) for number, value in enumerate(was)]
    noted = {each.key: each.text() for each in held}
    orders = client("orders", attributes={"standard.token.exchange.enabled": "true", **noted})
    clients = FakeClients(orders)
    monkeypatch.setattr(keycloak_module, "realm_for", lambda session, name: SimpleNamespace(clients=clients))
    assert Keycloak(None).switch_off([THREE]) == staying  # type: ignore[arg-type]
    assert clients.written == written


class FakeClients:
    """One client, and what is written to it."""

    def __init__(self, known: Client) -> None:
        self.known, self.written = known, list[Any]()

    def find(self, name: str) -> Client | None:
        return self.known if name == self.known.client_id else None

    def get(self, uuid: str, max_age: float) -> Client:
        return self.known

    def change(self, uuid: str, values: dict[str, Any]) -> None:
        self.written.append((uuid, values))


def test_a_stack_that_refuses_the_first_phase_is_left_as_it_was() -> None:
    world = World(refusing=[1])
    with pytest.raises(RunFailed, match="run 1 failed"):
        world.move(THREE, replace(ASKS, stage=Stage.MAPPERS))
    assert world.log == ["three: mappers", "three: None"]


def test_a_switch_that_fails_goes_back() -> None:
    world = World(refusing=[2])
    with pytest.raises(RunFailed, match="run 2 failed"):
        world.move(THREE)
    assert world.log[2:] == ["three: both", "three: off at 302", "three: mappers", "up at 302"]
    world = World(refusing=[2, 3])
    with pytest.raises(RunFailed, match=r"run 2 failed\nrun 3 failed"):
        world.move(THREE)


def test_without_events_only_time_passes() -> None:
    world = World(events=[(310, refused("orders", NOT_IN_AUDIENCE))])
    assert world.move(THREE, events=False).moved == ("three",)
    assert world.log[-1] == "up at 362" and "events are not read" in world.lines[-2]


def test_batches_keep_together_what_is_switched_together() -> None:
    a, b, c = [moving(name, stage=Stage.LEGACY) for name in "abc"]
    d = moving("d", stage=Stage.BOTH)
    found = [[[each.name for each in group] for group in batch] for batch in batches([[a, b], [c], [d]], 2)]
    assert found == [[["d"]], [["a", "b"]], [["c"]]]
