"""``python -m exchange``: exit codes, sentences on stderr, and what goes to a pipe."""

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from exchange import cli
from exchange.stack import stack as stack_module
from exchange.stack.stack import StackProblem
from exchange.terminal import console
from exchange.verify import command as commands_verify
from exchange.verify import verify as exchange_verify
from kcadmin.rest.connection import EMBEDDED
from reach.proof import Case, Verdict
from tests.support.exported import exported
from tests.unit.fake_token_endpoint import FakeRealm, sign

SECRETS = {"KEYCLOAK_CLIENT_SECRET_FRONTEND": "f", "KEYCLOAK_CLIENT_SECRET_API": "a"}
AS_ALICE = {"KEYCLOAK_USER": "alice", "KEYCLOAK_USER_PASS": "pw-alice"}
GRANTS: dict[str, Any] = {
    "g": {
        "realm": "r",
        "sources": ["frontend"],
        "target": "api",
        "exchange": "standard",
        "flows": [{"flow": "recipient", "requester": "api", "audience": None, "requestScope": None}],
    }
}


def run(
    monkeypatch: pytest.MonkeyPatch,
    realm: FakeRealm,
    *arguments: str,
    grants: object = GRANTS,
    environ: Mapping[str, str] = MappingProxyType({**SECRETS, **AS_ALICE}),
    url: str = "https://keycloak.example",
) -> Result:
    def pulumi(command: Sequence[str]) -> str:
        if command[0] == "config":
            return json.dumps({"keycloak-token-exchange:adminPassword": {"value": "pw-admin"}})
        return exported(grants, {"url": url, "realm": "r"})

    for name in (*SECRETS, *AS_ALICE, "KEYCLOAK_URL", "KEYCLOAK_ADMIN_PASS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(stack_module, "run_pulumi", pulumi)
    monkeypatch.setattr(commands_verify, "session_for", lambda connection: realm.session)
    return CliRunner().invoke(cli.app, list(arguments), env=environ, prog_name="exchange")


def test_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, FakeRealm(), "verify")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("proved: grant=g ") and len(lines) == 2
    assert lines[1] == "1 of 1 exchange proved against Keycloak at https://keycloak.example (realm r) as user alice."
    assert "\x1b" not in result.output and "─" not in result.output


def test_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    realm = FakeRealm(exchanged={"error": "access_denied", "error_description": "no"}, status={"exchanged": 403})
    result = run(monkeypatch, realm, "verify", "g")
    assert result.exit_code == 1 and "reason: 403 access_denied: no" in result.stdout


def test_json_holds_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    realm = FakeRealm()
    result = run(monkeypatch, realm, "verify", "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)[0]["proved"]
    tokens = [realm.subject["access_token"], realm.exchanged["access_token"]]  # type: ignore[index]
    for secret in (*tokens, 'refresh"', "pw-alice", "pw-admin"):
        assert secret not in result.output


def test_the_service_account_of_each_source(monkeypatch: pytest.MonkeyPatch) -> None:
    realm = FakeRealm(
        subject={"access_token": sign({"jti": "trrtcc:1", "sub": "user-1", "azp": "frontend"})},
        clients={"frontend": {"serviceAccountsEnabled": True}},
    )
    result = run(monkeypatch, realm, "verify", environ=SECRETS)
    assert result.exit_code == 0 and "as the service account of frontend." in result.stdout
    realm.clients = {"frontend": {}}
    foresee(monkeypatch, True)
    result = run(monkeypatch, realm, "verify", environ=SECRETS)
    assert result.exit_code == 3 and "has no service account" in result.stdout


def foresee(monkeypatch: pytest.MonkeyPatch, outlook: bool | None) -> list[str | None]:
    """Puts a prediction in the place of the real one; gives the users that were asked about."""
    users: list[str | None] = []

    class Foreseer:
        def __init__(self, session: object, cases: object, username: str | None) -> None:
            self.username = username

        def predict(self, case: Case) -> Verdict:
            users.append(self.username)
            return Verdict(case, None, proved=False, reason="because", dry=True, outlook=outlook)

    monkeypatch.setattr(exchange_verify, "Predictor", Foreseer)
    return users


@pytest.mark.parametrize(("outlook", "code"), [(True, 3), (None, 3), (False, 1)])
def test_a_dry_run_needs_no_secret_and_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, outlook: bool | None, code: int
) -> None:
    users, realm = foresee(monkeypatch, outlook), FakeRealm()
    result = run(monkeypatch, realm, "verify", "--dry-run", "--as-user", "bob", environ={})
    assert result.exit_code == code and users == ["bob"] and realm.asked == []
    assert "(dry run: predicted, not proved)" in result.stdout and "proved: grant" not in result.stdout


def test_without_user_and_secrets_a_server_elsewhere_gets_a_dry_run(monkeypatch: pytest.MonkeyPatch) -> None:
    confidential = {"clientAuthenticatorType": "client-secret", "serviceAccountsEnabled": True}
    users, realm = foresee(monkeypatch, True), FakeRealm(clients={"frontend": confidential, "api": confidential})
    for module in (commands_verify, console):
        monkeypatch.setattr(module, "person", lambda: True)
        monkeypatch.setattr(module, "ask", lambda what: pytest.fail(f"asked for: {what}"))
    result = run(monkeypatch, realm, "verify", environ={})
    assert result.exit_code == 3 and users == [None] and realm.asked == []
    assert (
        "note: client 'frontend' in realm 'r': its secret is not known; set KEYCLOAK_CLIENT_SECRET_FRONTEND"
        in result.stdout
    )


