"""A login by another issuer's token: where it comes from, when it is chosen, and what is never sent or shown."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from kcadmin.rest.assertions import assertion_remedy, read_assertion
from kcadmin.rest.connection import (
    ADMIN_PASSWORD,
    ASSERTION_COMMAND,
    ASSERTION_FILE,
    ASSERTION_TYPE,
    CLIENT_SECRET,
    AssertionLogin,
    PasswordLogin,
    read_connection,
)
from kcadmin.rest.errors import InvalidSettings, LoginRefused
from tests.support.fake_server import FakeKeycloak

URL = "https://keycloak.example.com"
CLIENTS = "/admin/realms/r/clients"


def token(audience: object, **claims: object) -> str:
    """Some issuer's, signed with nothing that counts here."""
    return jwt.encode({"iss": "https://ci", "sub": "job", "aud": audience, **claims}, "k" * 32, algorithm="HS256")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "token"
    found.write_text(f"{token('a')}\n")
    return found


@pytest.fixture
def keycloak() -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm("r", api={})
    return server


def chosen(config: Mapping[str, object], environ: Mapping[str, str]) -> object:
    return read_connection({"url": URL, **config}.get, environ).login


def test_when_it_is_chosen(file: Path) -> None:
    at = str(file)
    by_file, by_command = AssertionLogin("", at), AssertionLogin("", "", "print-token")
    assert chosen({"clientAssertionFile": at}, {}) == by_file
    assert chosen({"clientAssertionFile": "/gone"}, {ASSERTION_FILE: at}) == by_file
    assert chosen({"clientAssertionFile": "/gone"}, {ASSERTION_COMMAND: "print-token"}) == by_command
    assert chosen({"clientAssertionFile": at}, {ADMIN_PASSWORD: "pw", CLIENT_SECRET: "s"}) == by_file
    assert chosen({}, {ASSERTION_COMMAND: "print-token"}) == by_command
    assert chosen({"clientId": "robot"}, {ASSERTION_FILE: at}) == replace(by_file, client_id="robot")
    spiffe = {"clientAssertionFile": at, "clientAssertionType": "jwt-spiffe"}
    assert chosen(spiffe, {}) == replace(by_file, kind="jwt-spiffe")
    typed = {ASSERTION_FILE: at, ASSERTION_TYPE: "jwt-spiffe"}  # of a command without a stack
    assert (
        chosen({}, typed) == chosen({"clientAssertionType": "jwt-bearer"}, typed) == replace(by_file, kind="jwt-spiffe")
    )
    assert chosen({"adminPassword": "pw"}, {ASSERTION_FILE: at}) == PasswordLogin("admin", "pw")
    assert chosen({}, {ASSERTION_FILE: at, ADMIN_PASSWORD: "pw"}) == PasswordLogin("admin", "pw")
    assert "print-token" not in repr(by_command)


@pytest.mark.parametrize(
    ("config", "environ", "says"),
    [
        ({"clientAssertionFile": "/gone"}, {}, "config 'clientAssertionFile': there is no file '/gone'; mount"),
        ({"privateKey": "hush"}, {}, "config 'privateKey': is set beside clientAssertionFile; keep one"),
        (
            {"clientAssertionType": "saml"},
            {},
            "config 'clientAssertionType': is 'saml'; choose one of jwt-bearer, jwt-s",
        ),
        (
            {},
            {ASSERTION_TYPE: "saml"},
            f"environment variable '{ASSERTION_TYPE}': is 'saml'; choose one of jwt-bearer,",
        ),
        ({}, {ASSERTION_FILE: "/x", ASSERTION_COMMAND: "y"}, f"environment variable '{ASSERTION_FILE}': is set beside"),
    ],
)
def test_faults(config: dict[str, object], environ: dict[str, str], says: str, file: Path) -> None:
    with pytest.raises(InvalidSettings) as refused:
        chosen({"clientAssertionFile": str(file), **config}, environ)
    (fault,) = refused.value.faults
    assert fault.startswith(says) and "hush" not in fault


def test_it_is_read_at_each_login(keycloak: FakeKeycloak, file: Path) -> None:
    issuer = f"{keycloak.url}/realms/r"
    connection = replace(keycloak.connection, login=AssertionLogin("", str(file)), login_realm="r")
    session = keycloak.session(connection)
    sent = []
    for number in (1, 2):
        file.write_text(token([issuer] if number == 1 else issuer, jti=str(number)))
        session.get(CLIENTS)
        keycloak.tokens.clear()
        sent.append(jwt.decode(keycloak.logins()[-1].body["client_assertion"], options={"verify_signature": False}))
    assert [each["jti"] for each in sent] == ["1", "2"]
    assert "client_id" not in keycloak.logins()[-1].body


