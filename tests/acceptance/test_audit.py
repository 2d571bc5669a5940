"""Real exchanges, allowed and refused, by both exchanges: the audit tells them apart, and by grant."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.audit import audit as audit_module
from exchange.audit.audit import Audit, Record, Wanted, summary
from exchange.stack import stack as stack_module
from exchange.stack.place import Place
from exchange.stack.stack import StackOutputs as ExchangeStack
from kcadmin.objects import events
from kcadmin.objects.robot import STANDARD
from kcadmin.rest.errors import Refusal, TokenRefused
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from tests.conftest import MakeRealm
from tests.support.engine import forget
from tests.support.exported import exported
from tests.support.in_process import Stack
from tests.support.realms import TESTER, TESTER_SECRET, TestRealm

pytestmark = pytest.mark.standard_exchange
OTHER = "11111111-2222-3333-4444-555555555555"
BOTH = ["recipient", "requester"]
GRANTS: list[dict[str, Any]] = [
    {"name": "web", "sources": ["web"], "target": "api", "flows": BOTH, "exchange": "standard"},
    {"name": "third", "sources": ["web"], "target": "api", "requester": "third", "exchange": "standard"},
    {"name": "old", "sources": ["old-web"], "target": "old-api", "flows": BOTH, "exchange": "legacy"},
    {"name": "older", "sources": ["older-web"], "target": "old-api", "flows": ["recipient"], "exchange": "legacy"},
    {"name": "quiet", "sources": ["third"], "target": "quiet", "flows": ["requester"], "exchange": "standard"},
]
CLIENTS = ("web", "api", "third", "old-web", "older-web", "old-api", "quiet", "stranger")
# Who asks, with whose token (garbage: no token at all), for which audience; and what the audit tells of it.
EXCHANGES = [
    ("web", "web", "api", True, "standard", ["web"], "api"),
    ("api", "web", None, True, "standard", ["web"], "api"),
    ("third", "web", "api", True, "standard", ["third"], "api"),
    ("old-web", "old-web", "old-api", True, "legacy", ["old"], "old-api"),
    ("old-api", "old-web", None, True, "legacy", ["old", "older"], "old-api"),
    ("old-web", "old-web", None, True, "legacy", [], "old-web"),
    ("old-web", "old-web", "quiet", False, "legacy", [], "quiet"),
    ("web", "web", "old-api", False, "standard", [], "old-api"),
    ("api", "stranger", None, False, "standard", [], None),
    ("old-api", "stranger", None, False, "legacy", ["old", "older"], "old-api"),
    ("web", "garbage", "api", False, None, ["web"], "api"),
    ("stranger", "stranger", "api", False, "legacy", [], "api"),
    ("nobody\x1b[31m", "web", "api", False, None, [], None),
]


@dataclass
class Audited:
    """A realm with a stack, in which these exchanges were made."""

    realm: TestRealm
    grants: dict[str, Any]

    def audit(self, *, stack: bool = True) -> Audit:
        forget()
        found = ExchangeStack(self.grants, self.realm.url, self.realm.name, {})
        return Audit(Place(self.realm.connection, self.realm.name, found if stack else None))

    def exchange(self, requester: str, source: str, audience: str | None) -> None:
        endpoint = TokenEndpoint(self.realm.session, self.realm.name)
        token = source if source == "garbage" else self.realm.user_token(source)
        with suppress(TokenRefused):
            endpoint.exchange(ClientCredentials(requester, "s"), token, audience=audience)

    def told(self, **wanted: Any) -> list[Record]:
        return [*self.audit().records(Wanted(**wanted))][::-1]


@pytest.fixture(scope="module")
def audited(make_module_realm: MakeRealm) -> Audited:
    realm = make_module_realm("legacy", **{name: {} for name in CLIENTS})
    stack = Stack(realm.connection, events=True)
    stack.up(*({**grant, "realm": realm.name} for grant in GRANTS))
    made = Audited(realm, json.loads(json.dumps(stack.exported)))
    for requester, source, audience, *_ in EXCHANGES:
        made.exchange(requester, source, audience)
    return made


def test_each_exchange_is_told_as_it_was(audited: Audited) -> None:
    told = audited.told()
    assert len(told) == len(EXCHANGES)
    for record, (requester, source, _, allowed, exchange, grants, target) in zip(told, EXCHANGES, strict=True):
        event = record.event
        assert (event.requester, event.allowed, event.exchange) == (requester, allowed, exchange), record
        assert (list(record.grants or ()), record.target) == (grants, target), record
        assert event.address == "127.0.0.1" and time.time() - 600 < event.at < time.time() + 60
        if exchange == "standard":
            assert (event.user, event.subject) == ("testuser2", source) and event.user_id and event.session
        else:  # what its events leave out
            assert event.user is event.subject is event.session is None
            assert bool(event.user_id) == allowed
        assert (event.error is None) == allowed
    assert [record.event.reason for record in told if not record.event.allowed] == [
        "client not allowed to exchange to audience",
        "Requested audience not available: old-api",
        "client is not within the token audience",
        "client is not within the token audience",
        "subject_token validation failure",
        "client not allowed to exchange to audience",
        None,
    ]
    assert told[-1].event.error == "client_not_found"


def test_only_what_is_wanted(audited: Audited) -> None:
    everything = audited.told()
    assert audited.told(refused=True) == [each for each in everything if not each.event.allowed]
    assert audited.told(grant="older") == [each for each in everything if "older" in (each.grants or ())]
    assert [each.event.requester for each in audited.told(client="third")] == ["third"]
    user_id = audited.realm.get("users", username="testuser2")[0]["id"]
    by_name = audited.told(user="testuser2")
    assert by_name == audited.told(user=user_id) == [each for each in everything if each.event.user_id]
    assert {each.event.exchange for each in by_name} == {"standard", "legacy"}
    middle = everything[4].event.at
    assert audited.told(since=middle) == everything[4:] and audited.told(until=middle) == everything[:4]
    with pytest.raises(Exception, match="grant 'webb': is not in this stack; did you mean 'web'"):
        audited.told(grant="webb")
    assert {each.grants for each in audited.audit(stack=False).records(Wanted())} == {None}


def test_counts(audited: Audited) -> None:
    counts = {each[:3]: each[3] for each in summary(audited.told())}
    assert counts["web", "standard", "allowed"] == 2 and counts["old or older", "legacy", "allowed"] == 1
    assert counts["web", "unknown", "refused invalid_token"] == 1 and sum(counts.values()) == len(EXCHANGES)


def test_pages_lose_and_repeat_nothing_while_exchanges_go_on(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = audited.told()
    monkeypatch.setattr(events, "PAGE", 3)
    assert audited.told() == whole
    reading = audited.audit().records(Wanted())
    found = [next(reading) for _ in range(3)]
    audited.exchange("old-web", "old-web", "old-api")
    found += reading
    assert found[::-1] == whole


def test_follows_each_once(audited: Audited) -> None:
    there = audited.told()
    rounds = iter([("web", "web", "api"), None, ("old-web", "old-web", "old-api"), ("web", "garbage", "api")])

    def meanwhile(_: float) -> None:
        one = next(rounds)
        if one:
            audited.exchange(*one)

    following = audited.audit().follow(Wanted(), 2, wait=meanwhile)
    assert [next(following) for _ in range(2)] == there[-2:]
    assert [next(following).grants for _ in range(3)] == [("web",), ("old",), ("web",)]


def test_unused_grants(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sure only where events reach back for as long as is asked."""
    (found,) = audited.audit().unused(1)
    assert (found.grant, found.certain) == ("quiet", False)
    now = time.time()
    monkeypatch.setattr(audit_module.time, "time", lambda: now + 3 * events.DAY_SECONDS)
    assert {each.grant: each.certain for each in audited.audit().unused(2)} == {grant["name"]: True for grant in GRANTS}


