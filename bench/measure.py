"""What a command costs: seconds, requests, connections, memory."""

import contextlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.cases import Command
from local.keycloak import Server
from tests.e2e.access_log import AccessLog, Request

LOOK_SECONDS = 0.2
PORTS_EVERY = 50  # samples; a closed connection stays in the kernel's table for a minute
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
KINDS = {
    "pulumi.dynamic": "plugin",
    "package": "plugin",
    "pulumi-language-python-exec": "program",
    "pulumi-language-yaml": "program",
    "pulumi": "pulumi",
}
"""A name in a process's arguments → which of Pulumi's processes it is."""
OTHER = "other"
KILOBYTES_A_MEGABYTE = 1_000 / 1.024  # MB as in the rest of the page: millions of bytes; the kernel counts 1,024
SHOWN_OF_OUTPUT = 2_000


class Failed(Exception):
    """A command that is measured did not work."""


@dataclass(frozen=True)
class Sample:
    """One run. memory: the peak of each kind of process, megabytes (millions of bytes)."""

    seconds: float
    requests: int = 0
    writes: int = 0
    logins: int = 0
    connections: int = 0
    memory: dict[str, float] = field(default_factory=dict)


def counts(requests: Iterable[Request]) -> dict[str, int]:
    """All requests, those that write and those that log in; a login is not a write."""
    found = list(requests)
    return {
        "requests": len(found),
        "writes": sum(each.is_write for each in found),
        "logins": sum(each.is_login for each in found),
    }


def measure(command: Command, server: Server, codes: Collection[int] = (0,)) -> Sample:
    """Runs a command, which must end with one of these codes. :raises Failed: it does not."""
    log = AccessLog(server)
    first, before = log.mark(), client_ports(server.port)
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        child = subprocess.Popen(
            command.arguments, cwd=command.folder, env=command.environment, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT)  # fmt: skip
        with watched(child.pid, server.port) as watcher:
            code = child.wait()
            seconds = time.perf_counter() - started
        if code not in codes:
            output.seek(0)
            raise Failed(f"{' '.join(command.arguments)} ended with {code}:\n{output.read()[-SHOWN_OF_OUTPUT:]}")
    asked = log.between(first, log.mark())
    return Sample(seconds, connections=len(watcher.ports - before), memory=watcher.peaks(), **counts(asked))


@contextlib.contextmanager
def watched(pid: int, port: int) -> Iterator["Watcher"]:
    """Observes a process and its children until the end of the block."""
    watcher = Watcher(pid, port)
    thread = threading.Thread(target=watcher.watch, daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        watcher.ended.set()
        thread.join()


class Watcher:
    """What was observed of a process tree while it runs."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid, self._port = pid, port
        self._kilobytes: dict[str, int] = {}
        self.ports: set[int] = set()
        self.ended = threading.Event()

    def watch(self) -> None:
        looks = 0
        while not self.ended.wait(LOOK_SECONDS):
            self._look()
            looks += 1
            if looks % PORTS_EVERY == 0:
                self.ports |= client_ports(self._port)
        self.ports |= client_ports(self._port)

    def peaks(self) -> dict[str, float]:
        """Megabytes by kind of process."""
        return {kind: round(peak / KILOBYTES_A_MEGABYTE, 1) for kind, peak in sorted(self._kilobytes.items())}

    def _look(self) -> None:
        for pid in (self._pid, *below(self._pid)):
            with contextlib.suppress(OSError):  # it ended meanwhile
                place = Path("/proc") / str(pid)
                kind = kind_of((place / "cmdline").read_bytes().decode(errors="replace").split("\0"))
                peak = high_water(place.joinpath("status").read_text())
                self._kilobytes[kind] = max(peak, self._kilobytes.get(kind, 0))


def kind_of(arguments: Iterable[str]) -> str:
    """Which of Pulumi's processes has these arguments. The shell that starts a plugin counts as the plugin."""
    names = {Path(each).name for each in arguments}
    return next((kind for mark, kind in KINDS.items() if mark in names), OTHER)


def high_water(status: str) -> int:
    """Kilobytes: the most that a process was ever resident with; 0 for one that is ending."""
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def below(pid: int) -> Iterator[int]:
    """All living descendants of a process."""
    with contextlib.suppress(OSError):
        for thread in (Path("/proc") / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                for child in (thread / "children").read_text().split():
                    yield int(child)
                    yield from below(int(child))


def client_ports(port: int) -> set[int]:
    """The ports of clients that are connected to a port of this machine, or were within the last minute."""
    return {found for table in TABLES if table.exists() for found in ports_in(table.read_text(), port)}


def ports_in(table: str, port: int) -> Iterator[int]:
    """The clients' ports in a table of the kernel. A row has two ports; the server's is known."""
    for line in table.splitlines()[1:]:
        here, there = (int(each.rpartition(":")[2], 16) for each in line.split()[1:3])
        if there == port:
            yield here
        elif here == port and there:
            yield there
