"""``python -m exchange inventory``."""

from pathlib import Path
from typing import Annotated

import typer

from exchange.inventory import config_file, report
from exchange.inventory.grants import Inventory
from exchange.stack.place import find_place
from exchange.terminal import options
from exchange.terminal.console import REFUSED, busy, problems, warn_of_connection
from exchange.terminal.printing import say
from exchange.terminal.screen import Screen, print_line, print_text
from kcadmin.rest.session import Session

EPILOG = "See docs/inventory.md for what becomes a grant, and what cannot."


def inventory_command(
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Put the grants into this stack's config, Pulumi.<stack>.yaml, or into its grantsFile.",
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace grants that are already in that file.")] = False,
    as_json: options.AsJson = False,
    stack: options.Stack = None,
    url: options.Url = None,
    realm: options.Realm = None,
    admin_username: options.AdminUsername = None,
    client_id: options.ClientId = None,
    login_realm: options.LoginRealm = None,
    ca_certificate: options.CaCertificate = None,
    public_url: options.PublicUrl = None,
    insecure_http: options.InsecureHttp = False,
) -> None:
    """Write the exchanges that a hand-made realm allows as grants, in a stack's config.

    Reads permissions, policies, audience mappers, client scopes and switches, whatever their names; writes nothing to Keycloak.
    The config goes to standard output, remarks go to standard error. Exit code 1: something is not carried over.

    [bold]Examples[/bold]

    python -m exchange inventory --url https://keycloak.example.com --realm production

    python -m exchange inventory --url http://127.0.0.1:8080 --realm secure-test --write Pulumi.test.yaml --replace
    """
    with problems():
        login = options.login(admin_username, client_id, login_realm, ca_certificate, public_url, insecure_http)
        place = find_place(stack, url, realm, login)
        warn_of_connection(place.connection)
        found = _look(place.session, place.realm)
        written = config_file.write(found, place.connection.url, write, replace=replace) if write else None
    if as_json:
        print_text(report.as_json(found, place.connection.url, written))
    elif not write:
        print_text(config_file.as_config(found, place.connection.url), nl=False)
    if written == write and (large := config_file.size_warning(found)):
        print_line(large, err=True)
    _show(found, written, as_json)
    raise typer.Exit(REFUSED if found.lost else 0)


def _look(session: Session, realm: str) -> Inventory:
    with busy("reading") as tell:
        return config_file.take_inventory(session, realm, lambda what: tell(f"reading {what}"))


def _show(found: Inventory, written: Path | None, as_json: bool) -> None:
    """Prints remarks to standard error, so that the config can be piped."""
    console = Screen(stderr=True)
    said = report.summary(found, written)
    if console.is_terminal:
        if found.findings:
            console.print(report.as_table(found.findings))
            console.print()
        say(console, said, "red" if found.lost else "green")
    else:
        for line in (*(() if as_json else report.as_lines(found.findings)), said):
            print_line(line, err=True)