@pytest.mark.parametrize(
    "audience", ["https://another/realms/r", ["https://another/realms/r"], None, [], {"a": 1}], ids=str
)
def test_a_token_for_another_server_is_not_sent(keycloak: FakeKeycloak, file: Path, audience: object) -> None:
    file.write_text(token(audience))
    connection = replace(keycloak.connection, login=AssertionLogin("robot", str(file)), login_realm="r")
    with pytest.raises(LoginRefused, match=r"has the audience .*; ask for a token with the audience .*/realms/r'\.$"):
        keycloak.session(connection).get(CLIENTS)
    assert keycloak.logins() == []


@pytest.mark.parametrize(
    "text",
    [
        "hush-hush",
        "eyJ.x",
        "eyJa.b.c d",
        "eyJ" + "a" * 70_000 + ".b.c",
        "eyJa.b.c\0",
        '"eyJa.b.c"',
        "eyJa.b.c\neyJa.b.c",
    ],
)
def test_what_is_no_token_is_neither_sent_nor_shown(text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(LoginRefused, match=r"is not a JWT; ") as refused:
        read_assertion(AssertionLogin("", str(file)))
    assert text not in str(refused.value)


def test_a_file_as_people_and_kubernetes_make_it(tmp_path: Path) -> None:
    (tmp_path / "..1").mkdir()
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "token").symlink_to("..data/token")
    at = AssertionLogin("", str(tmp_path / "token"))
    for content in (b"eyJa.b.c", b"\xef\xbb\xbfeyJa.b.c\r\n"):
        (tmp_path / "..1" / "token").write_bytes(content)
        assert read_assertion(at) == "eyJa.b.c"
    (tmp_path / "..1" / "token").write_bytes(b" \n")
    with pytest.raises(LoginRefused, match=r"token': has nothing in it; it must be the token"):
        read_assertion(at)


def test_a_file_that_has_gone(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "pipe")  # nobody writes to it: opening it would wait for ever
    for name, why in (
        ("none", "No such file or directory"),
        ("bytes", "no text"),
        ("pipe", "not a file"),
        (".", "not a file"),
    ):
        with pytest.raises(LoginRefused, match=rf"cannot be read \({why}\); mount"):
            read_assertion(AssertionLogin("", str(tmp_path / name)))


def run(code: str) -> str:
    return f"{sys.executable} -c '{code}'"


def test_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_assertion(AssertionLogin("", command=run('print("eyJhIjoxfQ.b.c")'))) == "eyJhIjoxfQ.b.c"
    secret = run('import sys; print("first", file=sys.stderr); sys.exit("token eyJhIjoxfQ.b.c for you")')
    with pytest.raises(LoginRefused, match=r"ended with 1 \(token \(left out\) for you\); run it by hand"):
        read_assertion(AssertionLogin("", command=secret))
    monkeypatch.setenv("JOB_TOKEN", "not-like-a-token")
    hostile = 'import sys; sys.stderr.buffer.write(b"\\x1b[1m \\xe9 not-like-a-token glpat-0123456789abcdefghij"); sys.exit(3)'
    with pytest.raises(LoginRefused, match=r"ended with 3 \(\\u001b\[1m \ufffd \(left out\) \(left out\)\); run"):
        read_assertion(AssertionLogin("", command=run(hostile)))
    with pytest.raises(LoginRefused, match="is not a JWT"):
        read_assertion(AssertionLogin("", command=run('import sys; sys.stdout.buffer.write(b"\\xff")')))
    for wrong in ("/no/such/program", "'open"):
        with pytest.raises(LoginRefused, match=r"cannot be run \(.*\); correct it"):
            read_assertion(AssertionLogin("", command=wrong))
    monkeypatch.setattr("kcadmin.rest.assertions.COMMAND_SECONDS", 0.2)
    with pytest.raises(LoginRefused, match=r"has not ended after 0\.2 s"):
        read_assertion(AssertionLogin("", command=run("import time; time.sleep(9)")))


def test_an_answer_leads_to_its_remedy() -> None:
    login = AssertionLogin("robot", "/t")
    assert ASSERTION_COMMAND in assertion_remedy(login, "", "invalid_client: Token reuse detected")
    assert "correct clientId" in assertion_remedy(login, "", "client_id parameter does not match authenticated client")
    unknown = assertion_remedy(login, token("a"), "Invalid client or Invalid client credentials")
    assert "the issuer 'https://ci'" in unknown and "the subject 'job'" in unknown
    workload = assertion_remedy(
        replace(login, kind="jwt-spiffe"), token("a"), "Invalid client or Invalid client credentials"
    )
    assert workload.startswith("the realm needs an identity provider of the type SPIFFE for the trust domain of 'job'")
