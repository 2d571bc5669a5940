"""A run killed at any write, with all of its processes: ``pulumi cancel`` and ``pulumi up`` continue it, destroy restores.

``make test`` kills at three points; ``make test-crash`` before and after each write of an up, a move and a destroy, with
Pulumi's checkpoints and without.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local import processes
from local import stack as local_stack
from tests.conftest import Servers
from tests.e2e.exchanges import as_it_was, both_flows, grant
from tests.e2e.kill_points import ALL, CHECKPOINT_SECONDS, Point
from tests.e2e.stack import Stack
from tests.support.exports import but_for_numbers
from tests.support.proxy import LastWrite, Proxy, proxy_before
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange

SOURCES = ("frontend", "mobile")
OTHER = {"standard": "legacy", "legacy": "standard"}
WRITES = {
    ("up", "standard"): 6,
    ("up", "legacy"): 9,
    ("move", "standard"): 12,
    ("move", "legacy"): 11,
    ("destroy", "standard"): 6,
    ("destroy", "legacy"): 8,
}


THREE = [
    Point("up", "legacy", 3, True),
    Point("move", "standard", 5, True),
    Point("destroy", "legacy", 3, True, checkpoints=False),
]
EVERY = [
    Point(operation, exchange, write, done, checkpoints)
    for (operation, exchange), writes in WRITES.items()
    for checkpoints in (True, False)
    for write in range(writes)
    for done in (False, True)
]


@dataclass
class Stage:
    """A realm and a stack, as they were before any run. ``wired``: the realm's export with an exchange, from whole runs."""

    realm: TestRealm
    stack: Stack
    proxy: Proxy
    before: Any
    clean: bool = True
    wired: dict[str, Any] = field(default_factory=dict)

    def learn(self, exchange: str) -> None:
        """Two runs that nobody kills, and that need not start anew."""
        if exchange not in self.wired:
            self.configure(exchange)
            self.stack.up("--skip-preview")
            self.wired[exchange] = self.clients()
            self.stack.destroy("--skip-preview")

    def whole(self, operation: str, exchange: str) -> int:
        """One operation that nobody kills; how many writes it makes."""
        last = LastWrite(1000, done=False)
        assert not self.run(operation, exchange, last)
        return len(last.writes)

    def configure(self, exchange: str) -> None:
        self.stack.configure(*(grant(f"{source}-to-api", source=source) for source in SOURCES), exchange=exchange)

    def run(self, operation: str, exchange: str, last: LastWrite, **how: bool) -> bool:
        """One operation, killed at a write; whether it came to that."""
        self.configure(OTHER[exchange] if operation == "move" else exchange)
        command = "destroy" if operation == "destroy" else "up"
        return self.stack.killed(self.proxy, last, command, "--yes", "--skip-preview", **how)

    def works(self, exchange: str) -> None:
        """Each source's exchanges are answered, and the realm is as after a run that nobody killed."""
        for source in SOURCES:
            both_flows(self.realm, exchange, source=source)
        for client_id, client in self.clients().items():
            assert client == self.wired[exchange][client_id]
        self.stack.preview("--refresh", "--expect-no-changes")

    def clients(self) -> dict[str, Any]:
        """The export's clients with all that is theirs, by client id; lists in texts in order, too."""
        exported = self.realm.export_but_for_permissions()["clients"]
        return {client["clientId"]: in_order(but_for_numbers(client)) for client in exported}

    def leave(self) -> None:
        self.stack.destroy("--skip-preview")
        as_it_was(self.realm, self.before, "legacy")
        self.clean = True


ATTACHED = '"kind":"attached:'  # a claim on policies that a killed run has attached, written by the one that went on


def in_order(value: Any) -> Any:
    """Sorts the lists that authorization settings hold as JSON in texts, whose order is that of the writes."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if not (isinstance(each, str) and ATTACHED in each)}
        return {key: in_order(each) for key, each in kept.items()}
    if isinstance(value, list):
        return sorted(map(in_order, value), key=json.dumps)
    if isinstance(value, str):
        return sorted(json.loads(value)) if value.startswith('["') else value
    return value


@pytest.fixture(scope="module")
def open_stage(
    servers: Servers, pulumi: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Stage]]:
    with ExitStack() as ends:

        def make() -> Stage:
            server = servers("legacy")  # it offers both exchanges
            clients = {client: {} for client in (*SOURCES, "api")}
            realm = TestRealm.make(server.url, server.admin_password, clients)
            ends.callback(realm.remove)
            stack = Stack(tmp_path_factory.mktemp("killed"), pulumi, server, realm.name)
            ends.callback(stack.end_left)
            proxy = ends.enter_context(proxy_before(server.url))
            stack.env["KEYCLOAK_URL"] = proxy.url
            return Stage(realm, stack, proxy, realm.export())

        yield make


@pytest.fixture(scope="module")
def in_use() -> list[Stage]:
    return []


@pytest.fixture
def stage(open_stage: Callable[[], Stage], in_use: list[Stage]) -> Iterator[Stage]:
    """The module's stage; a test that fails leaves it to nobody."""
    stage = in_use.pop() if in_use else open_stage()
    stage.stack.env.pop("PULUMI_SKIP_CHECKPOINTS", None)
    stage.clean = False
    yield stage
    if stage.clean:
        in_use.append(stage)


@pytest.mark.skipif(not ALL, reason="make test-crash")
@pytest.mark.parametrize("exchange", OTHER)
def test_no_write_is_left_out(exchange: str, stage: Stage) -> None:
    writes = {("up", exchange): stage.whole("up", exchange), ("destroy", exchange): stage.whole("destroy", exchange)}
    stage.whole("up", exchange)
    writes["move", exchange] = stage.whole("move", exchange)
    assert writes == {key: number for key, number in WRITES.items() if key[1] == exchange}
    stage.leave()


@pytest.mark.parametrize("point", EVERY if ALL else THREE, ids=str)
def test_killed(point: Point, stage: Stage) -> None:
    then = OTHER[point.exchange] if point.operation == "move" else point.exchange
    stage.learn(then)
    if not point.checkpoints:
        stage.stack.env["PULUMI_SKIP_CHECKPOINTS"] = "true"
    if point.operation != "up":
        stage.configure(point.exchange)
        stage.stack.up("--skip-preview")
    pause = CHECKPOINT_SECONDS if point.checkpoints else 0
    assert stage.run(point.operation, point.exchange, LastWrite(point.write, point.done, pause))

    stage.stack.run("cancel", "--yes")
    stage.stack.up("--skip-preview")
    stage.works(then)
    stage.leave()


def test_make_up_continues_a_killed_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed ``pulumi`` leaves its lock and its plugin, in the middle of a write: ``make up`` ends both before it goes on."""
    stack = stage.stack
    stage.learn("legacy")
    monkeypatch.setattr(local_stack, "STATE", stack.folder / "state")
    monkeypatch.setattr(local_stack, "PROJECT", stack.project)
    last = LastWrite(4, done=False)
    assert stage.run("up", "legacy", last, plugins=False)
    assert not list(stack.state_file.parent.glob("*.attrs")), "a kill while it is written would end the stack"
    assert "locked by 1 lock" in stack.refused("up", "--yes").output

    said: list[str] = []
    local_stack.prepare(stack.name, stack.environment(), said.append)
    assert said == ["clearing the lock of a killed run"]
    left = [processes.command_line(pid) or [] for pid in stack.left()]  # a language host ends a second after its engine
    assert not [line for line in left if local_stack.PLUGIN in line], "it may still write"
    stage.proxy.go_on()
    stack.up("--skip-preview")
    stage.works("legacy")
    stage.leave()
