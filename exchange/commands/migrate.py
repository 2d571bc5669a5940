"""``python -m exchange migrate``."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from exchange.commands.options import AsJson, Stack
from exchange.console import LOOKED, REFUSED, person, problems, warn_of_insecure_tls
from exchange.migration import blocks, report
from exchange.migration.apply import Migration, Outcome, Settings
from exchange.migration.grants import Moving, Stage, groups, movings
from exchange.migration.keycloak import Keycloak
from exchange.migration.plan import Planned, plan
from exchange.migration.runs import StackRuns
from exchange.stack import StackProblem
from kcadmin.errors import Refusal
from kcadmin.session import session_for
from kcadmin.survey import Survey, survey

EPILOG = "See docs/migrate.md for what is changed, in which order, and what callers see."
app = typer.Typer(
    help="Move legacy grants to the standard exchange without a refused request.", epilog=EPILOG, no_args_is_help=True
)
Grants = Annotated[
    list[str] | None,
    typer.Argument(metavar="GRANT", show_default=False, help="Names of grants; without any, all of the stack."),
]
Lifetime = Annotated[
    int | None,
    typer.Option(
        "--token-lifetime", metavar="SECONDS", min=1, show_default="the server's", help="How long sources' tokens live."
    ),
]


@dataclass(frozen=True)
class Found:
    """What both commands look at: the chosen grants' plans, and all that apply needs."""

    runs: StackRuns
    keycloak: Keycloak
    planned: list[Planned]
    unseen: list[str]
    unsure: dict[str, frozenset[tuple[str, str]]]


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
        typer.echo(report.as_json(found.planned, found.unseen))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for line in report.as_text(found.planned, found.unseen):
            console.print(line)
        console.print(report.plan_summary(found.planned), markup=False)
    if not found.planned:
        return
    raise typer.Exit(REFUSED if any(each.blocks for each in found.planned) else LOOKED)


@app.command("apply", epilog=EPILOG)
def apply_command(
    grants: Grants = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="GRANT", show_default=False, help="The same as GRANT.")
    ] = None,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Move this many grants at a time.")] = 10,
    grace: Annotated[
        float, typer.Option("--grace", metavar="SECONDS", min=0, help="How long no legacy exchange may come.")
    ] = 300,
    patience: Annotated[
        float, typer.Option("--patience", metavar="SECONDS", min=0, help="How long to wait for that, a batch.")
    ] = 86400,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="Do without events: nobody sees refusals, and nothing is rolled back.")
    ] = False,
    token_lifetime: Lifetime = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    stack: Stack = None,
) -> None:
    """Move grants: mappers, one lifetime of the sources' tokens, the switch, a watch, and the legacy parts go.

    Each phase is a change of the stack's config and a [bold]pulumi up[/bold]. The legacy permission stays until no legacy
    exchange came for the grace time; the first refusal that the switch caused brings legacy back. Killed anywhere, it goes
    on when run again.

    [bold]Examples[/bold]

    python -m exchange migrate apply --yes --grace 3600

    python -m exchange migrate apply --only orders-to-billing --batch 1
    """
    with problems():
        found = _look(stack, [*(grants or ()), *(only or ())], token_lifetime)
        if not found.planned:
            typer.echo(report.plan_summary(found.planned))
            return
        _refuse(found, events=not no_events)
        _confirm(found.planned, yes)
        outcome, quiet = _apply(found, Settings(grace, patience, not no_events, found.unsure), batch)
    for line in report.outcome_lines(outcome, quiet=quiet):
        typer.echo(line)
    raise typer.Exit(REFUSED if outcome.back or outcome.held or not quiet else 0)


