"""The commands: ``python -m exchange verify …``. Exit codes: 0 good, 1 refused or broken, 2 usage, 3 dry run, 4 unreachable."""

import inspect

import typer

from exchange.audit import command as audit
from exchange.bootstrap import command as bootstrap
from exchange.doctor import command as doctor
from exchange.graph import command as graph
from exchange.inventory import command as inventory
from exchange.migrate import command as migrate
from exchange.rebind import command as rebind
from exchange.release import command as release
from exchange.terminal.console import show_python_warnings
from exchange.verify import command as verify

# Locals hold secrets and tokens: a traceback must never print them.
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


def exchange(context: typer.Context) -> None:
    """Day-2 commands on the token exchange grants of a Pulumi stack.

    Reads the stack with the [bold]pulumi[/bold] command; run it in the project's folder.

    Exit codes: 0 proved or done, 1 something was refused, is broken or was found, 2 usage or settings, 3 a dry run, or not
    everything could be checked, 4 the server gave no answer.
    """
    show_python_warnings()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _flowing(documented: object) -> str:
    """A docstring whose paragraphs fill any terminal: typer keeps the line ends of all but the first."""
    return "\n\n".join(" ".join(each.split()) for each in (inspect.getdoc(documented) or "").split("\n\n"))


app.callback(invoke_without_command=True, help=_flowing(exchange))(exchange)
app.command("verify", epilog=verify.EPILOG)(verify.verify_command)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor_command)
app.command("graph", epilog=graph.EPILOG)(graph.graph_command)
app.command("audit", epilog=audit.EPILOG)(audit.audit_command)
app.command("inventory", epilog=inventory.EPILOG)(inventory.inventory_command)
app.command("release", epilog=release.EPILOG)(release.release_command)
app.add_typer(migrate.app, name="migrate")
app.command("rebind", epilog=rebind.EPILOG)(rebind.rebind_command)
app.command("bootstrap", epilog=bootstrap.EPILOG)(bootstrap.bootstrap_command)
for command in (*app.registered_commands, *migrate.app.registered_commands):
    command.help = _flowing(command.callback)


def main() -> None:
    """Runs the command that the arguments name."""
    app(prog_name="python -m exchange")
