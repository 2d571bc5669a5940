"""The commands: ``python -m exchange verify …``. Exit codes: 0 good, 1 refused or broken, 2 usage, 3 dry run, 4 unreachable."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from exchange import bootstrap, rebind, report
from exchange.console import ask, password, person, problems, warn_of_insecure_tls
from exchange.stack import read_config, read_stack, run_pulumi
from exchange.verify import prefetch, verify
from kcadmin import robot
from kcadmin.client_secrets import ClientSecrets
from kcadmin.connection import ADMIN_PASSWORD, read_connection
from kcadmin.errors import InvalidSettings, Refusal
from kcadmin.proof import USER, USER_PASSWORD, Case, Secrets, Subject, Verdict
from kcadmin.session import Session, session_for

REFUSED, LOOKED = 1, 3

# Locals hold secrets and tokens: a traceback must never print them.
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def exchange(context: typer.Context) -> None:
    """Day-2 commands on the token exchange grants of a Pulumi stack.

    Reads the stack with the [bold]pulumi[/bold] command; run it in the project's folder.

    Exit codes: 0 all proved or done, 1 something refused or broken, 2 usage or settings, 3 a dry run that would change
    something, 4 the server gave no answer.
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


@app.command("rebind", epilog="See docs/lifecycle.md, The wrong server.")
def rebind_command(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change; exit code 3.")] = False,
    backup: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default="<stack>-<time>.state.json", help="Where the state as it was is kept."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as an object.")] = False,
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", show_default="the selected one", help="The stack.")
    ] = None,
) -> None:
    """Accept a server that moved, or a realm that was made anew from an export, as this stack's own.

    Set the stack's [bold]url[/bold] first. Clients must be there by their client ids. Pulumi's state is changed, and kept in
    a file as it was; nothing is written to Keycloak.
    """
    with problems():
        chosen = ["--stack", stack] if stack else []
        config = read_config(run_pulumi, chosen)
        connection = read_connection(config.get)
        warn_of_insecure_tls(connection)
        state = rebind.read_state(run_pulumi, chosen)
        moves, faults = rebind.survey(session_for(connection), state)
        for fault in faults:
            typer.echo(f"error: {fault}", err=True)
        if faults:
            raise typer.Exit(REFUSED)
        document = rebind.rebound(state, moves, connection.url, config)
        changed = document != state.document
        if not as_json:
            typer.echo("\n".join(rebind.as_lines(state, moves, document)))
        kept = None
        if changed and not dry_run:
            _confirm_rebind(yes)
            kept = rebind.store(run_pulumi, chosen, state, document, backup)
        if as_json:
            typer.echo(rebind.as_json(state, moves, document, kept))
        elif kept:
            typer.echo(f"Done. The state as it was is in '{kept}'; `pulumi stack import --file {kept}` brings it back.")
            typer.echo("Next: `pulumi refresh`, then `pulumi up`.")
    raise typer.Exit(LOOKED if changed and dry_run else 0)


@app.command("bootstrap", epilog="See docs/own-keycloak.md, A robot instead of an administrator.")
def bootstrap_command(
    realm: Annotated[str, typer.Option(metavar="NAME", help="The realm that the robot lives in and manages.")],
    url: Annotated[str, typer.Option(metavar="URL", envvar="KEYCLOAK_URL", help="Keycloak's base address.")],
    client_id: Annotated[str, typer.Option(metavar="ID", help="The robot's client id.")] = "pulumi-token-exchange",
    legacy: Annotated[bool, typer.Option("--legacy", help="For legacy grants too: view-authorization.")] = False,
    guards: Annotated[bool, typer.Option("--guards", help="For guards: manage-realm.")] = False,
    realm_roles: Annotated[
        bool, typer.Option("--realm-roles", help="For requiredRoles of the realm: manage-realm.")
    ] = False,
    dry_runs: Annotated[bool, typer.Option("--dry-runs", help="For dry runs for a user: view-users.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="For the audit: view-events.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLIENT",
            show_default=False,
            help="May manage this client alone; once for each. Switches the realm's admin permissions on.",
        ),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default="<client id>.pem", help="Where its private key is.")
    ] = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="Make another key; the old one ends at once.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the robot instead.")] = False,
    admin_username: Annotated[str, typer.Option(metavar="NAME", help="Who makes it.")] = "admin",
    login_realm: Annotated[str, typer.Option(metavar="NAME", help="The administrator's realm.")] = "master",
    ca_certificate: Annotated[str, typer.Option(metavar="FILE", help="PEM file of the server's CA.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as an object.")] = False,
) -> None:
    """Make the client that manages grants instead of an administrator, with exactly the roles it needs.

    It logs in by private_key_jwt; the key never leaves its file. The administrator's password comes from KEYCLOAK_ADMIN_PASS,
    or is asked for. Run again with other options to change its roles.

    [bold]Examples[/bold]

    python -m exchange bootstrap --url https://keycloak.example.com --realm production

    python -m exchange bootstrap --url http://127.0.0.1:8080 --realm secure-test --legacy --guards --json
    """
    with problems():
        config = {
            "url": url,
            "adminUsername": admin_username,
            "loginRealm": login_realm,
            "caCertificate": ca_certificate,
        }
        if person() and not os.environ.get(ADMIN_PASSWORD):
            config["adminPassword"] = ask(f"Password of '{admin_username}'")
        connection = read_connection(config.get)
        if remove:
            gone = bootstrap.remove(connection, realm, client_id)
            typer.echo(f"Client '{client_id}' in realm '{realm}': {'deleted' if gone else 'was not there'}.")
            return
        wished = {robot.LEGACY: legacy, robot.GUARDS: guards, robot.REALM_ROLES: realm_roles}
        wished |= {robot.DRY_RUNS: dry_runs, robot.AUDIT: audit}
        roles = robot.roles_for([robot.STANDARD, *(purpose for purpose, on in wished.items() if on)])
        if only and any(wished.values()):
            raise InvalidSettings(
                ["--only: reaches standard grants without conditions alone; leave the other purposes out."]
            )
        made = bootstrap.bootstrap(
            connection, realm, client_id, roles, key or Path(f"{client_id}.pem"), only=only or (), new_key=new_key
        )
    typer.echo(bootstrap.as_json(made) if as_json else "\n".join(bootstrap.as_lines(made)))


def main() -> None:
    """Runs the command that the arguments name."""
    app(prog_name="python -m exchange")


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


def _confirm_rebind(yes: bool) -> None:
    """Asks a person; nobody else says yes without ``--yes``. :raises Refusal: there is nobody to ask."""
    if yes:
        return
    if not person():
        raise Refusal("rebind: nobody is here to be asked; read what --dry-run says, and give --yes.")
    typer.confirm("Is this server the stack's own, moved or restored?", abort=True, err=True)