def test_of_a_grant_for_holders_of_roles_a_service_account_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    foresee(monkeypatch, None)
    realm = FakeRealm(clients={"frontend": {"serviceAccountsEnabled": True}})
    needs = {"g": {**GRANTS["g"], "requiredRoles": ["boss"]}}
    result = run(monkeypatch, realm, "verify", environ=SECRETS, grants=needs)
    assert result.exit_code == 3 and realm.asked == []
    assert "requires boss of users, so a service account proves nothing; give --as-user" in result.stdout
    assert run(monkeypatch, FakeRealm(), "verify", grants=needs).exit_code == 0


@pytest.mark.parametrize(
    ("url", "embedded", "arguments", "read"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", [], True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081", [], False),
        ("http://127.0.0.1:8080", "", [], False),  # it may be a tunnel to production
        ("http://localhost:8080", "", [], False),
        ("https://keycloak.example", "https://keycloak.example", [], False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ["--no-read-secrets"], False),
        ("https://keycloak.example", "", ["--read-secrets"], True),
    ],
)
def test_when_secrets_are_read_from_the_server(
    monkeypatch: pytest.MonkeyPatch, url: str, embedded: str, arguments: list[str], read: bool
) -> None:
    confidential = {"clientAuthenticatorType": "client-secret"}
    realm = FakeRealm(clients={"frontend": confidential, "api": confidential})
    foresee(monkeypatch, True)
    result = run(monkeypatch, realm, "verify", *arguments, url=url, environ={**AS_ALICE, EMBEDDED: embedded})
    assert result.exit_code == (0 if read else 3)
    assert any(at.endswith("client-secret") for at in realm.looked_up) == read
    assert ("KEYCLOAK_CLIENT_SECRET_FRONTEND" in result.stdout) == (not read)


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "words"),
    [
        (["verify", "nope"], AS_ALICE, 2, "error: grant 'nope': is not in this stack"),
        (["verify", "--realm", "x"], AS_ALICE, 2, "error: realm 'x'"),
        (["verify", "--url", "keycloak"], AS_ALICE, 2, "error: config 'url': is 'keycloak'"),
        (["verify"], {"KEYCLOAK_USER": "alice"}, 2, "error: user 'alice': is chosen without a password"),
        (["verify", "--bogus"], {}, 2, "No such option"),
        (["verify", "--deny", "--dry-run"], AS_ALICE, 2, "error: --deny: needs real exchanges"),
    ],
)
def test_usage(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], environ: dict[str, str], code: int, words: str
) -> None:
    result = run(monkeypatch, FakeRealm(), *arguments, environ={**SECRETS, **environ})
    assert (result.exit_code, result.stdout) == (code, "") and words in result.stderr


def test_a_person_is_asked_for_what_is_missing_and_for_each_secret_once(monkeypatch: pytest.MonkeyPatch) -> None:
    confidential = {"clientAuthenticatorType": "client-secret"}
    realm = FakeRealm(clients={"frontend": confidential, "api": confidential})
    asked: list[str] = []

    def ask(what: str) -> str:
        asked.append(what)
        return "typed"

    for module in (commands_verify, console):
        monkeypatch.setattr(module, "person", lambda: True)
        monkeypatch.setattr(module, "ask", ask)
    result = run(monkeypatch, realm, "verify", "--as-user", "alice", environ={})
    assert result.exit_code == 0 and "typed" not in result.output
    assert asked == [
        "Password of user 'alice'",
        "Secret of client 'frontend' in realm 'r'",
        "Secret of client 'api' in realm 'r'",
    ]
    assert realm.forms("token")[0]["password"] == "typed"


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, FakeRealm(down=True), "verify", "--json")
    assert (result.exit_code, result.stdout, result.stderr) == (4, "", "error: no answer\n")


def test_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def pulumi(command: Sequence[str]) -> str:
        raise StackProblem("stack: none is selected; run `pulumi stack select`.")

    monkeypatch.setattr(stack_module, "run_pulumi", pulumi)
    result = CliRunner().invoke(cli.app, ["verify"])
    assert (result.exit_code, result.stderr) == (2, "error: stack: none is selected; run `pulumi stack select`.\n")


def test_no_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, FakeRealm(), "verify", grants={})
    assert (result.exit_code, result.stdout) == (0, "No grants in this stack: nothing to prove.\n")
    assert run(monkeypatch, FakeRealm(), "verify", "--json", grants={}).stdout == "[]\n"


def test_a_token_left_open_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, FakeRealm(status={"logout": 500}), "verify")
    assert result.exit_code == 0 and "warning: a token of 'frontend' was not ended" in result.stderr


def test_without_arguments_it_helps() -> None:
    result = CliRunner().invoke(cli.app, [])
    assert result.exit_code == 0 and "verify" in result.stdout


COMMANDS = [
    *(str(each.name) for each in cli.app.registered_commands),
    *(
        f"{group.name} {each.name}"
        for group in cli.app.registered_groups
        for each in (group.typer_instance.registered_commands if group.typer_instance else ())
    ),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str) -> None:
    assert "Examples" in CliRunner().invoke(cli.app, [*command.split(), "--help"]).stdout


@pytest.mark.parametrize(
    ("command", "words"), [([], "a dry run, or not everything"), (["migrate", "apply"], "there was no legacy exchange")]
)
def test_help_fills_the_width_whatever_the_lines_of_the_source(command: list[str], words: str) -> None:
    text = CliRunner().invoke(cli.app, [*command, "--help"], env={"COLUMNS": "400"}).stdout
    assert any(words in line and line.rstrip().endswith(("answer.", "it continues.")) for line in text.splitlines())


def test_it_leans_on_kcadmin_and_the_rules_alone() -> None:
    for file in Path(cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
            )
            assert not {name.split(".")[0] for name in names} & {
                "pulumi",
                "pulumi_policy",
                "providers",
                "components",
                "requests",
            }
