"""``python -m exchange doctor``."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from exchange.doctor import report
from exchange.doctor.doctor import Asked, Diagnosis, Doctor
from exchange.doctor.realm_reader import AnswerCache
from exchange.doctor.rules import Broken, broken_rules
from exchange.stack import stack as stacks
from exchange.stack.place import Place, find_place
from exchange.stack.stack import StackProblem
from exchange.terminal.console import LOOKED, REFUSED, busy, problems, warn_of_connection
from exchange.terminal.options import (
    AdminUsername,
    AsJson,
    CaCertificate,
    ClientId,
    InsecureHttp,
    LoginRealm,
    PublicUrl,
    Realm,
    Stack,
    Url,
    login,
)
from exchange.terminal.printing import say
from exchange.terminal.screen import Screen, print_line, print_text
from reach.proof import USER, Case

EPILOG = "See docs/doctor.md for every cause that doctor knows, and for what it checks."
STDIN = "-"


def doctor_command(
    grants: Annotated[
        list[str] | None,
        typer.Argument(metavar="GRANT", show_default=False, help="Names of grants. Default: all grants of the stack."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="CLIENT", show_default=False, help="The client that the user's token was issued for."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="CLIENT", show_default=False, help="The client that the exchanged token is for."),
    ] = None,
    requester: Annotated[
        str | None,
        typer.Option(
            metavar="CLIENT",
            show_default="by the flow",
            help="The client that calls the token endpoint, if it is a third one.",
        ),
    ] = None,
    flow: Annotated[
        Literal["recipient", "requester"] | None,
        typer.Option(show_default="the grant's", help="Who asks. recipient: the target. requester: the source."),
    ] = None,
    exchange: Annotated[
        Literal["standard", "legacy"] | None,
        typer.Option(show_default="the grant's, or the one that answers", help="The exchange to check."),
    ] = None,
    error: Annotated[
        str | None,
        typer.Option(metavar="TEXT", show_default=False, help="Keycloak's answer: its text, its JSON, or - for stdin."),
    ] = None,
    as_user: Annotated[
        str | None,
        typer.Option(metavar="NAME", envvar=USER, help="Check with this user's roles; no password is needed."),
    ] = None,
    as_json: AsJson = False,
    stack: Stack = None,
    url: Url = None,
    realm: Realm = None,
    admin_username: AdminUsername = None,
    client_id: ClientId = None,
    login_realm: LoginRealm = None,
    ca_certificate: CaCertificate = None,
    public_url: PublicUrl = None,
    insecure_http: InsecureHttp = False,
) -> None:
    """Find out why an exchange is refused, and what to change.

    Reads the realm and writes nothing: features, clients, switches, the content of fresh tokens, permissions and policies,
    guards, events. Without a source and a target: at every grant of the stack, and at the rules of the
    policy pack. The requester's secret is compared where KEYCLOAK_CLIENT_SECRET_<CLIENT> holds it.

    [bold]Examples[/bold]

    python -m exchange doctor

    python -m exchange doctor orders-to-billing --as-user testuser2

    python -m exchange doctor --source shop --target orders --error "Client not allowed to exchange"

    curl … /token | python -m exchange doctor --source shop --target orders --error -

    python -m exchange doctor --url https://keycloak.example.com --realm r --source shop --target orders
    """
    with problems():
        if (source is None) != (target is None) or (grants and source):
            raise StackProblem("doctor: takes --source and --target together, or names of grants; give one of the two.")
        place = find_place(
            stack, url, realm, login(admin_username, client_id, login_realm, ca_certificate, public_url, insecure_http)
        )
        if place.stack is None and source is None:
            raise StackProblem("doctor: without a stack there are no grants to check; give --source and --target.")
        warn_of_connection(place.connection)
        text = sys.stdin.read() if error == STDIN else error
        asked = Asked(source, target, requester, flow, exchange, as_user, text)
        doctor = Doctor(AnswerCache(place.session), asked, os.environ)
        cases = doctor.cases(place.stack, place.realm, grants or (), within=realm)
        diagnoses = _look(doctor, cases)
        whole = place.stack is not None and source is None and not grants
        rules = broken_rules(stacks.run_pulumi, ["--stack", stack] if stack else []) if whole else None
    if text and any(each.reading is None for each in diagnoses):
        print_text("warning: the error text is not one of Keycloak's known texts; it is ignored.", err=True)
    _show(diagnoses, rules, place, as_json)
    ill = any(each.findings for each in diagnoses) or any(each.mandatory for each in rules or ())
    unseen = any(each.unseen for each in diagnoses)
    raise typer.Exit(REFUSED if ill else LOOKED if unseen else 0)


def _look(doctor: Doctor, cases: Sequence[Case]) -> list[Diagnosis]:
    with busy("logging in") as tell:

        def began(number: int, case: Case) -> None:
            tell(f"{case.source} → {case.target}, {case.flow} ({number} of {len(cases)})")

        doctor.cache.expect(cases)
        return doctor.examine(cases, began)


def _show(diagnoses: Sequence[Diagnosis], rules: Sequence[Broken] | None, place: Place, as_json: bool) -> None:
    if as_json:
        print_text(report.as_json(diagnoses, rules))
        return
    console = Screen()
    sentence = report.summary(diagnoses, rules, place.connection.url)
    if not console.is_terminal:
        for line in (*report.as_lines(diagnoses, rules), sentence):
            print_line(line)
        return
    for each in diagnoses:
        for block in report.as_blocks(each):
            console.print(block)
    for block in report.rules_as_blocks(rules or ()):
        console.print(block)
    good = not any(each.findings for each in diagnoses) and not any(each.mandatory for each in rules or ())
    say(console, sentence, "green" if good else "red")
