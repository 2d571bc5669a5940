"""Measures what the phases of a stack's life cost, beside what they cost at least and what other tools need.

Each round runs every competitor one after the other, so that noise hits all alike. Counts of requests are exact from the first
round on; seconds are kept from three rounds on. Results are in bench/results.json, tables and plots in bench/README.md.
"""

import argparse
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import large, report, results, terraform
from bench.cases import (
    CHECKPOINTS_OFF_FROM,
    EXCHANGES,
    FEWEST_ROUNDS,
    PHASES,
    Case,
    checkpoints_by_default,
    in_words,
)
from bench.competitors import COMPETITORS, OURS, SERVER, TOFU, why_not
from bench.realm import make_realm
from bench.rounds import NEEDED, CaseRun, Say
from local import keycloak, pulumi_cli
from local.layout import UserError, keycloak_version
from tests.support.shared_servers import free_port

GRANTS = {"standard": (1, 10, 100, 1_000), "legacy": (1, 10, 100)}
START_SECONDS = 600
LARGE_GRANTS = 1_000
WARM_GRANTS, WARMING = 10, (SERVER, OURS)


class Bench:
    """One run over some cases. Each is kept as soon as it is done."""

    def __init__(self, given: argparse.Namespace, say: Say) -> None:
        self.given, self._say = given, say
        self.pulumi = pulumi_cli.install(say)
        self.run = results.name_of_run()
        others = [str(terraform.program())] if TOFU in given.only and terraform.is_missing() is None else []
        self.about = results.about_run(given.rounds, self.pulumi, others)
        self.failures: list[str] = []

    def exchange(self, exchange: str) -> None:
        """Runs all cases of an exchange on one server."""
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            started(exchange, Path(folder), self._say) as server,
        ):
            if self.given.rounds >= FEWEST_ROUNDS:
                self._say("a round that does not count: a server that has just started is slow")
                warm = self._new_case(exchange, WARM_GRANTS, server, Path(folder) / "warm")
                CaseRun(warm, WARMING, NEEDED, self._say).run(1)
            for grants in sorted(self.given.grants or GRANTS[exchange]):
                competitors = [each for each in COMPETITORS if each in self.given.only and self._can(each, grants)]
                case = self._new_case(exchange, grants, server, Path(folder) / str(grants))
                run = CaseRun(case, competitors, self.given.phases, self._say)
                run.run(self.given.rounds)
                self.failures += run.failures
                known = results.load()
                for each in run.measured():
                    known = results.merge(known, each, self.run, self.about)
                results.save(known)

    def _new_case(self, exchange: str, grants: int, server: keycloak.Server, folder: Path) -> Case:
        self._say(f"{exchange}: making a realm with the {2 * (grants + 1)} clients of {in_words(grants)} and one more")
        folder.mkdir()
        realm = make_realm(server.url, server.admin_password, exchange, grants)
        asked = self.given.checkpoints
        checkpoints = asked == "on" if asked else checkpoints_by_default(grants)
        return Case(exchange, grants, checkpoints, realm, server, self.pulumi, folder)

    def _can(self, competitor: str, grants: int) -> bool:
        reason = why_not(competitor, grants)
        if reason:
            self._say(f"{competitor} is skipped: {reason}.")
        return reason is None


def print_large(given: argparse.Namespace, say: Say) -> None:
    """Prints what a realm of many clients costs, or a stack of many realms."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        started("standard", Path(folder), say, large.CACHE) as server,
    ):
        for grants in given.grants or (LARGE_GRANTS,):
            place = large.Bench(server, pulumi_cli.install(say), Path(folder) / str(grants), say)
            for text in place.realms(given.realms) if given.realms else place.clients(given.clients, grants):
                print(text, flush=True)


@contextmanager
def started(exchange: str, folder: Path, say: Say, settings: dict[str, str] | None = None) -> Iterator[keycloak.Server]:
    """A server of its own for the block."""
    say(f"{exchange}: starting Keycloak {keycloak_version()}")
    installation = keycloak.install(keycloak_version(), exchange, say)
    password = secrets.token_hex(12)
    server = keycloak.Server.start(
        installation,
        port=free_port(),
        data=folder / "server",
        admin_password=password,
        env=settings,
        wait=START_SECONDS,
    )
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def progress(total: int) -> Iterator[Say]:
    """Prints lines, and on a terminal a progress bar below them. total: the number of phases."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("phases", total=total)

        def say(line: str) -> None:
            console.print(line, markup=False)
            if line.endswith("of them writes"):
                bar.advance(task)

        yield say


def main() -> int:
    """Measures, writes the page. 0: all worked; 1: something failed; 2: wrong usage."""
    given = read_arguments(sys.argv[1:])
    failures: list[str] = []
    if given.clients or given.realms:
        with progress(0) as say:
            print_large(given, say)
        return 0
    if not given.report:
        exchanges = [given.exchange] if given.exchange else EXCHANGES
        cases = [grants for each in exchanges for grants in given.grants or GRANTS[each]]
        phases = len({*given.phases, *NEEDED})
        runs = sum(why_not(each, grants) is None for each in given.only for grants in cases)
        warm = len(exchanges) * len(WARMING) * len(NEEDED) if given.rounds >= FEWEST_ROUNDS else 0
        with progress(runs * given.rounds * phases + warm) as say:
            bench = Bench(given, say)
            for exchange in exchanges:
                bench.exchange(exchange)
            failures = bench.failures
    for line in report.write(results.load()):
        print(line)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--grants",
        type=int,
        nargs="+",
        metavar="N",
        help=f"default: {words(GRANTS['standard'])}; legacy {words(GRANTS['legacy'])}",
    )
    parser.add_argument("--exchange", choices=EXCHANGES, help="default: both")
    parser.add_argument(
        "--rounds", type=int, default=5, help=f"default: 5; with fewer than {FEWEST_ROUNDS} only requests are kept"
    )
    parser.add_argument(
        "--only", type=chosen(COMPETITORS), default=COMPETITORS, metavar="A,B", help=f"of {', '.join(COMPETITORS)}"
    )
    parser.add_argument(
        "--phases", type=chosen(tuple(PHASES)), default=tuple(PHASES), metavar="A,B", help=f"of {', '.join(PHASES)}"
    )
    parser.add_argument(
        "--checkpoints", choices=("on", "off"), help=f"Pulumi's; default: off from {CHECKPOINTS_OFF_FROM:,} grants on"
    )
    parser.add_argument(
        "--clients", type=int, metavar="N", help="instead: 1,000 grants in a realm of so many clients, once"
    )
    parser.add_argument(
        "--realms", type=int, metavar="N", help="instead: a stack of so many realms of 5 grants each, once"
    )
    parser.add_argument("--report", action="store_true", help="measure nothing, write the page from the results")
    given = parser.parse_args(arguments)
    counts = (
        given.rounds,
        *(given.grants or ()),
        *(each for each in (given.clients, given.realms) if each is not None),
    )
    if any(each < 1 for each in counts):
        parser.error("--rounds, --grants, --clients and --realms take whole numbers from 1 on")
    return given


def chosen(known: Sequence[str]):  # type: ignore[no-untyped-def]
    """Parses names separated by commas; they come in the order of ``known``."""

    def read(text: str) -> tuple[str, ...]:
        names = [each.strip() for each in text.split(",")]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is unknown; choose from {', '.join(known)}")
        return tuple(each for each in known if each in names)

    return read


def words(numbers: Sequence[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as problem:
        sys.exit(f"error: {problem}")
