"""``python -m exchange graph`` on a real realm: what it computes is what the server allows, exchange by exchange."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.stack import stack as stack_module
from kcadmin.objects.robot import GUARDS, LEGACY, roles_for
from kcadmin.rest.tokens import TokenRefused
from reach.allowed import RealmReach, realm_reach
from reach.exchanges import Exchange
from reach.reasons import ANY_CLIENT, Reasoning, Ways
from reach.roles import survey_roles
from reach.survey import survey
from tests.acceptance.test_reach import GRANTS
from tests.support import hand_made
from tests.support.exported import exported
from tests.support.in_process import Stack
from tests.support.realms import TestRealm
from tests.support.robot_clients import ROBOT_SECRET, ROBOTS

MORE: dict[str, dict[str, object]] = {
    "roles": {},
    "asks": {},
    "public": {"publicClient": True},
    "quiet": {"fullScopeAllowed": False},
}
ROBOT = ROBOTS[roles_for([LEGACY, GUARDS])]
STANDARD = ("one", "two", "three", "nine", "twelve")
TRIED = ("b", "c", "d", "g", "roles", "asks", "public", "quiet")
AUDIENCES = (None, "a", "b", "f", "h", "roles")
FULFILLED = {"the user has a role of 'roles'", "the user has the role 'auditor'"}


@pytest.fixture
def realm(make_realm: Callable[..., TestRealm], monkeypatch: pytest.MonkeyPatch) -> TestRealm:
    """Twelve grants of both exchanges, and what somebody did by hand."""
    realm = make_realm("legacy", **{client: {} for client in "abcdefgh"}, **MORE)
    grants = [
        {"name": name, "realm": realm.name, "exchange": "standard" if name in STANDARD else "legacy", **grant}
        for name, grant in GRANTS.items()
    ]
    stack = Stack(realm.robot)
    stack.up(*grants)
    realm.robot(LEGACY, GUARDS)
    _by_hand(realm)

    def pulumi(command: Any) -> str:
        if command[0] == "config":
            settings = {"clientId": ROBOT, "clientSecret": ROBOT_SECRET, "loginRealm": realm.name}
            return json.dumps({f"keycloak-token-exchange:{key}": {"value": value} for key, value in settings.items()})
        return exported(stack.exported, {"url": realm.url, "realm": realm.name})

    monkeypatch.setattr(stack_module, "run_pulumi", pulumi)
    return realm


@pytest.mark.standard_exchange
def test_what_is_computed_is_what_the_server_allows(realm: TestRealm, tmp_path: Path) -> None:
    reach = _reach(realm)
    computed = {
        Exchange(requester, source, to)
        for requester in TRIED
        for source in TRIED
        for to in AUDIENCES
        if _passes(reach.verdict(requester, source, to))
    }
    allowed = _allowed_by_server(realm)
    assert Exchange("roles", "roles", "f") in allowed and Exchange("roles", "roles", "h") not in allowed
    assert Exchange("roles", "g", None) in allowed and Exchange("roles", "quiet", None) not in allowed
    assert {*allowed - computed} == set() and {*computed - allowed} == set()
    _the_command_tells_them_apart(realm, allowed, tmp_path)
    _without_a_stack(realm)


def _the_command_tells_them_apart(realm: TestRealm, allowed: set[Exchange], tmp_path: Path) -> None:
    page = tmp_path / "graph.html"
    result = _run("--json", "--html", str(page), "--kind", "roles", *_all_but_roles(), "--fail-on", "undeclared")
    assert result.exit_code == 1 and "undeclared." in result.stderr, result.output
    found = json.loads(result.stdout)
    kinds = {
        Exchange(edge["requester"], source, to): edge["kind"]
        for edge in found["edges"]
        if edge["kind"] != "dead"
        for source in ((ANY_CLIENT,) if edge["sources"] == "any" else edge["sources"])
        for to in edge["audiences"]
    }
    shown = {each for each in allowed if (each.source, each.audience) != (each.requester, None)}
    named = {each for each in shown if each.audience != each.requester}
    lacking = {each for each in named if not {each, each._replace(source=ANY_CLIENT)} & kinds.keys()}
    assert lacking == set()
    assert kinds[Exchange("b", "a", None)] == "declared" and kinds[Exchange("d", "c", "h")] == "implied"
    assert kinds[Exchange("b", "a", "c")] == "implied"
    assert kinds[Exchange("f", ANY_CLIENT, "b")] == "implied"
    assert kinds[Exchange("b", "asks", None)] == "undeclared"  # a mapper by hand
    assert kinds[Exchange("asks", "asks", "a")] == "undeclared"  # a switch and a scope by hand
    assert kinds[Exchange("g", ANY_CLIENT, "f")] == "undeclared"  # an unmanaged policy
    assert kinds[Exchange("roles", "a", None)] == "roles"
    dead = [edge for edge in found["edges"] if edge["kind"] == "dead"]
    assert {(edge["requester"], edge["sources"][0], tuple(edge["grants"])) for edge in dead} == {("c", "c", ("three",))}
    assert dead[0]["whyNot"] == ["the standard exchange of 'c' is switched off, so the legacy one refuses it"]
    assert found["notJudged"] == [] and 0 < found["clientsWithoutExchange"] < found["clients"]
    assert realm.name in page.read_text() and "hand-made" in page.read_text()
    assert ROBOT_SECRET not in page.read_text() + result.output
    mermaid = _run("--mermaid", "-o", str(tmp_path / "graph.mmd"), "--fail-on", "dead")
    assert mermaid.exit_code == 1 and mermaid.stdout == ""
    assert (tmp_path / "graph.mmd").read_text().startswith("%% Realm ")


def _without_a_stack(realm: TestRealm) -> None:
    environ = {"KEYCLOAK_CLIENT_SECRET": ROBOT_SECRET}
    login = ("--client-id", ROBOT, "--login-realm", realm.name)
    result = _run("--url", realm.url, "--realm", realm.name, *login, "--client", "asks", environ=environ)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and all(line.startswith("allowed: ") for line in lines[:-1]), result.output
    assert any(
        "requester=asks exchange=standard sources=asks audience=a when: scope 'to-a' is asked for" in line
        for line in lines
    )
    assert lines[-1].startswith(f"Realm '{realm.name}' at {realm.url}: ")


def _by_hand(realm: TestRealm) -> None:
    realm.add_role("clerk", realm.user, "roles")
    realm.add_role("auditor", realm.user)
    realm.session.post(realm.at("roles"), {"name": "nobody"})
    hand_made.scope(realm, "for-auditors", "f", "roles", role="auditor")
    hand_made.scope(realm, "for-nobody", "h", "roles", role="nobody")
    hand_made.switch(realm, "roles")
    hand_made.switch(realm, "asks")
    hand_made.switch(realm, "c", "false")
    realm.mapper("asks", "hand-made", "b")
    hand_made.scope(realm, "to-a", "a", "asks", "optional")
    named = [realm.uuid(client) for client in ("asks", "public", "g")]
    stranger = hand_made.policy(realm, "client", "stranger", clients=named)
    hand_made.permission(realm, "f", [stranger])
    all_but = hand_made.policy(realm, "client", "all but d", clients=[realm.uuid("d")], logic="NEGATIVE")
    hand_made.permission(realm, "roles", [all_but])
    lightweight = {"client.use.lightweight.access.token.enabled": "true"}
    realm.change("h", attributes=lightweight)


def _allowed_by_server(realm: TestRealm) -> set[Exchange]:
    tokens = {source: realm.user_token(source) for source in TRIED}
    found = set()
    for requester in TRIED:
        for source, token in tokens.items():
            for audience in AUDIENCES:
                try:
                    realm.exchange(requester, token, audience)
                except TokenRefused:
                    continue
                found.add(Exchange(requester, source, audience))
    return found


def _passes(verdict: Reasoning) -> bool:
    return verdict.allowed and all(_open(ways) for ways in (verdict.source_ways, verdict.audience_ways))


def _open(ways: Ways) -> bool:
    return not ways or any({*way.when} <= FULFILLED for way in ways)


def _reach(realm: TestRealm) -> RealmReach:
    found = survey(realm.session, realm.name)
    return realm_reach(found, survey_roles(realm.session, found))


def _all_but_roles() -> Iterable[str]:
    for kind in ("undeclared", "dead", "implied", "declared"):
        yield from ("--kind", kind)


def _run(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli.app, ["graph", *arguments], env=environ or {}, prog_name="exchange")
