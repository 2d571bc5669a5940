"""The commands: ``python -m exchange verify …``. Exit codes: 0 proved, 1 refused or broken, 2 usage, 4 unreachable."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from exchange import report
from exchange.stack import read_stack
from exchange.verify import prefetch, verify
from kcadmin.client_secrets import ClientSecrets
from kcadmin.connection import Connection
from kcadmin.errors import KeycloakError, Refusal, Unreachable
from kcadmin.proof import USER, USER_PASSWORD, Case, Secrets, Subject, Verdict
from kcadmin.session import Session, session_for

REFUSED, USAGE, UNREACHABLE = 1, 2, 4

# Locals hold secrets and tokens: a traceback must never print them.
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def exchange(context: typer.Context) -> None:
    """Day-2 commands on the token exchange grants of a Pulumi stack.

    Reads the stack with the [bold]pulumi[/bold] command; run it in the project's folder.

    Exit codes: 0 all proved, 1 something refused or broken, 2 usage or settings, 4 the server gave no answer.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("verify", epilog="See docs/verify.md for what is checked, and for every setting.")
def verify_command(
    grants: Annotated[
        list[str] | None,
        typer.Argument(metavar="GRANT", show_default=False, help="Names of grants; without any, all of the stack."),
    ] = None,
    as_user: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar=USER,
            help=f"Exchange this user's tokens; the password comes from {USER_PASSWORD}, or "
            "is asked for. Without it: those of each source's service account.",
        ),
    ] = None,
    read_secrets: Annotated[
        bool | None,
        typer.Option(
            "--read-secrets/--no-read-secrets",
            show_default="on for a server on this machine",
            help="Read client secrets from the server where no KEYCLOAK_CLIENT_SECRET_<CLIENT> is set.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print objects with the claims of both tokens.")] = False,
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", show_default="the selected one", help="The stack.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", show_default="the stack's", help="Reach the server at this address.")
    ] = None,
    realm: Annotated[str | None, typer.Option(metavar="NAME", help="Only grants in this realm.")] = None,
) -> None:
    """Prove grants by real exchanges: log in, exchange the token, and look into the one that came out.

    Status 200 proves nothing: the signature, sub, azp, aud and which exchange answered are checked. Each token is
    ended.

    [bold]Examples[/bold]

    python -m exchange verify --as-user testuser2

    python -m exchange verify orders-to-billing --stack prod --no-read-secrets

    python -m exchange verify --json | jq '.\\[] | select(.proved | not) | .reason'
    """
    with _problems():
        chosen = read_stack(stack)
        cases = chosen.cases(grants or (), realm)
        connection = chosen.connection(url)
        _warn_of_insecure_tls(connection)
        user = Subject(as_user, _password(as_user)) if as_user else None
        session = session_for(connection)
        read = connection.is_local if read_secrets is None else read_secrets
        secrets = ClientSecrets(session, os.environ, read=read, ask=_ask if _person() else None)
        verdicts, left_open = _run(session, cases, user, secrets)
    _show(verdicts, connection.url, as_json)
    for problem in left_open:
        typer.echo(f"warning: {problem}", err=True)
    raise typer.Exit(0 if all(verdict.proved for verdict in verdicts) else REFUSED)


def main() -> None:
    """Runs the command that the arguments name."""
    app(prog_name="python -m exchange")


def _run(
    session: Session, cases: Sequence[Case], user: Subject | None, secrets: Secrets
) -> tuple[list[Verdict], list[str]]:
    if _person():
        prefetch(cases, secrets)
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("logging in", total=len(cases))

        def began(number: int, case: Case) -> None:
            said = escape(f"{case.grant}: {case.source} → {case.target}, {case.flow}")
            progress.update(task, completed=number - 1, description=said)

        return verify(session, cases, user, secrets, began)


def _show(verdicts: Sequence[Verdict], url: str, as_json: bool) -> None:
    if as_json:
        typer.echo(report.as_json(verdicts))
        return
    console = Console()
    sentence = report.summary(verdicts, url)
    if not console.is_terminal:
        for line in (*report.as_lines(verdicts), sentence):
            typer.echo(line)
        return
    if verdicts:
        console.print(report.as_table(verdicts, console.width))
        console.print()
    good = all(verdict.proved for verdict in verdicts)
    console.print(sentence, style="green" if good else "red", highlight=False, markup=False)


def _password(username: str) -> str:
    password = os.environ.get(USER_PASSWORD) or (_ask(f"Password of user '{username}'") if _person() else "")
    if not password:
        raise Refusal(f"user '{username}': is chosen without a password; set {USER_PASSWORD}.")
    return password


def _ask(what: str) -> str:
    return str(typer.prompt(what, hide_input=True, default="", show_default=False, err=True))


def _person() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _warn_of_insecure_tls(connection: Connection) -> None:
    if connection.insecure_tls:
        typer.echo("warning: config 'insecureTls': any certificate is accepted; use caCertificate instead.", err=True)


@contextmanager
def _problems() -> Iterator[None]:
    """Ends the command with a sentence and the exit code for a problem that stops it."""
    try:
        yield
    except Unreachable as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(UNREACHABLE) from None
    except KeycloakError as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(USAGE) from None
