"""Servers that are no Keycloak: what they get of us, and how long they keep us. Each on a socket of this machine."""

import gzip
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from exchange.cli import app
from kcadmin.rest import bounded
from kcadmin.rest.connection import ClientSecretLogin, Connection, PasswordLogin, PrivateKeyLogin
from kcadmin.rest.errors import KeycloakError, Unreachable
from kcadmin.rest.session import Session
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from tests.support.hostile_server import Asked, Hostile, Write, hostile, reply

PASSWORD = "MyS3cret/Admin Pw"
TOKEN = jwt.encode({"iss": "http://x/realms/master"}, "k" * 32, "HS256")
KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
DISCOVERY = "/.well-known/openid-configuration"
LOGIN = "/openid-connect/token"


def after_login(answer: Callable[[Asked, Write], None]) -> Callable[[Asked, Write], None]:
    """A login that works, and then the answer."""

    def act(asked: Asked, write: Write) -> None:
        if LOGIN in asked.line:
            write(reply(body={"access_token": TOKEN, "expires_in": 60}))
        else:
            answer(asked, write)

    return act


def session(server: Hostile) -> Session:
    return Session(Connection(server.url, PasswordLogin("admin", PASSWORD)))


# Who gets an assertion

ELSEWHERE = (
    "https://production.example.com/realms/r7",
    "http://127.0.0.1:1/realms/r7",
    "{url}/realms/other",
    "{url}/another/realms/r7",
    "{url}@production.example.com/realms/r7",
    "https://production.example.com/realms/r7?{url}/realms/r7",
    "HTTPS://PRODUCTION.example.com/realms/r7",
    "",
    None,
    ["https://production.example.com/realms/r7"],
)


def says_it_is(issuer: Any) -> Callable[[Asked, Write], None]:
    def act(asked: Asked, write: Write) -> None:
        url = next(f"http://{each[6:]}" for each in asked.head.splitlines() if each.lower().startswith("host: "))
        said = issuer.format(url=url) if isinstance(issuer, str) else issuer
        write(reply(body={"issuer": said} if DISCOVERY in asked.line else {"access_token": TOKEN}))

    return act


@pytest.mark.parametrize("issuer", ELSEWHERE, ids=str)
def test_no_assertion_is_made_for_another_server(issuer: Any) -> None:
    with hostile(says_it_is(issuer)) as server:
        robot = Session(Connection(server.url, PrivateKeyLogin("wide", KEY), "r7"))
        with pytest.raises(KeycloakError, match=r"^Keycloak at 'http://127.+; .+"):
            robot.get("/admin/realms/r7/clients")
        with pytest.raises(KeycloakError, match=r"^Keycloak at 'http://127.+; .+"):
            TokenEndpoint(session(server), "r7").for_service_account(ClientCredentials("shop", KEY))
        assert not [each for each in server.asked if "assertion" in each.body]


def test_no_command_makes_an_assertion_for_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_PRIVATE_KEY", KEY)
    with hostile(says_it_is(ELSEWHERE[0])) as server:
        where = ["--url", server.url, "--realm", "r7", "--client-id", "wide", "--login-realm", "r7"]
        for command in (["doctor", "--source", "a", "--target", "b"], ["graph"], ["inventory"], ["audit"]):
            result = CliRunner().invoke(app, [*command, *where])
            assert result.exit_code == 2
            assert f"Keycloak at '{server.url}': the issuer of realm 'r7' is '{ELSEWHERE[0]}'" in result.stderr
        assert {each.line.split()[0] for each in server.asked} == {"GET"}


@pytest.mark.parametrize("public_url", ["https://login.example.com", "https://LOGIN.example.com:443"])
def test_an_address_that_is_named_is_the_assertions_audience(public_url: str) -> None:
    with hostile(says_it_is("https://login.example.com/realms/r7")) as server:
        robot = Session(Connection(server.url, PrivateKeyLogin("wide", KEY), "r7", public_url=public_url))
        robot.get("/admin/x")
        (sent,) = (each for each in server.asked if "assertion" in each.body)
        assertion = parse_qs(sent.body)["client_assertion"][0]
        claims = jwt.decode(assertion, options={"verify_signature": False})
        assert claims["aud"] == "https://login.example.com/realms/r7"
        with pytest.raises(KeycloakError, match=r"the issuer of its tokens is 'http://x', and publicUrl is"):
            robot.issuer("r7")  # the token itself names another server


