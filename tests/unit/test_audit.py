"""Events read, attributed to grants and told: what each says, what it leaves out, and nothing that a terminal obeys."""

import csv
import io
import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from exchange import cli
from exchange.audit import audit, report
from exchange.audit.audit import Record, attribute, parse_moment, summary, switched_off
from kcadmin.objects.event_audiences import ClientIds
from kcadmin.objects.events import (
    DAY_SECONDS,
    EXCHANGED,
    NEEDED,
    REFUSED,
    Event,
    EventsConfig,
    with_needed,
    write_config,
)
from kcadmin.objects.realm import Realm
from kcadmin.objects.recorded_events import _kept, _on, serves
from kcadmin.rest.errors import InvalidSettings, Refusal
from reach.proof import RECIPIENT, REQUESTER, THIRD, Case
from tests.support.examples import examples

STANDARD = {"token_id": "onrtte:1", "subject_token_client_id": "web", "username": "alice", "audience": "api"}
LEGACY = {"token_id": "onrtna:1", "requested_token_type": "x", "audience": "api"}
NOT_IN_AUDIENCE = {"reason": "client is not within the token audience"}
CASES = [
    Case("web", "r", "standard", RECIPIENT, "web", "api", "api"),
    Case("web", "r", "standard", REQUESTER, "web", "web", "api", "api"),
    Case("third", "r", "standard", THIRD, "web", "third", "api", "api"),
    Case("old", "r", "legacy", RECIPIENT, "old-web", "api", "api"),
    Case("onward", "r", "standard", REQUESTER, "api", "api", "billing", "billing"),
]


def event(client: str = "web", *, allowed: bool = True, **details: str) -> Event:
    found: dict[str, Any] = {"id": "1", "time": 1_700_000_000_123, "type": EXCHANGED if allowed else REFUSED}
    found |= {"clientId": client, "ipAddress": "127.0.0.1", "details": details}
    return Event.read(found if allowed else {**found, "error": "not_allowed"}, ClientIds())


@pytest.mark.parametrize(
    ("details", "exchange"),
    [
        (STANDARD, "standard"),
        (LEGACY, "legacy"),
        ({"token_id": "6fa1-without-a-prefix", "requested_token_type": "x"}, "legacy"),
        ({"subject_token_client_id": "web"}, "standard"),
        ({"requested_token_type": "x", **NOT_IN_AUDIENCE}, "legacy"),
        ({"grant_type": "x"}, None),
    ],
)
def test_which_exchange(details: dict[str, str], exchange: str | None) -> None:
    assert event(**details).exchange == exchange


@pytest.mark.parametrize(
    ("client", "allowed", "details", "grants", "target"),
    [
        ("web", True, STANDARD, ("web",), "api"),
        ("third", True, STANDARD, ("third",), "api"),
        ("api", True, {**STANDARD, "audience": "account api billing"}, ("web",), "api"),
        ("api", True, {**STANDARD, "subject_token_client_id": "api", "audience": "billing"}, ("onward",), "billing"),
        ("api", True, {**STANDARD, "audience": "billing"}, (), "billing"),
        ("api", True, LEGACY, ("old",), "api"),
        ("web", True, LEGACY, ("web",), "api"),  # served by the other exchange than declared
        ("web", True, {**STANDARD, "audience": "other"}, (), "other"),
        ("web", True, {**STANDARD, "audience": "api other"}, (), None),
        ("api", False, {**NOT_IN_AUDIENCE, "subject_token_client_id": "stranger"}, (), None),
        ("api", False, {**NOT_IN_AUDIENCE, "requested_token_type": "x"}, ("old",), "api"),
        ("api", False, {"reason": "subject_token validation failure"}, ("web", "old", "onward"), None),
        ("web", False, {"reason": "Requested audience not available: other"}, (), "other"),
        ("web", False, {"reason": "Requested audience not available: api"}, ("web",), "api"),
        ("nobody", False, {}, (), None),
    ],
)
def test_which_grant(
    client: str, allowed: bool, details: dict[str, str], grants: tuple[str, ...], target: str | None
) -> None:
    record = attribute(event(client, allowed=allowed, **details), CASES)
    assert (record.grants, record.target) == (grants, target)
    assert attribute(record.event, None).grants is None


def test_counts_are_in_order() -> None:
    records = [attribute(event(**STANDARD), CASES)] * 2 + [attribute(event("x", allowed=False), CASES)]
    assert summary(records) == [
        ("undeclared", "unknown", "refused not_allowed", 1),
        ("web", "standard", "allowed", 2),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 1e9 - 7200),
        ("7d", 1e9 - 7 * DAY_SECONDS),
        ("90s", 1e9 - 90),
        ("2001-09-09", 999993600),
        ("2001-09-09T01:46:40", 1e9),
        ("2001-09-09T01:46:40Z", 1e9),
        ("2001-09-09T03:46:40+02:00", 1e9),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    assert parse_moment(text, 1e9) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "7", "7y", "-7d", "1.5h", "yesterday", "2026-13-01", "²h", "9" * 99 + "d", "\x1b"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(InvalidSettings, match="is not a time; give 30m, 2h or 7d before now"):
        parse_moment(text, 1e9)


HOSTILE = '=cmd("x")\n\x1b[31m,"\u202e'


def hostile(text: str) -> Record:
    details = {**STANDARD, "subject_token_client_id": text, "username": text, "reason": text}
    return attribute(event(text, allowed=False, **details), CASES)


