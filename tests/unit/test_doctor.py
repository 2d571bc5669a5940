"""``python -m exchange doctor``: what is meant, exit codes, what it prints; and the checks that need no realm."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.doctor import audience, clients, finding, guards, report
from exchange.doctor import command as commands_doctor
from exchange.doctor import doctor as doctor_module
from exchange.doctor.doctor import Asked, Diagnosis, Doctor, Refused
from exchange.doctor.error_texts import read_error
from exchange.doctor.realm_reader import AnswerCache, RealmReader
from exchange.stack import stack as stack_module
from exchange.stack.stack import StackOutputs
from kcadmin.guards.marks import computed_mark, new_mark
from kcadmin.guards.parts import MARK
from kcadmin.objects.features import Features
from kcadmin.rest.errors import Forbidden, Refusal, Unreachable
from reach.proof import Case
from tests.support.engine import forget
from tests.support.exported import exported
from tests.support.fake_server import FakeKeycloak

STANDARD, LEGACY, PERMISSIONS = "TOKEN_EXCHANGE_STANDARD_V2", "TOKEN_EXCHANGE", "ADMIN_FINE_GRAINED_AUTHZ"
SWITCHED_OFF = finding.Finding(
    "switch-off", "client", "api", "r", "has it off", "switch it on", field="attributes.x", value="false"
)
GRANTS: dict[str, Any] = {
    "g": {
        "realm": "r",
        "sources": ["frontend"],
        "target": "api",
        "exchange": "standard",
        "flows": [
            {"flow": "recipient", "requester": "api", "audience": None, "requestScope": None},
            {"flow": "requester", "requester": "frontend", "audience": "api", "requestScope": None},
        ],
    },
    "third": {
        "realm": "r",
        "sources": ["frontend"],
        "target": "api",
        "exchange": "legacy",
        "flows": [{"flow": "requester", "requester": "middle", "audience": "api", "requestScope": None}],
    },
    "elsewhere": {
        "realm": "q",
        "sources": ["frontend"],
        "target": "api",
        "exchange": "standard",
        "flows": [{"flow": "recipient", "requester": "api", "audience": None, "requestScope": None}],
    },
}
Look = Callable[[Doctor, Sequence[Case]], list[Diagnosis]]


def healthy(doctor: Doctor, cases: Sequence[Case]) -> list[Diagnosis]:
    return [Diagnosis(case, (), in_order=("the realm",)) for case in cases]


def ill(doctor: Doctor, cases: Sequence[Case]) -> list[Diagnosis]:
    text = doctor.asked.error
    return [Diagnosis(case, (SWITCHED_OFF,), reading=read_error(text) if text else None) for case in cases]


def run(
    monkeypatch: pytest.MonkeyPatch,
    *arguments: str,
    look: Look = healthy,
    resources: Sequence[Mapping[str, Any]] = (),
    given: str | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Result:
    def pulumi(command: Sequence[str]) -> str:
        if command[0] == "config":
            return json.dumps({"keycloak-token-exchange:adminPassword": {"value": "pw-admin"}})
        grants = {
            name: {**grant, "exchange": "standard"} for name, grant in GRANTS.items()
        }  # legacy has findings of its own
        return exported(grants, {"url": "https://keycloak.example", "realm": "r"}, *resources)

    monkeypatch.setattr(stack_module, "run_pulumi", pulumi)
    monkeypatch.setattr(commands_doctor, "_look", look)
    return CliRunner().invoke(cli.app, ["doctor", *arguments], input=given, env=dict(environ), prog_name="exchange")


def test_a_whole_stack_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert len(lines) == 5 and lines[0].startswith("in order: grant=g flow=recipient exchange=standard source=frontend")
    assert lines[-1] == (
        "No findings in 4 exchanges of Keycloak at https://keycloak.example. 0 findings of the rules, 0 mandatory."
    )


def test_what_could_not_be_read_is_not_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(doctor: Doctor, cases: Sequence[Case]) -> list[Diagnosis]:
        return [Diagnosis(case, (), unseen=(("client policies", "403"),)) for case in cases]

    result = run(monkeypatch, "g", look=blind)
    assert result.exit_code == 3 and "not checked: " in result.stdout, result.output
    assert result.stdout.splitlines()[-1].endswith("keycloak.example; 1 thing could not be read.")


def test_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, "g", look=ill)
    assert result.exit_code == 1
    said = (
        "finding: grant=g flow=recipient exchange=standard source=frontend caller=api target=api cause=switch-off "
        "field=attributes.x value=\"false\" client 'api' in realm 'r': has it off; switch it on."
    )
    assert result.stdout.splitlines()[0] == said
    assert result.stdout.splitlines()[-1].startswith("2 findings in 2 of 2 exchanges of")
    assert "rules" not in result.stdout  # a grant was named


def test_names_reach_no_terminal_but_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "x\x1b[2J\nin order: \x9b\ud800"
    named = replace(SWITCHED_OFF, name=name, value=name)

    def look(doctor: Doctor, cases: Sequence[Case]) -> list[Diagnosis]:
        return [Diagnosis(case, (named,), unseen=((name, name),)) for case in cases]

    for form in ([], ["--json"]):
        result = run(monkeypatch, "g", *form, look=look)
        assert all(line.isprintable() and not line.startswith("in order") for line in result.output.split("\n"))
    assert json.loads(result.stdout)["exchanges"][0]["findings"][0]["object"]["name"] == name


def test_an_exchange_that_was_only_guessed_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login without view-authorization does not see whether the legacy exchange is set up."""

    class Blind:
        name = "r"

        def client(self, client_id: str) -> None:
            raise Forbidden(403, "GET", "/admin/realms/r/clients", "no message")

    looks = SimpleNamespace(features=Features(True, True, True), realm=lambda name: Blind())
    monkeypatch.setattr(doctor_module, "_run", lambda question: ([], []))
    monkeypatch.setattr(doctor_module, "_last_refusal", lambda question, in_order: None)
    monkeypatch.setattr(doctor_module.request, "request_faults", lambda question: [])
    doctor = Doctor(looks, Asked("frontend", "api"))  # type: ignore[arg-type]
    (found,) = doctor.examine(doctor.cases(None, "r"))
    ((what, why),) = found.unseen
    assert what == "which exchange answers, so standard is taken" and "403" in why


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, "--source", "frontend", "--target", "api", "--json", "--error", "Invalid token", look=ill)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["rules"] is None and [each["flow"] for each in found["exchanges"]] == [
        "recipient",
        "requester",
        "third",
    ]
    first = found["exchanges"][0]
    assert (first["grant"], first["error"], first["findings"][0]["cause"]) == ("g", "Invalid token", "switch-off")
    assert first["findings"][0]["object"] == {"kind": "client", "name": "api", "realm": "r"}
    assert "pw-admin" not in result.output


