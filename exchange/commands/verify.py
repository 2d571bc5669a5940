"""``python -m exchange verify``."""

import os
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from exchange import report
from exchange.console import REFUSED, ask, password, person, problems, warn_of_insecure_tls
from exchange.stack import read_stack
from exchange.verify import prefetch, verify
from kcadmin.client_secrets import ClientSecrets
from kcadmin.proof import USER, USER_PASSWORD, Case, Secrets, Subject, Verdict
from kcadmin.session import Session, session_for

EPILOG = "See docs/verify.md for what is checked, and for every setting."


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
    with problems():
        chosen = read_stack(stack)
        cases = chosen.cases(grants or (), realm)
        connection = chosen.connection(url)
        warn_of_insecure_tls(connection)
        user = Subject(as_user, password(as_user)) if as_user else None
        session = session_for(connection)
        read = connection.is_local if read_secrets is None else read_secrets
        secrets = ClientSecrets(session, os.environ, read=read, ask=ask if person() else None)
        verdicts, left_open = _run(session, cases, user, secrets)
    _show(verdicts, connection.url, as_json)
    for problem in left_open:
        typer.echo(f"warning: {problem}", err=True)
    raise typer.Exit(0 if all(verdict.proved for verdict in verdicts) else REFUSED)


def _run(
    session: Session, cases: Sequence[Case], user: Subject | None, secrets: Secrets
) -> tuple[list[Verdict], list[str]]:
    if person():
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
