"""``python -m exchange graph``."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from exchange.graph import report
from exchange.graph.graph import ALLOWED, BY_ROLES, DEAD, DECLARED, IMPLIED, UNDECLARED, Edge, Graph, graph_of
from exchange.graph.page import as_page
from exchange.stack.place import Place, find_place
from exchange.terminal import options
from exchange.terminal.console import LOOKED, REFUSED, busy, problems, warn_of_connection
from exchange.terminal.files import write_whole
from exchange.terminal.printing import say
from exchange.terminal.screen import Screen, print_line, print_text
from kcadmin.rest.errors import InvalidSettings, Refusal
from kcadmin.rest.texts import harmless_lines, meant, named
from reach.allowed import realm_reach
from reach.roles import survey_roles
from reach.survey import Progress, survey

EPILOG = "See docs/graph.md for what each kind means, and for what is not judged."


class ShownKind(str, Enum):
    """The values of ``--kind``."""

    undeclared, dead, implied, declared, allowed, roles = UNDECLARED, DEAD, IMPLIED, DECLARED, ALLOWED, BY_ROLES


class Failing(str, Enum):
    """The values of ``--fail-on``."""

    undeclared, dead, implied, roles = UNDECLARED, DEAD, IMPLIED, BY_ROLES


def graph_command(
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            show_default=False,
            help="Write one interactive HTML page, which needs no network.",
        ),
    ] = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart.")] = False,
    as_json: options.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default="standard output",
            help="The file to write --mermaid or --json to.",
        ),
    ] = None,
    fail_on: Annotated[
        list[Failing] | None,
        typer.Option(
            "--fail-on",
            metavar="KIND",
            show_default=False,
            help="Exit with 1 if an exchange is undeclared, dead, implied or roles; repeat for more.",
        ),
    ] = None,
    kind: Annotated[
        list[ShownKind] | None,
        typer.Option(
            "--kind", metavar="KIND", show_default="all but roles", help="Print only this kind; repeat for more."
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option("--client", metavar="ID", show_default=False, help="Print only exchanges with this client."),
    ] = None,
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
    """Show every exchange that a realm allows, and which of them the stack declares.

    Computed from the realm's state, of both exchanges, with what grants open together; nothing is exchanged or changed.

    [bold]declared[/bold]: a grant names it. [bold]implied[/bold]: grants open it together. [bold]undeclared[/bold]: something
    else does. [bold]dead[/bold]: declared, and refused. [bold]roles[/bold]: only roles of the token's user open it.

    [bold]Examples[/bold]

    python -m exchange graph --html graph.html

    python -m exchange graph --fail-on undeclared --fail-on dead

    python -m exchange graph --url https://keycloak.example.com --realm production --mermaid -o graph.mmd
    """
    with problems():
        if mermaid and as_json:
            raise InvalidSettings(["--mermaid: cannot be printed together with --json; choose one."])
        if output and not (mermaid or as_json):
            raise InvalidSettings(["--output: needs --mermaid or --json; give one of them."])
        login = options.login(admin_username, client_id, login_realm, ca_certificate, public_url, insecure_http)
        place = find_place(stack, url, realm, login)
        if place.stack is None and {*(fail_on or ())} - {Failing.roles}:
            raise InvalidSettings(["--fail-on: there is no stack to compare with; give --stack NAME, or leave it out."])
        warn_of_connection(place.connection)
        with busy("reading the realm") as tell:
            graph = _look(place, lambda what: tell(f"reading the realm: {what}"))
        if client and client not in graph.clients:
            remedy = meant(client, graph.clients) or "correct --client."
            raise Refusal(f"client {named(client)} in realm {named(graph.realm)}: does not exist; {remedy}")
        edges = report.shown_edges(graph, [each.value for each in kind or ()], client)
        if html:
            made = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
            _write(html, as_page(graph, graph.edges, made))
        if mermaid:
            _print(output, report.as_mermaid(graph, edges))
        elif as_json:
            _print(output, report.as_json(graph, edges) + "\n")
        else:
            _show(graph, edges, html)
    for note in (*graph.notes, *_elsewhere(place)):
        print_line(f"warning: {note}.", err=True)
    failing = [each.value for each in fail_on or () if graph.count(each.value)]
    for each in dict.fromkeys(failing):
        print_text(f"error: realm {named(graph.realm)}: {graph.count(each)} {report.word(each)}.", err=True)
    unsure = Failing.dead in (fail_on or ()) and graph.notes  # what is not judged may only refuse more exchanges
    raise typer.Exit(REFUSED if failing else LOOKED if unsure else 0)


def _look(place: Place, progress: Progress) -> Graph:
    found = survey(place.session, place.realm, progress)
    reach = realm_reach(found, survey_roles(place.session, found, progress))
    return graph_of(reach, place.realm, place.connection.url, place.cases(), place.reasons)


def _elsewhere(place: Place) -> Iterator[str]:
    """The stack's grants in other realms, a sentence each."""
    realms = {case.realm for case in place.stack.cases()} if place.stack else set()
    for realm in sorted(realms - {place.realm}):
        yield f"realm {named(realm)}: has grants of this stack, too; show them with --realm {realm}"


def _show(graph: Graph, edges: Sequence[Edge], html: Path | None) -> None:
    console = Screen()
    sentence = report.summary(graph)
    if not console.is_terminal:
        for line in (*report.as_lines(graph, edges), sentence):
            print_line(line)
        return
    if edges:
        console.print(report.as_table(graph, edges))
        console.print()
    bad = graph.count(UNDECLARED) or graph.count(DEAD)
    say(console, sentence, "red" if bad else "green")
    if html:
        say(console, f"The page is in {html}.")


def _print(output: Path | None, text: str) -> None:
    text = harmless_lines(text)
    if output:
        _write(output, text)
    else:
        print_text(text, nl=False)


def _write(file: Path, text: str) -> None:
    try:
        write_whole(file, text)
    except OSError as problem:
        raise Refusal(f"file {named(file)}: cannot be written ({problem.strerror}); give another path.") from None