def test_the_rules_count_where_they_are_mandatory(monkeypatch: pytest.MonkeyPatch) -> None:
    def a_resource(kind: str, **outputs: Any) -> dict[str, Any]:
        kind = f"pulumi-python:dynamic/keycloak:{kind}"
        return {"urn": f"urn:pulumi:dev::p::{kind}::x", "type": kind, "outputs": {"realm": "r", **outputs}}

    lifespan = a_resource("TokenLifespan", client_id="api", seconds=900)
    advised = run(monkeypatch, resources=[lifespan])
    assert (
        advised.exit_code == 0
        and "rule: severity=advisory rule=exchanged-tokens-are-short-lived client" in advised.stdout
    )
    negative = a_resource("ClientPolicy", name="n", logic="NEGATIVE", clients=["x"])
    broken = run(monkeypatch, resources=[lifespan, negative])
    assert broken.exit_code == 1 and "severity=mandatory rule=client-policies-are-positive" in broken.stdout
    judged = json.loads(run(monkeypatch, "--json", resources=[negative]).stdout)["rules"]
    assert [(each["severity"], each["rule"]) for each in judged] == [("mandatory", "client-policies-are-positive")]
    assert judged[0]["reference"].startswith("https://")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nope"], 2, "error: grant 'nope': is not in this stack"),
        (["--source", "a"], 2, "error: doctor: takes --source and --target together"),
        (["g", "--source", "a", "--target", "b"], 2, "error: doctor: takes --source and --target together"),
        (["--url", "https://k.example", "--realm", "r"], 2, "error: doctor: without a stack there are no grants"),
        (["--flow", "sideways"], 2, "'sideways'"),
        (["--realm", "x", "g"], 2, "error: realm 'x'"),
    ],
)
def test_usage(monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, words: str) -> None:
    result = run(monkeypatch, *arguments, environ={"KEYCLOAK_ADMIN_PASS": "x"})
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert words in result.stderr


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(doctor: Doctor, cases: Sequence[Case]) -> list[Diagnosis]:
        raise Unreachable("no answer")

    result = run(monkeypatch, look=look)
    assert (result.exit_code, result.stderr) == (4, "error: no answer\n")


