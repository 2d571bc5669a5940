"""``python -m exchange verify``."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column

from exchange.stack.stack import read_stack
from exchange.terminal.console import LOOKED, REFUSED, ask, password, person, problems, warn_of_connection
from exchange.terminal.options import Stack
from exchange.terminal.printing import say
from exchange.terminal.screen import Screen, print_line, print_text
from exchange.verify import deny_report, report
from exchange.verify.deny import UNDECLARED, Attempts, Denial, attempts
from exchange.verify.deny import deny as deny_all
from exchange.verify.verify import prefetch, verify
from kcadmin.objects.client_secrets import ClientSecrets
from kcadmin.rest.errors import Refusal
from kcadmin.rest.session import Session, session_for
from reach.proof import USER, USER_PASSWORD, Case, Subject, Verdict
from reach.subject_tokens import Secrets

COLOURS = {0: "green", LOOKED: "yellow"}
EPILOG = "See docs/verify.md for what is checked, and for every setting."


def verify_command(
    grants: Annotated[
        list[str] | None,
        typer.Argument(metavar="GRANT", show_default=False, help="Names of grants. Default: all grants of the stack."),
    ] = None,
    as_user: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar=USER,
            help=f"Exchange this user's tokens; the password comes from {USER_PASSWORD}, or "
            "is asked for. Default: tokens of each source's service account, or a dry run if it has none.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Exchange nothing. Predict the results, without logins, passwords and secrets."),
    ] = False,
    deny: Annotated[
        bool,
        typer.Option("--deny", help="Also try every exchange among these clients that no grant declares or implies."),
    ] = False,
    read_secrets: Annotated[
        bool | None,
        typer.Option(
            "--read-secrets/--no-read-secrets",
            show_default="on for the development server of `make up`",
            help="Read client secrets from the server where no KEYCLOAK_CLIENT_SECRET_<CLIENT> is set.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON objects with the claims of both tokens.")] = False,
    stack: Stack = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", show_default="the stack's", help="Reach the server at this address.")
    ] = None,
    realm: Annotated[str | None, typer.Option(metavar="NAME", help="Only grants in this realm.")] = None,
) -> None:
    """Prove grants by real exchanges: log in, exchange the token, and check the new token.

    Status 200 proves nothing: the signature, sub, azp, aud, lifetime, scopes and which exchange answered are checked.
    Each token is ended. A prediction is marked as one, and ends with code 3.

    [bold]Examples[/bold]

    python -m exchange verify --as-user testuser2

    python -m exchange verify orders-to-billing --stack prod --as-user testuser2 --dry-run

    python -m exchange verify --as-user testuser2 --deny

    python -m exchange verify --json | jq '.\\[] | select(.proved | not) | .reason'
    """
    with problems():
        if deny and dry_run:
            raise Refusal("--deny: needs real exchanges; leave --dry-run out.")
        chosen = read_stack(stack)
        cases = chosen.cases(grants or (), realm)
        connection = chosen.connection(url)
        warn_of_connection(connection)
        user = Subject(as_user, "" if dry_run else password(as_user)) if as_user else None
        session = session_for(connection)
        embedded = connection.is_embedded()
        read = embedded if read_secrets is None else read_secrets
        may_ask = person() and not dry_run and bool(user or embedded)
        everybody = dict.fromkeys(
            (each.realm, name) for each in chosen.cases() for name in (each.source, each.requester)
        )
        secrets = ClientSecrets(session, os.environ, read=read, ask=ask if may_ask else None, among=everybody)
        if may_ask:
            prefetch(cases, secrets)
        todo = attempts(session, cases, chosen.cases(), chosen.guards) if deny else []
        with _tokens_left() as left_open:
            verdicts = _run(session, cases, chosen.cases(), user, secrets, dry_run, left_open)
            denials = _deny(session, todo, user, secrets, left_open) if todo else []
    _show(verdicts, denials, connection.url, as_json)
    raise typer.Exit(_code(verdicts, denials))


def _code(verdicts: Sequence[Verdict], denials: Sequence[Denial]) -> int:
    if any(verdict.is_wrong for verdict in verdicts) or any(denial.result == UNDECLARED for denial in denials):
        return REFUSED
    open_ = not all(each.proved for each in verdicts) or not all(denial.proved for denial in denials)
    return LOOKED if open_ else 0


@contextmanager
def _tokens_left() -> Iterator[list[str]]:
    """Collects what could not be ended. It is reported however the command ends."""
    left_open: list[str] = []
    try:
        yield left_open
    finally:
        for problem in dict.fromkeys(left_open):
            print_line(f"warning: {problem}", err=True)


@contextmanager
def _progress(first: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """A progress bar on a terminal. Gives a function that takes the number done and the next step."""
    console = Screen(stderr=True)
    with Progress(
        SpinnerColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True)),
        console=console,
        expand=True,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(first, total=total)
        yield lambda done, what: progress.update(task, completed=done, description=escape(what))


def _run(
    session: Session,
    cases: Sequence[Case],
    givers: Sequence[Case],
    user: Subject | None,
    secrets: Secrets,
    dry_run: bool,
    left_open: list[str],
) -> list[Verdict]:
    with _progress("logging in", len(cases)) as tell:

        def began(number: int, case: Case) -> None:
            tell(number - 1, f"{case.grant}: {case.source} → {case.target}, {case.flow}")

        return verify(session, cases, user, secrets, began, givers=givers, dry_run=dry_run, left_open=left_open)


def _deny(
    session: Session, todo: Sequence[Attempts], user: Subject | None, secrets: Secrets, left_open: list[str]
) -> list[Denial]:
    for each in todo:
        count = f"{len(each.exchanges)} exchanges that no grant declares, among {len(each.clients)} clients"
        print_line(f"deny: will try {count} of realm {each.realm}.", err=True)
    with _progress("logging in", sum(len(each.exchanges) for each in todo)) as tell:
        return deny_all(session, todo, user, secrets, tell, left_open)


def _show(verdicts: Sequence[Verdict], denials: Sequence[Denial], url: str, as_json: bool) -> None:
    if as_json:
        print_text(report.as_json(verdicts, deny_report.objects(denials)))
        return
    console = Screen()
    sentence = report.summary(verdicts, url)
    denied = [deny_report.summary(denials)] if denials else []
    open_ = deny_report.lines(denials)
    if not console.is_terminal:
        for line in (*report.as_lines(verdicts), *(line for line, _ in open_), sentence, *denied):
            print_line(line)
        return
    if verdicts:
        console.print(report.as_table(verdicts, console.width))
        console.print()
    for line, style in open_:
        say(console, line, style)
    say(console, sentence, COLOURS.get(_code(verdicts, ()), "red"))
    for line in denied:
        say(console, line, COLOURS.get(_code((), denials), "red"))
