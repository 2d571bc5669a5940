"""A stack's outputs become cases; every fault is a sentence that says what to do."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from exchange.stack.stack import StackOutputs, StackProblem, cases_of, read_stack, run_pulumi
from kcadmin.rest.connection import PasswordLogin
from reach.proof import Case
from tests.support.exported import exported


def grant(sources: list[str], *flows: dict[str, Any], target: str = "api", realm: str = "r") -> dict[str, Any]:
    return {
        "realm": realm,
        "sources": sources,
        "target": target,
        "exchange": "standard",
        "flows": list(flows),
        "clients": {},
    }


def flow(kind: str, requester: str, audience: str | None = None, **more: Any) -> dict[str, Any]:
    return {"flow": kind, "requester": requester, "audience": audience, "requestScope": None, **more}


def case(kind: str, source: str, requester: str, audience: str | None = None, **more: str) -> Case:
    return Case("g", "r", "standard", kind, source, requester, "api", audience, **more)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (grant(["a"], flow("recipient", "api")), [case("recipient", "a", "api")]),
        (grant(["a", "b"], flow("recipient", "api")), [case("recipient", "a", "api"), case("recipient", "b", "api")]),
        (
            grant(["a", "b"], flow("requester", "a", "api", source="a"), flow("requester", "b", "api", source="b")),
            [case("requester", "a", "a", "api"), case("requester", "b", "b", "api")],
        ),
        (grant(["a", "b"], flow("requester", "b", "api")), [case("requester", "b", "b", "api")]),
        (
            grant(["a", "b"], flow("requester", "gw", "api")),
            [case("third", "a", "gw", "api"), case("third", "b", "gw", "api")],
        ),
        (grant(["a", "b"], flow("requester", "gw", "api", source="b")), [case("third", "b", "gw", "api")]),
        (
            grant(["a"], flow("recipient", "api", requestScope={"name": "s", "at": "login"})),
            [case("recipient", "a", "api", login_scope="s")],
        ),
        (
            grant(["a"], flow("requester", "a", "api", requestScope={"name": "s", "at": "exchange"})),
            [case("requester", "a", "a", "api", exchange_scope="s")],
        ),
        (grant(["a"]), []),
    ],
)
def test_cases(output: dict[str, Any], expected: list[Case]) -> None:
    assert cases_of("g", output) == expected


STACK = StackOutputs(
    {"g": grant(["a"], flow("recipient", "api")), "h": grant(["a"], flow("recipient", "api"), realm="s")},
    "https://deployed",
    "r",
    {"url": "https://config", "adminPassword": "pw"},
)


@pytest.mark.parametrize(
    ("names", "realm", "expected"),
    [
        ([], None, ["g", "h"]),
        (["h"], None, ["h"]),
        (["h", "g", "h"], None, ["h", "g"]),
        ([], "s", ["h"]),
        (["g"], "s", []),
    ],
)
def test_chosen_cases(names: list[str], realm: str | None, expected: list[str]) -> None:
    assert [each.grant for each in STACK.cases(names, realm)] == expected


@pytest.mark.parametrize(
    ("names", "realm", "words"),
    [
        (["x"], None, "grant 'x': is not in this stack; there are: g, h."),
        ([], "rr", "realm 'rr': no grant of this stack is in it; did you mean 'r'?"),
    ],
)
def test_no_such_grant(names: list[str], realm: str | None, words: str) -> None:
    with pytest.raises(StackProblem) as raised:
        STACK.cases(names, realm)
    assert str(raised.value) == words


@pytest.mark.parametrize(
    ("stack", "url", "expected"),
    [
        (STACK, None, "https://deployed"),
        (STACK, "https://given", "https://given"),
        (StackOutputs({}, "", "", STACK.config), None, "https://config"),
    ],
)
def test_where_the_server_is(stack: StackOutputs, url: str | None, expected: str) -> None:
    assert stack.connection(url, environ={"KEYCLOAK_URL": "http://environment"}).url == expected


def test_the_environments_secret_wins_and_none_is_shown() -> None:
    connection = STACK.connection(environ={"KEYCLOAK_ADMIN_PASS": "rotated"})
    assert connection.login == PasswordLogin("admin", "rotated")
    assert "'pw'" not in repr(STACK)


def test_read_stack() -> None:
    asked: list[Sequence[str]] = []

    def pulumi(arguments: Sequence[str]) -> str:
        asked.append(arguments)
        if arguments[0] == "config":
            return json.dumps(
                {
                    "keycloak-token-exchange:url": {"value": "http://c", "secret": False},
                    "other:url": {"value": "http://o"},
                }
            )
        return exported({"g": grant(["a"]), "half": {}}, {"url": "http://k", "realm": "r"})

    stack = read_stack("prod", pulumi)
    assert (stack.url, stack.realm, stack.config, list(stack.grants)) == ("http://k", "r", {"url": "http://c"}, ["g"])
    assert asked == [
        ["stack", "export", "--stack", "prod"],
        ["config", "--json", "--show-secrets", "--stack", "prod"],
    ]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ("{}", "stack: is not deployed yet; run `pulumi up` first."),
        (exported({"g": {}}), "stack: its grants are not complete; run `pulumi up` first."),
        ("oops", "pulumi: its answer is not a JSON object"),
    ],
)
def test_outputs_that_cannot_be_read(outputs: str, words: str) -> None:
    with pytest.raises(StackProblem) as raised:
        read_stack(None, lambda arguments: outputs)
    assert words in str(raised.value)


@pytest.mark.parametrize("output", [{}, {"flows": None}, {"flows": ["recipient"]}, grant(["a"], {"flow": "recipient"})])
def test_an_output_of_another_version(output: dict[str, Any]) -> None:
    with pytest.raises(StackProblem, match="grant 'g': its output has a shape that this version does not know"):
        cases_of("g", output)


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        ("error: no stack selected; please use ...", "stack: none is selected; run `pulumi stack select`"),
        ("error: no Pulumi.yaml project file found", "project: there is no Pulumi.yaml here"),
        ("error: no stack named 'zzz' found", "stack 'zzz': does not exist"),
        (
            "warning: a new version is there\nerror: incorrect passphrase",
            "`pulumi stack export`: incorrect passphrase",
        ),
        ("no error at all", "`pulumi stack export`: no error at all"),
        ("\nerror: incorrect passphrase\nmore", "`pulumi stack export`: incorrect passphrase"),
    ],
)
def test_pulumis_own_words(stderr: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "pulumi"
    command.write_text("#!/bin/sh\nprintf '%s' \"$WORDS\" >&2\nexit 255\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("WORDS", stderr)
    with pytest.raises(StackProblem) as raised:
        read_stack("zzz")
    assert words in str(raised.value)


def test_pulumi_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackProblem, match="pulumi: is not on PATH"):
        run_pulumi(["stack", "output"])


def test_a_grant_with_an_explicit_provider_of_the_package_is_in_another_keycloak() -> None:
    kind, provider = "keycloak-token-exchange:index:TokenExchangeGrant", "pulumi:providers:keycloak-token-exchange"
    at = "urn:pulumi:prod::shop::"
    served = {"type": provider, "urn": f"{at}{provider}::eu", "id": "1", "inputs": {"url": "https://eu"}}
    listed: list[dict[str, Any]] = [served]
    for name, by in (("here", f"{at}{provider}::default_0_1_0_git_/host/kte::0"), ("there", f"{at}{provider}::eu::1")):
        made = {"type": kind, "urn": f"{at}{kind}::{name}", "outputs": grant(["a"], flow("recipient", "api"))}
        listed += [made, {"type": "x", "urn": f"{at}x::{name}", "parent": made["urn"], "provider": by}]

    def pulumi(command: Sequence[str]) -> str:
        config = {"keycloak-token-exchange:realm": {"value": "r"}}
        return json.dumps(config if command[0] == "config" else {"deployment": {"resources": listed}})

    found = read_stack(None, pulumi)
    assert (set(found.grants), found.elsewhere, found.realm) == ({"here"}, {"there": "https://eu"}, "r")