def test_an_error_from_stdin_is_read_and_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    given = (
        'subject_token=eyJ.secret\n{"error": "access_denied", "error_description": "Client not allowed to exchange"}'
    )
    result = run(monkeypatch, "g", "--error", "-", look=ill, given=given)
    assert 'text="Client not allowed to exchange"' in result.stdout and "eyJ" not in result.output
    unknown = run(monkeypatch, "g", "--error", "-", look=ill, given="eyJ.secret")
    assert "the error text is not one of Keycloak's known texts" in unknown.stderr and "eyJ" not in unknown.output


def test_on_a_terminal() -> None:
    case = Case("g", "r", "standard", "third", "frontend", "middle", "api", "api")
    unsure = finding.Finding("user-role", "client", "frontend", "r", "may lack a role", "give --as-user", sure=False)
    refused = Refused(1_790_000_000_000, "invalid_token", "subject_token validation failure", "Invalid token")
    diagnosis = Diagnosis(
        case, (SWITCHED_OFF,), (unsure,), ("the realm",), (("events", "403"),), read_error("Invalid token"), refused
    )
    console = Console(width=100, record=True, force_terminal=True)
    with console.capture() as captured:
        for each in (diagnosis, Diagnosis(case, (), in_order=("the realm",))):
            for block in report.as_blocks(each):
                console.print(block)
    text = captured.get()
    for words in (
        "g: frontend → api, standard, three clients asked by middle",
        "attributes.x = false",
        "switch it on",
        "may lack a role",
        "not checked: events (403)",
        "was invalid_token: subject_token validation failure, which is: Invalid token",
        "1 other check passed",
    ):
        assert words in " ".join(_plain(text).split()), words
    assert "✓" in text and "\x1b" in text


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def doctor(server: FakeKeycloak, **asked: Any) -> Doctor:
    return Doctor(AnswerCache(server.session()), Asked(**{"source": "frontend", "target": "api", **asked}))


STACK = StackOutputs(GRANTS, "https://keycloak.test", "r", {})


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({}, [("g", "recipient", "api"), ("g", "requester", "frontend"), ("third", "third", "middle")]),
        ({"flow": "recipient"}, [("g", "recipient", "api")]),
        ({"requester": "middle"}, [("third", "third", "middle")]),
        ({"exchange": "legacy"}, [("third", "third", "middle")]),
        ({"target": "other"}, [("", "recipient", "other")]),
        ({"target": "other", "flow": "requester"}, [("", "requester", "frontend")]),
        ({"target": "other", "requester": "middle"}, [("", "third", "middle")]),
        ({"target": "other", "error": "Requested audience not available: other"}, [("", "requester", "frontend")]),
        ({"target": "other", "error": "Client not allowed to exchange"}, [("", "requester", "frontend")]),
        ({"target": "other", "error": "Client is not within the token audience"}, [("", "recipient", "other")]),
    ],
)
def test_which_exchanges_are_meant(asked: dict[str, str], meant: list[tuple[str, str, str]]) -> None:
    server = FakeKeycloak()
    server.add_realm("r", frontend={}, api={}, other={}, middle={})
    cases = doctor(server, **asked).cases(STACK, "r")
    assert [(case.grant, case.flow, case.requester) for case in cases] == meant
    assert all((case.audience is None) == (case.flow == "recipient") for case in cases)