def _look(stack: str | None, names: Sequence[str], token_lifetime: int | None) -> Found:
    runs = StackRuns(stack)
    about = runs.stack()
    about.cases(names)  # refuses a name that is none
    moving = movings(about)
    connection = about.connection()
    warn_of_insecure_tls(connection)
    chosen = [each for each in moving if each.stage is not Stage.STANDARD and (not names or each.name in names)]
    if not chosen:
        return Found(runs, Keycloak(session_for(connection)), [], [], {})
    session = session_for(connection)
    keycloak = Keycloak(session, token_lifetime)
    with _Tell().busy("reading") as show:
        surveys: dict[str, Survey] = {}
        for realm in sorted({each.realm for each in chosen}):
            surveys[realm] = survey(session, realm, lambda what, realm=realm: show(f"{realm}: {what}"))  # type: ignore[misc]
    parts = runs.parts()
    here = [each for each in moving if each.realm in surveys]
    planned = plan(here, surveys, parts, keycloak.lives(here), about.config)
    unsure = {
        realm: frozenset(
            (client, target)
            for client in {client for each in chosen for client in each.requesters}
            for target, _ in blocks.legacy_ways(client, blocks.Facts(found, here, parts, about.config), certain=False)
        )
        for realm, found in surveys.items()
    }
    wanted = {each.name for each in chosen}
    return Found(
        runs, keycloak, [each for each in planned if each.grant.name in wanted], keycloak.unseen(surveys), unsure
    )


def _refuse(found: Found, *, events: bool) -> None:
    """:raises Refusal: with everything that stands against it."""
    faults = [
        f"grant '{each.grant.name}' in realm '{each.grant.realm}': {wrong}."
        for each in found.planned
        for wrong in each.blocks
    ]
    chosen = {each.grant.name for each in found.planned}
    faults += [
        f"grant '{each.grant.name}' in realm '{each.grant.realm}': shares a requester with {', '.join(left_out)}, and one "
        "switch moves both; name all of them."
        for each in found.planned
        if (left_out := [name for name in each.together if name not in chosen])
    ]
    faults += [f"{why[:-1]}, or give --no-events." for why in found.unseen] if events else []
    if faults:
        raise Refusal("\n".join(dict.fromkeys(faults)))


def _confirm(planned: Sequence[Planned], yes: bool) -> None:
    if yes:
        return
    if not person():
        raise Refusal("migrate: nobody is here to be asked; read what `migrate plan` says, and give --yes.")
    for line in report.as_text(planned, ()):
        Console(stderr=True, highlight=False, soft_wrap=True).print(line)
    typer.confirm("Move these grants now?", abort=True, err=True)


def _apply(found: Found, settings: Settings, size: int) -> tuple[Outcome, bool]:
    tell = _Tell()
    grants = [each.grant for each in found.planned]
    if not any(Stage.LEGACY < each.stage < Stage.STANDARD for each in found.runs.grants()):
        with tell.busy("pulumi preview"):
            if not found.runs.is_quiet():
                raise StackProblem(
                    "stack: `pulumi preview` shows changes, which this would deploy too; run `pulumi up` first."
                )
    if not settings.events:
        tell.line(
            "warning: without events nobody sees which callers are refused or still legacy, and nothing is rolled back."
        )
    outcome, migration = Outcome(), Migration(found.runs, found.keycloak, settings, tell)
    for groups_ in _batches(groups(grants), size):
        outcome += migration.move(groups_)
        if outcome.back:
            break
    with tell.busy("pulumi preview"):
        return outcome, found.runs.is_quiet()


def _batches(of: Sequence[list[Moving]], size: int) -> Iterator[list[list[Moving]]]:
    """Groups, as many as make up so many grants; those that are under way first."""
    found: list[list[Moving]] = []
    for group in sorted(of, key=lambda group: -max(each.stage for each in group)):
        if found and sum(map(len, found)) + len(group) > size:
            yield found
            found = []
        found.append(group)
    if found:
        yield found


class _Tell:
    """Lines with their time on a pipe; on a terminal what goes on now, too."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def line(self, text: str) -> None:
        typer.echo(f"{time.strftime('%H:%M:%S')} {text}")

    @contextmanager
    def busy(self, text: str) -> Iterator[Callable[[str], None]]:
        if not self._console.is_terminal:
            yield lambda text: None
            return
        with self._console.status(text) as status:
            yield lambda text: status.update(text)