def test_a_type_that_was_added_later_proves_nothing_before(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other events may reach back further than exchanges were recorded."""
    now = time.time()
    monkeypatch.setattr(audit_module, "oldest_event", lambda realm: now - 99 * events.DAY_SECONDS)
    assert {each.certain for each in audited.audit().unused(30)} == {False}
    monkeypatch.setattr(audit_module, "recorded_since", lambda realm: None)
    assert {each.certain for each in audited.audit().unused(30)} == {True}


# The command


def run(audited: Audited, monkeypatch: pytest.MonkeyPatch, *arguments: str, stack: bool = True) -> Result:
    forget()
    login = {"clientId": TESTER, "clientSecret": TESTER_SECRET}
    config = {f"keycloak-token-exchange:{key}": {"value": value} for key, value in login.items()}
    state = exported(audited.grants, {"url": audited.realm.url, "realm": audited.realm.name})
    monkeypatch.setattr(
        stack_module, "run_pulumi", lambda command: json.dumps(config) if command[0] == "config" else state
    )
    monkeypatch.setenv("KEYCLOAK_CLIENT_SECRET", TESTER_SECRET)
    place = ["--url", audited.realm.url, "--realm", audited.realm.name, "--client-id", TESTER]
    return CliRunner().invoke(cli.app, ["audit", *arguments, *([] if stack else place)], prog_name="exchange")


def test_lines(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(audited, monkeypatch, "--until", "2099-01-01", "--limit", "9999")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert " allowed: grant=web exchange=standard user=testuser2 requester=web subject=web audience=api " in lines[0]
    assert 'grant="old or older" exchange=legacy' in lines[4]
    assert "refused: grant=undeclared exchange=unknown requester=nobody\\x1b[31m" in lines[12]
    assert lines[6].endswith('reason="not_allowed: client not allowed to exchange to audience"')
    assert "\x1b" not in result.output
    assert (
        "legacy exchange contain only the user's id" in result.stderr and "refused exchanges at WARN" in result.stderr
    )


def test_for_programs(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = json.loads(run(audited, monkeypatch, "--json").stdout)
    assert len(objects) >= len(EXCHANGES) and objects[0]["grants"] == ["web"] and objects[4]["subjectClient"] is None
    rows = list(csv.DictReader(io.StringIO(run(audited, monkeypatch, "--csv").stdout)))
    assert [row["id"] for row in rows] == [each["id"] for each in objects]
    assert {*rows[0]} == {*objects[0]} and rows[0]["audience"] == "api"
    counts = json.loads(run(audited, monkeypatch, "--summary", "--json", "--refused").stdout)
    assert sum(each["count"] for each in counts) == sum(each["result"] == "refused" for each in objects)
    alone = json.loads(run(audited, monkeypatch, "--json", stack=False).stdout)
    assert [each["grants"] for each in alone] == [None] * len(objects)


def test_unused_ends_with_what_was_found(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(audited, monkeypatch, "--unused", "90")
    assert result.exit_code == 3 and "unknown: grant=quiet: no allowed exchange since " in result.stdout
    assert "events are kept for 30 days, less than the 90 days asked for" in result.stderr
    now = time.time()
    monkeypatch.setattr(audit_module.time, "time", lambda: now + 3 * events.DAY_SECONDS)
    result = run(audited, monkeypatch, "--unused", "2")
    assert result.exit_code == 1 and "unused: grant=quiet: no allowed exchange for 2 days." in result.stdout


def test_events_that_are_off_and_logins_that_may_not(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    realm = audited.realm
    realm.session.put(realm.at(), {"eventsEnabled": False})
    off = run(audited, monkeypatch, "--json")
    assert off.exit_code == 0 and "are switched off, so no exchange is recorded; set the stack's config" in off.stderr
    unused = run(audited, monkeypatch, "--unused", "1")
    assert unused.exit_code == 2 and "are switched off" in unused.stderr
    realm.session.put(realm.at(), {"eventsEnabled": True, "enabledEventTypes": ["LOGIN", "TOKEN_EXCHANGE"]})
    lacking = run(audited, monkeypatch, "--json")
    assert "TOKEN_EXCHANGE_ERROR is not among the types that are recorded" in lacking.stderr
    realm.session.put(realm.at(), {"enabledEventTypes": []})
    robot = audited.audit().place
    place = replace(robot, connection=realm.robot(STANDARD), stack=None)
    assert Audit(place).ids_of("testuser2") is None and Audit(place).ids_of(OTHER) == {OTHER}
    with pytest.raises(
        Refusal, match=f"^events of realm '{realm.name}': .* give it the role view-events of the client"
    ):
        list(Audit(place).records(Wanted()))


def heed_ctrl_c() -> None:
    """Tests that a shell has put into the background are deaf to SIGINT, and so would be what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_it_cleanly(audited: Audited) -> None:
    realm = audited.realm
    command = [sys.executable, "-m", "exchange", "audit", "--follow", "--json", "--limit", "1"]
    command += ["--url", realm.url, "--realm", realm.name, "--client-id", TESTER]
    environ = {**os.environ, "KEYCLOAK_CLIENT_SECRET": TESTER_SECRET}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, preexec_fn=heed_ctrl_c
    ) as running:
        try:
            assert running.stdout and json.loads(running.stdout.readline())["requester"]
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=120)
        finally:
            running.kill()
    assert running.returncode == 0 and said == ""