@pytest.mark.parametrize(("there", "singly"), [(250, 41), (100, 0)])
def test_the_realm_is_listed_only_where_exchanges_name_a_fair_part_of_it(there: int, singly: int) -> None:
    server = FakeKeycloak()
    server.add_realm("r", **{f"client{number}": {} for number in range(there)})
    names = [f"client{number}" for number in range(40)]
    cases = [Case("g", "r", "standard", "requester", a, a, b) for a, b in zip(names[::2], names[1::2], strict=True)]
    cache = AnswerCache(server.session())
    cache.expect(cases)
    assert all(cache.realm("r").client(name) for name in (*names, "realm-management"))
    assert len([each for each in server.asked("/clients$") if "clientId" in each.query]) == singly


@pytest.mark.parametrize(
    ("features", "attributes", "asked", "exchange"),
    [
        ((STANDARD,), {}, {}, "standard"),
        ((LEGACY, PERMISSIONS), {}, {}, "legacy"),
        ((STANDARD, LEGACY, PERMISSIONS), {}, {}, "standard"),
        ((STANDARD, LEGACY, PERMISSIONS), {}, {"exchange": "legacy"}, "legacy"),
        ((STANDARD, LEGACY, PERMISSIONS), {}, {"error": "Client not allowed to exchange"}, "legacy"),
        ((STANDARD, LEGACY, PERMISSIONS), {}, {"error": "Requested audience not available: api"}, "standard"),
        (
            (STANDARD, LEGACY, PERMISSIONS),
            {"standard.token.exchange.enabled": "true"},
            {"error": "Client not allowed to exchange"},
            "standard",
        ),
    ],
)
def test_which_exchange_answers(
    features: tuple[str, ...], attributes: dict[str, str], asked: dict[str, str], exchange: str
) -> None:
    server = FakeKeycloak(features=features)
    server.add_realm("r", frontend={"attributes": attributes}, api={"attributes": attributes})
    assert [case.exchange for case in doctor(server, **asked).cases(None, "r")] == [exchange]


@pytest.mark.parametrize(
    ("exchange", "unknown", "causes"),
    [
        ("standard", (), ["target-disabled"]),
        ("legacy", (), ["target-disabled"]),
        ("legacy", ("token-exchange-standard:v2",), []),
    ],
)
def test_a_disabled_target(exchange: str, unknown: tuple[str, ...], causes: list[str]) -> None:
    server = FakeKeycloak()
    server.add_realm("r", frontend={}, api={"enabled": False})
    looks = AnswerCache(server.session(), Features(True, True, True, unknown))
    case = Case("g", "r", exchange, "requester", "frontend", "frontend", "api", "api")
    assert [each.cause for each in clients.target(finding.Question(case, looks.realm("r")))] == causes


