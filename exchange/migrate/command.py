"""``python -m exchange migrate``."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, NoReturn

import typer

from exchange.migrate import report
from exchange.migrate.apply import MigrateOptions, Migration, Outcome, batches
from exchange.migrate.plan import Planned
from exchange.migrate.preparation import Prepared, blocking_faults, prepare
from exchange.migrate.progress import groups
from exchange.migrate.runs import RunFailed, StackRuns
from exchange.stack.stack import StackProblem
from exchange.terminal.console import LOOKED, REFUSED, busy, person, problems
from exchange.terminal.options import AsJson, Stack
from exchange.terminal.screen import Screen, print_line, print_text
from kcadmin.rest.errors import KeycloakError, Refusal
from kcadmin.rest.texts import named

EPILOG = "See docs/migrate.md for what is changed, in which order, and what callers see."
app = typer.Typer(
    help="Move legacy grants to the standard exchange without a refused request.", epilog=EPILOG, no_args_is_help=True
)
STOPPED = (
    "stopped midway, so a switch may be on without a watch; `migrate plan` shows the phase of each grant, and the same "
    "command continues there."
)
Grants = Annotated[
    list[str] | None,
    typer.Argument(metavar="GRANT", show_default=False, help="Names of grants. Default: all grants of the stack."),
]
Lifetime = Annotated[
    int | None,
    typer.Option(
        "--token-lifetime", metavar="SECONDS", min=1, show_default="the server's", help="How long sources' tokens live."
    ),
]


@app.command("plan", epilog=EPILOG)
def plan_command(
    grants: Grants = None, stack: Stack = None, token_lifetime: Lifetime = None, as_json: AsJson = False
) -> None:
    """Show what a migration would do, what callers will see change, and what blocks it. Nothing is written.

    Exit codes: 0 nothing to migrate, 1 something blocks, 3 it can be done.

    [bold]Examples[/bold]

    python -m exchange migrate plan

    python -m exchange migrate plan orders-to-billing --json | jq '.grants\\[].blocks'
    """
    with problems():
        found = _look(stack, grants or (), token_lifetime)
    if as_json:
        print_text(report.as_json(found.planned, found.unseen))
    else:
        console = Screen(highlight=False, soft_wrap=True)
        for line in report.as_text(found.planned, found.unseen):
            console.print(line)
        console.print(report.plan_summary(found.planned), markup=False)
    if not found.planned:
        return
    raise typer.Exit(REFUSED if any(each.blocks for each in found.planned) else LOOKED)


@app.command("apply", epilog=EPILOG)
def apply_command(
    grants: Grants = None,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Move this many grants at a time.")] = 10,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            min=0,
            help="How long no legacy exchange may occur before the legacy parts go.",
        ),
    ] = 300,
    patience: Annotated[
        float, typer.Option("--patience", metavar="SECONDS", min=0, help="How long to wait for such a time, per batch.")
    ] = 86400,
    no_events: Annotated[
        bool,
        typer.Option("--no-events", help="Do not read events: refusals are not noticed, and nothing is rolled back."),
    ] = False,
    token_lifetime: Lifetime = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: Stack = None,
) -> None:
    """Move grants in steps: add mappers, wait until older tokens have expired, switch, watch, remove the legacy parts.

    Each phase is a change of the stack's config and a [bold]pulumi up[/bold]. The legacy permission stays until there was no
    legacy exchange for the grace time. The first refusal that the switch caused brings legacy back. If the command is
    killed, run it again: it continues.

    [bold]Examples[/bold]

    python -m exchange migrate apply --yes --grace 3600

    python -m exchange migrate apply orders-to-billing --batch 1
    """
    with problems():
        found = _look(stack, grants or (), token_lifetime)
        if not found.planned:
            print_text(report.plan_summary(found.planned))
            return
        if wrong := blocking_faults(found, events=not no_events):
            _end_with(wrong)
        _confirm(found.planned, yes)
        try:
            outcome, quiet = _apply(found, MigrateOptions(grace, patience, not no_events, found.unsure), batch)
        except RunFailed as problem:
            _end_with(
                [*str(problem).splitlines(), "correct that, then run the same command again; it continues there."]
            )
        except KeyboardInterrupt:
            _end_with([f"interrupted: {STOPPED}"])
    for line in report.outcome_lines(outcome, quiet=quiet):
        print_line(line)
    raise typer.Exit(REFUSED if outcome.back or outcome.held or not quiet else 0)


def _look(stack: str | None, names: Sequence[str], token_lifetime: int | None) -> Prepared:
    with busy("reading") as show:
        return prepare(StackRuns(stack), names, token_lifetime, show)


def _end_with(errors: Sequence[str]) -> NoReturn:
    for error in errors:
        print_line(f"error: {error}", err=True)
    raise typer.Exit(REFUSED)


def _confirm(planned: Sequence[Planned], yes: bool) -> None:
    if yes:
        return
    if not person():
        raise Refusal("migrate: cannot ask without a terminal; check `migrate plan`, then give --yes.")
    for line in report.as_text(planned, ()):
        Screen(stderr=True, highlight=False, soft_wrap=True).print(line)
    typer.confirm("Move these grants now?", abort=True, err=True)


def _apply(found: Prepared, settings: MigrateOptions, size: int) -> tuple[Outcome, bool]:
    """The result, and whether the stack is quiet afterwards."""
    tell, grants = _Tell(), [each.grant for each in found.planned]
    if not found.under_way:
        with tell.busy("pulumi preview"):
            if not found.runs.is_quiet():
                raise StackProblem(
                    "stack: `pulumi preview` shows changes, which this would deploy too; run `pulumi up` first."
                )
    for each in found.planned:
        for note in each.notes:
            tell.line(f"warning: grant {named(each.grant.name)} in realm {named(each.grant.realm)}: {note}.")
    if not settings.events:
        tell.line(
            "warning: without events the command notices neither refused nor legacy callers, and rolls nothing back."
        )
    outcome, migration = Outcome(), Migration(found.runs, found.keycloak, settings, tell)
    try:
        for batch in batches(groups(grants), size):
            outcome += migration.move(batch)
            if outcome.back:
                break
    except KeycloakError:
        print_line(f"warning: {STOPPED}", err=True)
        raise
    with tell.busy("pulumi preview"):
        return outcome, not outcome.moved or found.runs.is_quiet()


class _Tell:
    """In a pipe lines with their time; on a terminal also the current state."""

    def line(self, text: str) -> None:
        print_line(f"{time.strftime('%H:%M:%S')} {text}")

    def busy(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        return busy(text)
