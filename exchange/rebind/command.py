"""``python -m exchange rebind``."""

from pathlib import Path
from typing import Annotated

import typer

from exchange.rebind import rebind
from exchange.stack.stack import run_pulumi, stack_config
from exchange.stack.state import read_state
from exchange.terminal.console import LOOKED, REFUSED, person, problems, warn_of_connection
from exchange.terminal.options import Stack
from exchange.terminal.screen import print_line, print_text
from exchange.terminal.version_control import warn_unless_ignored
from kcadmin.rest.connection import read_connection
from kcadmin.rest.errors import Refusal
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import named

EPILOG = "See docs/lifecycle.md, The wrong server."


def rebind_command(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change; ends with exit code 3.")
    ] = False,
    backup: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default="<stack>-<time>.state.json", help="The file to keep the former state in."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as a JSON object.")] = False,
    stack: Stack = None,
) -> None:
    """Accept a moved server, or a realm that was created again from an export, as this stack's own.

    Set the stack's [bold]url[/bold] first. The clients must exist under the same client ids. Only Pulumi's state is
    changed; a file keeps the former one. Nothing is written to Keycloak.

    [bold]Examples[/bold]

    python -m exchange rebind --dry-run

    python -m exchange rebind --stack prod --yes --backup before.json
    """
    with problems():
        chosen = ["--stack", stack] if stack else []
        config = stack_config(run_pulumi, chosen)
        connection = read_connection(config.get)
        warn_of_connection(connection)
        state = read_state(run_pulumi, chosen)
        moves, faults = rebind.compare_server(session_for(connection), state)
        for fault in faults:
            print_line(f"error: {fault}", err=True)
        if faults:
            raise typer.Exit(REFUSED)
        document = rebind.rebound(state, moves, connection.url, config)
        changed = document != state.document
        if not as_json:
            print_text("\n".join(rebind.as_lines(state, moves, document)))
        kept = None
        if changed and not dry_run:
            _confirm_rebind(yes)
            kept = rebind.store(run_pulumi, chosen, state, document, backup)
            warn_unless_ignored(kept, "a stack's state")
        if as_json:
            print_text(rebind.as_json(state, moves, document, kept))
        elif kept:
            print_text(f"Done. The former state is in {named(kept)}; `pulumi stack import --file {kept}` restores it.")
            print_text("Next: `pulumi refresh`, then `pulumi up`.")
    raise typer.Exit(LOOKED if changed and dry_run else 0)


def _confirm_rebind(yes: bool) -> None:
    """Asks on the terminal, unless there is ``--yes``. :raises Refusal: there is nobody to ask."""
    if yes:
        return
    if not person():
        raise Refusal("rebind: cannot ask without a terminal; check --dry-run, then give --yes.")
    typer.confirm("Is this server the stack's own, moved or restored?", abort=True, err=True)