def test_client_scopes_that_are_hidden_are_not_judged() -> None:
    """As Keycloak 26.8 answers a login without view on client scopes: lists that are empty."""
    server, hidden = FakeKeycloak(), {"defaultClientScopes": [], "optionalClientScopes": []}
    server.add_realm("r", frontend=hidden, api={})
    looks = AnswerCache(server.session(), Features(True, False, False))
    case = Case("g", "r", "standard", "recipient", "frontend", "api", "api")
    question = finding.Question(case, looks.realm("r"))
    server.answers = {"/admin/realms/r/client-scopes": []}
    with pytest.raises(
        Refusal, match="client 'frontend' in realm 'r': its client scopes cannot be seen by this login; give it"
    ):
        [*audience.subject_audience(question)]
    forget()
    server.answers = {"/admin/realms/r/client-scopes": [{"id": "s", "name": "s", "protocol": "openid-connect"}]}
    looks = AnswerCache(server.session(), Features(True, False, False))
    assert [each.cause for each in audience.subject_audience(finding.Question(case, looks.realm("r")))] == [
        "mapper-missing"
    ]


@pytest.mark.parametrize(
    ("features", "exchange", "asks", "cause"),
    [
        ((), "standard", False, "no-exchange"),
        ((PERMISSIONS,), "legacy", True, "no-exchange"),
        ((LEGACY, PERMISSIONS), "standard", False, "no-standard-exchange"),
        ((STANDARD,), "legacy", True, "no-legacy-exchange"),
        ((STANDARD, LEGACY), "legacy", True, "no-fine-grained-permissions"),
        ((STANDARD, LEGACY), "legacy", False, None),
        ((STANDARD,), "standard", True, None),
    ],
)
def test_features(features: tuple[str, ...], exchange: str, asks: bool, cause: str | None) -> None:
    server = FakeKeycloak(features=features)
    case = Case("g", "r", exchange, "requester", "frontend", "frontend" if asks else "api", "api")
    question = finding.Question(case, AnswerCache(server.session()).realm("r"))
    found = list(clients.features(question))
    assert [each.cause for each in found] == ([cause] if cause else [])
    assert all(each.name == server.url and "--features=" in each.sentence for each in found)
    list(clients.features(question))
    assert len(server.asked("serverinfo")) == 1


def test_a_guard_on_users_is_mended_where_it_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the argument of the resource: a stack's config has no key for it."""
    server = FakeKeycloak()
    server.add_realm("r", frontend={}, api={})
    conditions = [{"condition": "any-client", "configuration": {}}]
    policy = {"name": "staff alone", "enabled": True, "conditions": conditions, "profiles": ["p"]}
    enforcer = {"claim-name": "email", "allowed-value": ".*@example[.]com"}
    profile = {"name": "p", "executors": [{"executor": "jwt-claim-enforcer", "configuration": enforcer}]}
    monkeypatch.setattr(RealmReader, "client_policies", lambda look: [policy])
    monkeypatch.setattr(RealmReader, "client_profiles", lambda look: {"p": profile})
    case = Case("g", "r", "standard", "recipient", "frontend", "api", "api")
    (found,) = guards.client_policies(finding.Question(case, AnswerCache(server.session()).realm("r")))
    assert found.cause == "guard-user" and "change user_claims of the ExchangeGuards" in found.remedy


@pytest.mark.parametrize(
    ("mark", "causes"),
    [("", []), ("own", []), ("computed", ["guard-mark-computed"]), ("another's", ["guard-mark-borrowed"])],
)
def test_a_mark_that_is_not_the_clients_own_is_a_note(
    monkeypatch: pytest.MonkeyPatch, mark: str, causes: list[str]
) -> None:
    server = FakeKeycloak()
    server.add_realm("r", frontend={}, api={})
    uuid = server.uuid("api")
    marks = {"own": new_mark(uuid), "computed": computed_mark(server.uuid("realm-management"), uuid)}
    server.client("api")["attributes"] = {MARK: marks.get(mark, mark)}
    monkeypatch.setattr(RealmReader, "client_policies", lambda look: [])
    case = Case("g", "r", "standard", "recipient", "frontend", "api", "api")
    found = list(guards.client_policies(finding.Question(case, AnswerCache(server.session()).realm("r"))))
    assert [(each.cause, each.sure, each.value) for each in found] == [(cause, False, "") for cause in causes]
