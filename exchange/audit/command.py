"""``python -m exchange audit``."""

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

import typer
from rich.console import Console

from exchange.audit import report
from exchange.audit.audit import Audit, Record, Wanted, parse_moment, switched_off
from exchange.stack.place import find_place
from exchange.terminal import options
from exchange.terminal.console import LOOKED, REFUSED, busy, problems, warn_of_connection
from exchange.terminal.screen import Screen, print_text
from kcadmin.objects.features import LEGACY
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.texts import named

EPILOG = "See docs/audit.md for what events contain and what they leave out."
ON_A_TERMINAL, BEFORE_FOLLOWING = 100, 10
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", show_default=False, help="Only exchanges since then: 2h, 7d, 2026-01-31."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", show_default=False, help="Only exchanges before then.")
]
Grant = Annotated[
    str | None,
    typer.Option("--grant", metavar="NAME", show_default=False, help="Only exchanges that may belong to this grant."),
]
Client = Annotated[
    str | None,
    typer.Option(
        "--client",
        metavar="ID",
        show_default=False,
        help="Only exchanges with this requester, subject token's client or audience.",
    ),
]
User = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="NAME",
        show_default=False,
        help="Only exchanges of this user, by name or id. By name, legacy events need the role view-users.",
    ),
]
Unused = Annotated[
    int | None,
    typer.Option(
        "--unused",
        metavar="DAYS",
        min=1,
        show_default=False,
        help="List grants without an allowed exchange in the last DAYS days.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        show_default=f"{ON_A_TERMINAL} on a terminal, {BEFORE_FOLLOWING} before --follow, else all",
        help="Only the newest N exchanges.",
    ),
]


def audit_command(
    since: Since = None,
    until: Until = None,
    grant: Grant = None,
    client: Client = None,
    user: User = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only refused exchanges.")] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Count by grant, exchange and result.")] = False,
    unused: Unused = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep running and print new exchanges; Ctrl-C ends it.")
    ] = False,
    limit: Limit = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
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
    """Show who exchanged what, when, from where, allowed or refused, and by which grant.

    Read from the realm's events, which must be switched on: [bold]events: true[/bold] in the stack's config. Needs the
    role view-events. Refused exchanges are not a failure. [bold]--unused[/bold] ends with 1 if it finds some, and with 3 if
    events do not reach back far enough.

    [bold]Examples[/bold]

    python -m exchange audit --since 2h --refused

    python -m exchange audit --summary --since 7d

    python -m exchange audit --unused 30

    python -m exchange audit --follow --json | jq -c 'select(.grants == \\[])'

    python -m exchange audit --url https://keycloak.example.com --realm production --csv > exchanges.csv
    """
    with problems():
        _refuse_together(follow=follow, summary=summary, unused=unused, until=until, as_csv=as_csv, as_json=as_json)
        login = options.login(admin_username, client_id, login_realm, ca_certificate, public_url, insecure_http)
        place = find_place(stack, url, realm, login)
        warn_of_connection(place.connection)
        audit, now = Audit(place), time.time()
        wanted = Wanted(
            parse_moment(since, now) if since else None,
            parse_moment(until, now) if until else None,
            grant,
            client,
            user,
            refused,
        )
        if unused:
            _tell_unused(audit, unused, as_json)
        config = audit.config()
        if not config.enabled or config.lacking:
            print_text(f"warning: events of realm {named(place.realm)}: {switched_off(config)}", err=True)
        if audit.ids_of(user) is None:
            print_text(f"warning: --user: {report.BY_NAME_ALONE}", err=True)
        if follow:
            _follow(audit, wanted, limit or BEFORE_FOLLOWING, as_csv=as_csv, as_json=as_json)
            return
        console = Screen()
        plain = as_csv or as_json or summary or not console.is_terminal
        records = _read(audit.records(wanted), limit or (None if plain else ON_A_TERMINAL))
    if summary:
        _show_summary(records, console, as_json)
    elif as_json:
        print_text(report.as_json(records, audit.reasons))
    elif as_csv:
        print_text("\n".join(report.as_csv_row(record, audit.reasons) for record in (None, *records)))
    else:
        _show(records, audit, console)


def _refuse_together(
    *, follow: bool, summary: bool, unused: int | None, until: str | None, as_csv: bool, as_json: bool
) -> None:
    given = {"--follow": follow, "--summary": summary, "--unused": unused, "--until": until}
    given |= {"--csv": as_csv, "--json": as_json}
    for one, *others in (
        ("--follow", "--summary", "--unused", "--until"),
        ("--unused", "--summary", "--csv"),
        ("--csv", "--json", "--summary"),
    ):
        for other in others:
            if given[one] and given[other]:
                raise InvalidSettings([f"{one}: cannot go with {other}; leave one of them out."])


def _read(records: Iterator[Record], limit: int | None) -> list[Record]:
    """The newest records, oldest first. Shows the progress on a terminal."""
    found: list[Record] = []
    with busy("reading events") as tell:
        for record in islice(records, limit):
            found.append(record)
            if len(found) % 100 == 0:
                tell(f"{len(found)} events, back to {report.moment(record.event.at)}")
    return found[::-1]


def _show(records: list[Record], audit: Audit, console: Console) -> None:
    if console.is_terminal and records:
        console.print(report.as_table(records, audit.reasons))
        console.print()
    elif records:
        print_text("\n".join(map(report.as_line, records)))
    print_text(report.summed_up(records, audit))
    _notes(records)


def _show_summary(records: list[Record], console: Console, as_json: bool) -> None:
    if as_json:
        print_text(json.dumps(report.summary_objects(records), indent=2))
        return
    if console.is_terminal:
        console.print(report.summary_table(records))
    elif records:
        print_text("\n".join(report.summary_lines(records)))
    _notes(records)


def _notes(records: list[Record]) -> None:
    if any(record.event.exchange == LEGACY for record in records):
        print_text(report.LEGACY_LEAVES_OUT, err=True)
    print_text(report.LOG_NOTE, err=True)


def _follow(audit: Audit, wanted: Wanted, limit: int, *, as_csv: bool, as_json: bool) -> None:
    """Prints until Ctrl-C, which is how it is meant to end."""
    try:
        if as_csv:
            print_text(report.as_csv_row(None))
        for record in audit.follow(wanted, limit):
            if as_json:
                print_text(json.dumps(report.as_object(record, audit.reasons)))
            else:
                print_text(report.as_csv_row(record, audit.reasons) if as_csv else report.as_line(record))
    except KeyboardInterrupt:
        return


def _tell_unused(audit: Audit, days: int, as_json: bool) -> None:
    """:raises typer.Exit: always, with the exit code for the result."""
    found, note = audit.unused(days), report.kept_note(audit.config(), days)
    if as_json:
        print_text(json.dumps([report.unused_object(each, audit.reasons.get(each.grant)) for each in found], indent=2))
    elif found:
        print_text("\n".join(report.unused_line(each, days, audit.reasons.get(each.grant)) for each in found))
    else:
        print_text(f"Every grant of this stack in realm {audit.place.realm} was used in the last {days} days.")
    if note and not all(each.certain for each in found):
        print_text(note, err=True)
    certain = any(each.certain for each in found)
    raise typer.Exit(REFUSED if certain else LOOKED if found else 0)
