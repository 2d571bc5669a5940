"""A realm of many clients, and a stack of many realms: what each phase and command costs, once.

Nothing of it is kept: the tables are in docs/large-stacks.md. Processor seconds are what a busy machine hardly changes.
"""

import json
import os
import resource
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cases import Case, Command, source, target
from bench.measure import Sample, measure
from bench.pulumi_runs import InBulk, Ours
from bench.realm import AT_ONCE, make_realm
from bench.tables import table
from local.keycloak import Server
from local.layout import VENV, Say
from tests.support.realms import TestRealm

STANDARD, GRANTS_A_REALM = "standard", 5
CACHE = {"KC_CACHE_EMBEDDED_REALMS_MAX_COUNT": "200000"}
"""Of the server: by default a realm of 2,000 clients is too large for its cache."""
GRANTS_FILE, PAGE_FILE = "grants.json", "graph.html"
BEFORE = {
    "preview of all": ("preview",),
    "`up --skip-preview` of all": ("up", "--yes", "--skip-preview"),
    "quiet `preview`": ("preview",),
    "quiet `preview --refresh`": ("preview", "--refresh"),
    "quiet `up`": ("up", "--yes"),
}
AFTER = {"`destroy --skip-preview`": ("destroy", "--yes", "--skip-preview")}
COMMANDS = {
    "`graph`": ("graph", "--html", PAGE_FILE),
    "`doctor`": ("doctor",),
    "`audit --since 1h`": ("audit", "--since", "1h"),
    "`inventory`": ("inventory", "--json"),
}
KINDS = {InBulk: "one resource per realm", Ours: "a resource for each part"}
FOUND_SOMETHING = 1
TICKS = os.sysconf("SC_CLK_TCK")
HEAD = ["phase", "requests", "writes", "logins", "seconds", "processor", "Keycloak's", "MB"]
Grants = list[dict[str, Any]]


@dataclass(frozen=True)
class Bench:
    """Where it is measured. folder: a new one."""

    server: Server
    pulumi: Path
    folder: Path
    say: Say

    def clients(self, clients: int, grants: int) -> Iterator[str]:
        """A realm of so many clients, of which each grant names two. Its tables, with the commands."""
        self.say(f"making a realm of {clients:,} clients")
        realm = make_realm(self.server.url, self.server.admin_password, STANDARD, grants, clients)
        realm.session.put(realm.at(), {"eventsEnabled": True})
        case = self._case(realm, grants)
        yield from _tables(case, case.wanted(), COMMANDS, f"{clients:,} clients", self.say)

    def realms(self, realms: int) -> Iterator[str]:
        """One stack of so many realms, each with grants of its own. Its tables."""
        self.say(f"making {realms:,} realms")
        names = [name(number) for number in range(GRANTS_A_REALM) for name in (source, target)]

        def make(_: int) -> TestRealm:
            return TestRealm.make(self.server.url, self.server.admin_password, {name: {} for name in names})

        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from self.stack_of(list(pool.map(make, range(realms))))

    def stack_of(self, realms: Sequence[TestRealm]) -> Iterator[str]:
        """The same with realms that exist."""
        one = self._case(realms[0], GRANTS_A_REALM).wanted()
        grants = [
            {**each, "name": f"{realm.name}-{each['name']}", "realm": realm.name} for realm in realms for each in one
        ]
        yield from _tables(self._case(realms[0], len(grants)), grants, {}, f"{len(realms):,} realms", self.say)

    def _case(self, realm: TestRealm, grants: int) -> Case:
        return Case(STANDARD, grants, False, realm, self.server, self.pulumi, self.folder)


def _tables(case: Case, grants: Grants, commands: dict[str, tuple[str, ...]], what: str, say: Say) -> Iterator[str]:
    for kind, name in KINDS.items():
        stack = kind(case, case.folder / kind.__name__)
        (stack.stack.project / GRANTS_FILE).write_text(json.dumps(grants))
        stack.stack.configure(
            exchange=case.exchange, grantsFile=GRANTS_FILE, resources="realm" if kind is InBulk else None
        )
        rows = [_row(phase, _pulumi(stack, given), stack, say) for phase, given in BEFORE.items()]
        rows += [_row(phase, _ours(stack, given), stack, say) for phase, given in commands.items()]
        rows += [_row(phase, _pulumi(stack, given), stack, say) for phase, given in AFTER.items()]
        stack.tidy()
        yield f"\n{len(grants):,} grants, {what}, {name}, load {os.getloadavg()[0]:.0f}:\n\n{table(HEAD, rows)}"


def _pulumi(stack: Ours, given: tuple[str, ...]) -> Command:
    program = str(stack.case.pulumi / "pulumi")
    rest = ["--non-interactive", "--color=never", "--stack", stack.stack.name]
    return Command([program, *given, *rest], stack.stack.project, stack.stack.environment())


def _ours(stack: Ours, given: tuple[str, ...]) -> Command:
    python = str(VENV / "bin" / "python")
    return Command(
        [python, "-m", "exchange", *given, "--stack", stack.stack.name], stack.stack.project, stack.stack.environment()
    )


def _row(phase: str, command: Command, stack: Ours, say: Say) -> list[str]:
    server = stack.case.server
    before = _processor(), _of_server(server)
    found = measure(command, server, (0, FOUND_SOMETHING) if command.arguments[1] == "-m" else (0,))
    spent, of_server = _processor() - before[0], _of_server(server) - before[1]
    row = [phase, *_counts(found), f"{found.seconds:.1f}", f"{spent:.1f}", f"{of_server:.1f}", _memory(found)]
    if PAGE_FILE in command.arguments:
        row[0] += f", a page of {Path(command.folder, PAGE_FILE).stat().st_size:,} bytes"
    say(" | ".join(row))
    return row


def _counts(found: Sample) -> list[str]:
    return [f"{number:,}" for number in (found.requests, found.writes, found.logins)]


def _memory(found: Sample) -> str:
    return ", ".join(f"{kind} {peak:.0f}" for kind, peak in found.memory.items())


def _processor() -> float:
    """Seconds of the processor that all commands so far have taken, with what they started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _of_server(server: Server) -> float:
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