# How long an answer may be, and take


def endless(status: int, *headers: bytes) -> Callable[[Asked, Write], None]:
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"

    def act(_: Asked, write: Write) -> None:
        write(b"\r\n".join([b"HTTP/1.1 %d X" % status, b"Transfer-Encoding: chunked", *headers, b"", b""]))
        while True:
            write(piece)

    return act


def bomb(_: Asked, write: Write) -> None:
    """A hundred times longer than it looks."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(100)) + packer.flush()
    write(reply(body=packed, Content_Encoding="gzip"))


def bomb_in_a_bomb(_: Asked, write: Write) -> None:
    write(reply(body=gzip.compress(gzip.compress(b" " * (1 << 20))), Content_Encoding="gzip, gzip"))


def endless_headers(_: Asked, write: Write) -> None:
    while True:
        write(b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 60_000 + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (endless(200), "is longer than 64 MB"),
        (endless(503), "is longer than 64 MB"),
        (endless(302, b"Location: /elsewhere"), "is longer than 64 MB"),
        (endless_headers, "is longer than 64 MB"),
        (bomb, "is longer than 64 MB"),
        (bomb_in_a_bomb, "is packed several times"),
    ],
    ids=["endless", "busy and endless", "redirect and endless", "headers", "bomb", "bomb in a bomb"],
)
def test_an_answer_has_a_longest_size(answer: Callable[[Asked, Write], None], words: str) -> None:
    with hostile(after_login(answer)) as server:
        with pytest.raises(Unreachable, match=rf"^Keycloak at .+ its answer to GET /admin/x {words}; .+\.$"):
            session(server).get("/admin/x")
        assert server.sent < 80 << 20 and len(server.asked) == 2, "it is not asked again"


def dripping(first: bytes) -> Callable[[Asked, Write], None]:
    def act(_: Asked, write: Write) -> None:
        write(first)
        while True:
            write(b" ")
            time.sleep(0.05)

    return act


@pytest.mark.parametrize(
    "answer",
    [
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nX-Long: "),
        dripping(b"HTTP/1.1 "),
        dripping(b"HTTP/1.1 503 X\r\nContent-Length: 100000\r\n\r\n"),
    ],
    ids=["body", "chunk", "chunk's size", "header", "status", "busy"],
)
@pytest.mark.parametrize("at_login", [False, True], ids=["", "login"])
def test_an_answer_has_a_longest_time(
    answer: Callable[[Asked, Write], None], at_login: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "ANSWER_SECONDS", 0.4)
    with hostile(answer if at_login else after_login(answer)) as server:
        start = time.monotonic()
        with pytest.raises(Unreachable, match=r"its answer to .+ did not end within 0.4 seconds; .+\.$"):
            session(server).get("/admin/x")
        assert time.monotonic() - start < 60


@pytest.mark.parametrize("at", [DISCOVERY, "/certs"])
def test_discovery_and_keys_have_an_end_too(at: str) -> None:
    def act(asked: Asked, write: Write) -> None:
        if at in asked.line:
            endless(200)(asked, write)
        write(reply(body={"issuer": "http://x/realms/r"}))

    signed = jwt.encode({"iss": "http://x/realms/r"}, KEY, "ES256", {"kid": "k"})
    with hostile(after_login(act)) as server:
        endpoint = TokenEndpoint(session(server), "r")
        with pytest.raises(Unreachable, match="is longer than 64 MB"):
            endpoint.issuer() if at == DISCOVERY else endpoint.claims(signed)


# What a server says again


def echo(asked: Asked) -> str:
    return f"you sent {asked.line} {asked.head} {asked.body}"


@pytest.mark.parametrize(
    ("key", "status"), [("error", 400), ("errorMessage", 403), ("error_description", 401), ("error_description", 500)]
)
def test_what_a_server_repeats_is_not_repeated(key: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    def repeat(asked: Asked, write: Write) -> None:
        write(reply(status, {"error": "invalid_grant", key: echo(asked)}))

    said: list[str] = []
    for login in (PasswordLogin("admin", PASSWORD), ClientSecretLogin("robot", PASSWORD)):
        with hostile(repeat) as server, pytest.raises(KeycloakError) as caught:
            Session(Connection(server.url, login)).get("/admin/x")
        said += [str(caught.value), str(vars(caught.value))]
    with hostile(after_login(repeat)) as server:
        its = session(server)
        for call in (
            lambda: its.get("/admin/x"),
            lambda: its.put("/admin/x", {}),
            lambda: its.post("/admin/x", {}),
        ):
            with pytest.raises(KeycloakError) as caught:
                call()
            said += [str(caught.value), str(vars(caught.value))]

    def answers(asked: Asked, write: Write) -> None:
        if asked.line.startswith("GET"):
            url = next(each[6:] for each in asked.head.splitlines() if each.startswith("Host: "))
            write(reply(body={"issuer": f"http://{url}/realms/r"}))
        else:
            repeat(asked, write)

    with hostile(answers) as server:
        endpoint = TokenEndpoint(session(server), "r")
        for client in (ClientCredentials("shop", "secret-of-shop"), ClientCredentials("shop", KEY)):
            for ask in (
                lambda client=client: endpoint.for_user(client, "alice", "Pa55 word+of/alice"),
                lambda client=client: endpoint.exchange(client, "opaque-subject-token"),
                lambda client=client: endpoint.revoke(client, "opaque-access-token"),
            ):
                with pytest.raises(KeycloakError) as caught:
                    ask()
                said += [str(caught.value), str(vars(caught.value))]
    text = "\n".join(said)
    assert len(said) > 15 and "left out" in text
    for hush in ("MyS3cret", "S3cret", "eyJ", "secret-of-shop", "Pa55", "opaque-", TOKEN):
        assert hush not in text, hush
    assert max(map(len, said)) < 2000


def test_no_header_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    def act(asked: Asked, write: Write) -> None:
        sent = next(each for each in asked.head.splitlines() if each.startswith("Authorization"))
        write(reply(200, b"<html>", Content_Type=sent, Location=f"/x/{sent}"))

    with hostile(after_login(act)) as server:
        its = session(server)
        for call in (lambda: its.get("/admin/x"), lambda: its.create("/admin/x", {}), lambda: its.put("/admin/x", {})):
            with pytest.raises(KeycloakError) as caught:
                call()
            assert "eyJ" not in str(caught.value) and len(str(caught.value)) < 500


def test_neither_a_status_line_nor_a_proxy_repeats_a_token() -> None:
    def act(asked: Asked, write: Write) -> None:
        write(asked.head.encode())

    with hostile(after_login(act)) as server, pytest.raises(Unreachable) as caught:
        session(server).get("/admin/x")
    assert "eyJ" not in str(caught.value)


# Proxies


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """A proxy that all variables name, and no NO_PROXY."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with hostile(lambda asked, write: write(reply(502, {"error": "from the proxy"}))) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.replace("//", "//someone:hush-hush@"))
        yield proxy


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.9"])
def test_this_machine_is_asked_without_a_proxy(proxied: Hostile, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with hostile(after_login(lambda asked, write: write(reply(body=[])))) as server:
        connection = Connection(server.url.replace("127.0.0.1", host), PasswordLogin("admin", PASSWORD))
        if host == "127.0.0.9":  # nobody listens there
            with pytest.raises(Unreachable, match="refused"):
                Session(connection).get("/admin/x")
        else:
            assert Session(connection).get("/admin/x") == []
    assert proxied.asked == []


def test_a_sentence_names_the_proxy(proxied: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    its = Session(Connection("https://keycloak.invalid", PasswordLogin("admin", PASSWORD)))
    with pytest.raises(Unreachable) as caught:
        its.get("/admin/x")
    assert f"Keycloak at 'https://keycloak.invalid' through the proxy '{proxied.url}': no answer" in str(caught.value)
    assert "hush-hush" not in str(caught.value) and proxied.asked
    monkeypatch.setenv("no_proxy", "keycloak.invalid")
    with pytest.raises(Unreachable, match=r"^Keycloak at 'https://keycloak.invalid': no answer"):
        Session(its.connection).get("/admin/x")