@examples(50)
@given(st.one_of(st.text(min_size=1, max_size=20), st.just(HOSTILE), st.just("＝1"), st.just("|=")))
def test_what_callers_send_is_text_alone(text: str) -> None:
    record = hostile(text)
    assert report.as_line(record).isprintable()
    line = report.as_csv_row(record)
    (row,) = csv.reader(io.StringIO(line))
    assert len(row) == len(report.COLUMNS)
    for separator, quote in itertools.product(",;\t|", ('"', "'", None)):
        quoting = {"quotechar": quote, "quoting": csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE}
        cells = [cell for row in csv.reader(io.StringIO(line), delimiter=separator, **quoting) for cell in row]  # type: ignore[call-overload]
        assert not any(cell.strip(' "')[:1] in tuple("=+-@＝＋－＠\t\r") for cell in cells), (separator, quote)
    assert json.loads(report.as_json([record]))[0]["requester"] == text
    screen = Console(file=io.StringIO(), force_terminal=False, width=80)
    screen.print(report.as_table([record]))
    assert "\x1b" not in screen.file.getvalue()  # type: ignore[attr-defined]


def test_the_reason_of_a_grant_is_shown_beside_it() -> None:
    record = replace(hostile("web"), grants=("one", "two"))
    reasons = {"one": "billing\n\x1b[31m[bold]", "three": "other"}
    assert json.loads(report.as_json([record], reasons))[0]["grantReasons"] == {"one": reasons["one"]}
    screen = Console(file=io.StringIO(), force_terminal=False, width=160)
    screen.print(report.as_table([record], reasons))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "billing" in shown and "[bold]" in shown and "\x1b" not in shown and "other" not in shown
    (row,) = csv.DictReader(io.StringIO("\n".join([report.as_csv_row(None), report.as_csv_row(record, reasons)])))
    assert row["grantReasons"].startswith("billing")
    unused = audit.Unused("one", 0.0, True)
    assert report.unused_line(unused, 30, "for billing") == (
        'unused: grant=one reason="for billing": no allowed exchange for 30 days.'
    )
    assert report.unused_object(unused, "billing")["reason"] == "billing"


def test_a_login_that_may_not_read_clients_goes_by_the_oldest_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of other types reach back further than exchanges are known to be recorded."""

    def unreadable(realm: Realm) -> None:
        raise Refusal("events of realm 'r': none of the clients is to be seen.")

    monkeypatch.setattr(audit, "oldest_event", lambda realm: 1.0)
    monkeypatch.setattr(audit, "recorded_since", unreadable)
    monkeypatch.setattr(audit, "read_events", lambda realm, **query: iter([event()]))
    looked = audit.Audit.__new__(audit.Audit)
    looked.realm, looked._ids = None, ClientIds()  # type: ignore[assignment]
    assert looked._reach() == event().at
    monkeypatch.setattr(audit, "read_events", lambda realm, **query: iter(()))
    assert looked._reach() is None


def test_what_is_not_recorded_is_said_with_the_remedy() -> None:
    said = switched_off(EventsConfig(False, 0, NEEDED))
    assert said.startswith("are switched off") and "`events: true`" in said and "ExchangeEvents" in said
    assert switched_off(EventsConfig(True, 0, ("LOGIN",))).startswith("TOKEN_EXCHANGE and TOKEN_EXCHANGE_ERROR are not")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--follow", "--summary"], "--follow: cannot go with --summary"),
        (["--follow", "--until", "1h"], "--follow: cannot go with --until"),
        (["--unused", "3", "--csv"], "--unused: cannot go with --csv"),
        (["--csv", "--json"], "--csv: cannot go with --json"),
    ],
)
def test_options_that_exclude_each_other(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(cli.app, ["audit", *arguments])
    assert result.exit_code == 2 and says in result.stderr and "Traceback" not in result.output


@pytest.mark.parametrize("arguments", [["--unused", "0"], ["--limit", "0"], ["--since"], ["--nope"]])
def test_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli.app, ["audit", *arguments]).exit_code == 2


# What a realm records

OFF = EventsConfig(False, 0, ("LOGIN",))


def test_what_is_sent_to_record_exchanges() -> None:
    sent: list[Any] = []

    class Session:
        def put(self, at: str, body: object) -> None:
            sent.append((at, body))

    realm = Realm(Session(), "r")  # type: ignore[arg-type]
    on = _on(OFF, 60)
    assert write_config(realm, OFF, on) and not write_config(realm, on, on)
    assert write_config(realm, on, EventsConfig(True, 90, on.types))  # a list that stays is not sent
    types = {"enabledEventTypes": ["LOGIN", *NEEDED]}
    at = "/admin/realms/r/events/config"
    assert sent == [
        (at, {"eventsEnabled": True, "eventsExpiration": 60, **types}),
        (at, {"eventsEnabled": True, "eventsExpiration": 90}),
    ]
    assert with_needed(on) == on


CONFIGS = st.builds(EventsConfig, st.booleans(), st.integers(0, 5), st.sampled_from([(), ("LOGIN",), NEEDED]))
WISHES = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@examples(200)
@given(CONFIGS, st.one_of(st.just([None]), WISHES))
def test_a_wish_never_shortens_and_wishes_add_up(found: EventsConfig, wishes: list[int | None]) -> None:
    was = {"enabled": found.enabled, "expiration": found.expiration}
    config = found
    for wish in wishes:
        config = _on(config, wish)
        assert serves(config, wish) and config == _on(config, wish)
    assert all(serves(config, wish) for wish in wishes)
    assert config.expiration == _kept(was, wishes) and _kept(was, []) == found.expiration
    assert not found.enabled or found.expiration == config.expiration == 0 or config.expiration >= found.expiration
