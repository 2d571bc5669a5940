"""The session through its transport: what is repeated, when it logs in, and what it says when something is wrong."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from kcadmin.rest.answers import UNNAMED_TEXT
from kcadmin.rest.connection import ClientSecretLogin, PasswordLogin, PrivateKeyLogin
from kcadmin.rest.errors import (
    AnswerLost,
    Conflict,
    Forbidden,
    HttpError,
    InvalidSettings,
    KeycloakError,
    LoginRefused,
    NotImplementedHere,
    Refusal,
    UnexpectedAnswer,
    Unreachable,
)
from kcadmin.rest.login import client_assertion
from kcadmin.rest.patience import TIMES
from kcadmin.rest.retries import HALVES
from kcadmin.rest.session import Session, path, session_for
from tests.support.fake_server import PASSWORD, SECRET, URL, Answer, FakeKeycloak

CLIENTS = "/admin/realms/r/clients"
SAFE = ("GET", "PUT", "DELETE")
BUSY = (409, 429, 500, 502, 503, 504)


@pytest.fixture
def keycloak() -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm("r", api={})
    return server


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for, none of which is made."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Moves the session's clock on."""
    now = [1000.0]
    monkeypatch.setattr("kcadmin.rest.session.time.monotonic", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += seconds

    yield forward


def request(session: Session, method: str, at: str) -> Any:
    calls: dict[str, Callable[[], Any]] = {
        "GET": lambda: session.get(at),
        "PUT": lambda: session.put(at, {}),
        "POST": lambda: session.post(at, {}),
        "DELETE": lambda: session.delete(at),
    }
    return calls[method]()


def pem(key: PrivateKeyTypes, password: str | None = None) -> str:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


# What is repeated

DONE = {"GET": 200, "POST": 201, "PUT": 201, "DELETE": 201}


@pytest.mark.parametrize("status", BUSY)
@pytest.mark.parametrize("method", SAFE)
def test_a_busy_server_is_asked_again(keycloak: FakeKeycloak, method: str, status: int) -> None:
    keycloak.interfere(Answer(status, {}), Answer(status, {}), Answer(DONE[method], {}), at=f"^{method} .*/x$")
    request(keycloak.session(), method, "/admin/x")
    assert len(keycloak.asked("/x$")) == 3


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_page_before_keycloak_is_no_success(keycloak: FakeKeycloak, method: str) -> None:
    keycloak.interfere(Answer(200, {}, {"Content-Type": "text/html"}), at="/x$")
    with pytest.raises(KeycloakError, match="answered 200 with text/html, which Keycloak never sends"):
        request(keycloak.session(), method, "/admin/x")


@pytest.mark.parametrize("status", [status for status in BUSY if status != 429])
def test_a_post_that_may_have_been_done_is_never_repeated(keycloak: FakeKeycloak, status: int) -> None:
    keycloak.interfere(Answer(status, {}), at="/x$")
    with pytest.raises(HttpError):
        keycloak.session().post("/admin/x", {})
    assert len(keycloak.asked("/x$")) == 1


def test_a_post_that_was_not_done_is_repeated(keycloak: FakeKeycloak, waits: list[float]) -> None:
    keycloak.interfere(Answer(429, {}, {"Retry-After": "7"}), Answer(201, {}), at="/x$")
    keycloak.session().post("/admin/x", {})
    assert len(keycloak.asked("/x$")) == 2 and waits == [7]


@pytest.mark.parametrize("status", BUSY)
def test_a_busy_server_is_no_wrong_password(keycloak: FakeKeycloak, status: int) -> None:
    keycloak.interfere(*[Answer(status, {"error": "busy"})] * 9, at="/token$")
    keycloak.interfere(*[Answer(status, {"error": "busy"})] * 9, at="/token$")
    with pytest.raises(HttpError, match=rf"/token -> {status} .*: busy; run the same command again\.$"):
        keycloak.session().get("/admin/x")


@pytest.mark.parametrize("method", (*SAFE, "POST"))
@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_a_clear_answer_is_not_repeated(keycloak: FakeKeycloak, method: str, status: int) -> None:
    keycloak.interfere(Answer(status, {}), at="/x$")
    with pytest.raises(HttpError):
        request(keycloak.session(), method, "/admin/x")
    assert len(keycloak.asked("/x$")) == 1


@pytest.mark.parametrize(("method", "times"), [("GET", 4), ("PUT", 4), ("DELETE", 4), ("POST", 1)])
def test_a_lost_answer_is_asked_for_again_but_never_by_post(keycloak: FakeKeycloak, method: str, times: int) -> None:
    keycloak.interfere(*[ConnectionResetError(104, "Connection reset by peer")] * 9, at="/x$")
    with pytest.raises(Unreachable, match="Connection reset by peer"):
        request(keycloak.session(), method, "/admin/x")
    assert len(keycloak.asked("/x$")) == times


@pytest.mark.parametrize("method", [*SAFE, "POST"])
def test_a_refused_connection_is_tried_again_since_nothing_was_sent(keycloak: FakeKeycloak, method: str) -> None:
    keycloak.interfere(urllib3.exceptions.NewConnectionError(None, "refused"), Answer(DONE[method], {}), at="/x$")  # type: ignore[arg-type]
    request(keycloak.session(), method, "/admin/x")
    assert len(keycloak.asked("/x$")) == 2


def test_the_server_says_how_long_to_wait_within_reason(keycloak: FakeKeycloak, waits: list[float]) -> None:
    keycloak.interfere(
        Answer(429, {}, {"Retry-After": "7"}), Answer(429, {}, {"Retry-After": "86400"}), Answer(200, {}), at="/x$"
    )
    keycloak.session().get("/admin/x")
    assert waits == [7, 30]


def test_a_server_that_stays_busy_is_given_up_with_its_own_words(keycloak: FakeKeycloak, waits: list[float]) -> None:
    keycloak.interfere(*[Answer(503, {"error": "starting"})] * 20, at="/x$")
    with pytest.raises(
        HttpError, match=r"^GET /admin/x -> 503 Service Unavailable: starting; run the same command again\.$"
    ):
        keycloak.session().get("/admin/x")
    assert len(keycloak.asked("/x$")) == 6 and sum(waits) < 15


# When it logs in


def test_one_login_for_many_requests(keycloak: FakeKeycloak) -> None:
    session = keycloak.session()
    for _ in range(5):
        session.get(CLIENTS)
    assert len(keycloak.logins()) == 1


def test_no_login_before_the_first_request(keycloak: FakeKeycloak) -> None:
    keycloak.session()
    assert keycloak.requests == []


def test_one_login_under_eight_threads(keycloak: FakeKeycloak) -> None:
    session, start = keycloak.session(), threading.Barrier(8)
    problems: list[BaseException] = []

    def work() -> None:
        try:
            start.wait()
            session.get(CLIENTS)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert problems == [] and len(keycloak.logins()) == 1 and len(keycloak.asked("GET")) == 8


@pytest.mark.parametrize(
    ("lives", "after", "logins"), [(60, 49, 1), (60, 51, 2), (60, 61, 2), (10, 4, 1), (10, 6, 2), (3600, 3500, 1)]
)
def test_a_token_is_renewed_before_it_ends(
    keycloak: FakeKeycloak, clock: Callable[[float], None], lives: float, after: float, logins: int
) -> None:
    keycloak.token_seconds = lives
    session = keycloak.session()
    session.get(CLIENTS)
    clock(after)
    session.get(CLIENTS)
    assert len(keycloak.logins()) == logins


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_revoked_token_is_renewed_once(keycloak: FakeKeycloak, method: str) -> None:
    session = keycloak.session()
    session.get(CLIENTS)
    keycloak.tokens.clear()
    keycloak.interfere(lambda _: None, lambda _: Answer(201 if method == "POST" else 200, {}), at="/x$")
    request(session, method, "/admin/x")
    assert len(keycloak.logins()) == 2 and len(keycloak.asked("/x$")) == 2


def test_a_401_that_stays_is_an_error_and_no_loop(keycloak: FakeKeycloak) -> None:
    keycloak.interfere(*[Answer(401, {"error": "HTTP 401 Unauthorized"})] * 9, at="/x$")
    with pytest.raises(HttpError, match="401"):
        keycloak.session().get("/admin/x")
    assert len(keycloak.asked("/x$")) == 2


def test_threads_that_meet_the_same_revoked_token_log_in_once_more(keycloak: FakeKeycloak) -> None:
    session, start = keycloak.session(), threading.Barrier(4)
    session.get(CLIENTS)
    keycloak.tokens.clear()

    def work() -> None:
        start.wait()
        session.get(CLIENTS)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(keycloak.logins()) == 2


def test_one_session_for_a_connection(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    keycloak.install(monkeypatch)
    made = []
    start = Session.__init__
    monkeypatch.setattr(
        Session, "__init__", lambda self, connection: made.append(connection) or start(self, connection)
    )
    assert session_for(keycloak.connection) is session_for(keycloak.connection)
    assert session_for(keycloak.connection) is not session_for(replace(keycloak.connection, login_realm="r"))
    assert len(made) == 2  # each makes its pools of connections and reads the environment


@pytest.mark.parametrize(
    ("login", "form"),
    [
        (
            PasswordLogin("admin", PASSWORD),
            {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": PASSWORD},
        ),
        (
            ClientSecretLogin("robot", SECRET),
            {"grant_type": "client_credentials", "client_id": "robot", "client_secret": SECRET},
        ),
    ],
    ids=["password", "client secret"],
)
def test_what_a_login_sends(keycloak: FakeKeycloak, login: Any, form: dict[str, str]) -> None:
    keycloak.session(replace(keycloak.connection, login=login, login_realm="r")).get(CLIENTS)
    (sent,) = keycloak.logins()
    assert sent.path == "/realms/r/protocol/openid-connect/token" and sent.body == form
    assert "Authorization" not in sent.headers


# private_key_jwt


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(public_exponent=65537, key_size=1024), "RS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ec.generate_private_key(ec.SECP521R1()), "ES512"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ],
    ids=["RSA", "P-256", "P-384", "P-521", "Ed25519"],
)
def test_private_key_jwt(keycloak: FakeKeycloak, key: Any, algorithm: str) -> None:
    keycloak.issuer = "https://public.example.com"  # behind a proxy: not the address that we call
    login = PrivateKeyLogin("robot", pem(key))
    connection = replace(keycloak.connection, login=login, login_realm="r", public_url=keycloak.issuer)
    session = keycloak.session(connection)
    session.get(CLIENTS)
    keycloak.tokens.clear()
    session.get(CLIENTS)
    issuer, seen = "https://public.example.com/realms/r", set()
    for sent in keycloak.logins():
        assert sent.body["grant_type"] == "client_credentials" and sent.body["client_id"] == "robot"
        assert sent.body["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert "client_secret" not in sent.body
        claims = jwt.decode(sent.body["client_assertion"], key.public_key(), algorithms=[algorithm], audience=issuer)
        assert claims["aud"] == issuer and claims["iss"] == claims["sub"] == "robot"
        assert 0 < claims["exp"] - claims["iat"] <= 60 and abs(claims["iat"] - time.time()) < 120
        seen.add(claims["jti"])
    assert len(seen) == 2


@pytest.mark.parametrize(
    "text",
    [
        "not a key",
        "-----BEGIN PRIVATE KEY-----\nrubbish\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP256R1()), "passphrase"),
        pem(ec.generate_private_key(ec.SECP256K1())),
    ],
    ids=["text", "rubbish", "encrypted", "curve"],
)
def test_a_key_that_cannot_sign_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^config 'privateKey': is .*; give one.*\.$") as caught:
        client_assertion("robot", text, "aud")
    assert not any(line and line in str(caught.value) for line in text.splitlines()[1:])
    assert (caught.value.__cause__ is None and caught.value.__suppress_context__) or caught.value.__context__ is None


# TLS


@pytest.mark.parametrize(
    ("settings", "verify"),
    [
        ({"ca_certificate": "CA"}, "CA"),
        ({"insecure_tls": True}, False),
        ({"ca_certificate": "CA", "insecure_tls": True}, False),
    ],
    ids=str,
)
def test_the_certificate_is_verified_with_our_file_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, Any], verify: Any
) -> None:
    keycloak = FakeKeycloak("https://keycloak.test")
    keycloak.add_realm("r")
    (tmp_path / "CA").write_text("")
    (tmp_path / "other").write_text("")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "other"))
    monkeypatch.chdir(tmp_path)
    keycloak.session(replace(keycloak.connection, **settings)).get(CLIENTS)
    assert keycloak.verified and set(keycloak.verified) == {verify}


def test_without_settings_the_certificate_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    keycloak = FakeKeycloak("https://keycloak.test")
    keycloak.add_realm("r")
    keycloak.session().get(CLIENTS)
    assert set(keycloak.verified) == {True}


# What it says


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            ssl.SSLCertVerificationError(1, "certificate verify failed: self signed"),
            "its TLS certificate is not accepted",
        ),
        (urllib3.exceptions.NewConnectionError(None, "[Errno 111] Connection refused"), "Connection refused"),  # type: ignore[arg-type]
        (urllib3.exceptions.NameResolutionError("host", None, OSError(-2, "Name or service not known")), ""),  # type: ignore[arg-type]
        (urllib3.exceptions.ReadTimeoutError(None, "", "Read timed out. (read timeout=60)"), "Read timed out"),  # type: ignore[arg-type]
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (
            urllib3.exceptions.ProtocolError("Connection aborted.", RemoteDisconnected("Remote end closed connection")),
            "(Remote end closed connection); check that the server runs and that url is its address",
        ),
        (OSError("something else"), "something else"),
    ],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize("at", ["/token$", "/clients$"])
def test_no_answer_is_one_sentence(keycloak: FakeKeycloak, at: str, problem: Exception, words: str) -> None:
    keycloak.interfere(*[problem] * 9, at=at)
    with pytest.raises(Unreachable) as caught:
        keycloak.session().get(CLIENTS)
    text = str(caught.value)
    assert text.startswith(f"Keycloak at '{URL}': ") and words in text
    assert "; " in text and text.endswith(".") and "\n" not in text and "object at 0x" not in text
    assert caught.value.__suppress_context__, "a chained error would show the address, the query and the headers"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, "<html>Sign in</html>"), "text/html"),
        (Answer(200, '{"access_tok'), "text/html"),
        (Answer(200, '[{"id": "1", "cli', {"Content-Type": "application/json"}), "application/json"),
        (Answer(200), "json"),
    ],
    ids=["HTML", "cut off", "cut off, said to be JSON", "empty"],
)
@pytest.mark.parametrize("at", ["/token$", "/clients$"])
def test_an_answer_that_is_no_json_is_one_sentence(keycloak: FakeKeycloak, at: str, answer: Answer, kind: str) -> None:
    keycloak.interfere(*[answer] * max(HALVES, TIMES), at=at)
    with pytest.raises(KeycloakError) as caught:
        keycloak.session().get(CLIENTS)
    text = str(caught.value)
    assert "answered 200 with" in text and kind in text and text.endswith(".") and "Sign in" not in text


def test_an_answer_that_breaks_off_is_no_answer(keycloak: FakeKeycloak) -> None:
    half = Answer(200, "[", {"Content-Length": "500"})
    keycloak.interfere(half, half, at="/clients$")
    assert keycloak.session().get(CLIENTS)
    keycloak.interfere(*[half] * HALVES, at="/clients$")
    with pytest.raises(AnswerLost, match="no answer to GET /admin/realms/r/clients"):
        keycloak.session().get(CLIENTS)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_address_without_tls_may_be_why_an_answer_is_lost(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    keycloak = FakeKeycloak(f"{scheme}://keycloak.test")
    keycloak.interfere(*[Answer(200, "[", {"Content-Length": "500"})] * HALVES, at="/clients$")
    with pytest.raises(AnswerLost) as caught:
        keycloak.session().get(CLIENTS)
    assert ("whether it begins with https://" in str(caught.value)) == (scheme == "http")


@pytest.mark.parametrize("body", [{}, {"error": "no token here"}, [], "null", None], ids=str)
def test_a_login_that_answers_no_token_is_one_sentence(keycloak: FakeKeycloak, body: Any) -> None:
    keycloak.interfere(Answer(200, body), at="/token$")
    with pytest.raises(KeycloakError) as caught:
        keycloak.session().get(CLIENTS)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (409, Conflict),
        (501, NotImplementedHere),
        (400, HttpError),
        (418, HttpError),
        (599, HttpError),
    ],
)
def test_each_status_has_its_error(keycloak: FakeKeycloak, status: int, error: type[HttpError]) -> None:
    keycloak.interfere(Answer(status, {"error": "e", "errorMessage": "m", "error_description": "d"}), at="/x$")
    with pytest.raises(HttpError, match=rf"^POST /admin/x -> {status} .+: e: m: d; .+\.$") as caught:
        keycloak.session().post("/admin/x", {"hidden": "hush"})
    assert type(caught.value) is error and caught.value.status == status


@pytest.mark.parametrize(
    ("at", "options"),
    [
        ("clients/u/management/permissions", "with --features=admin-fine-grained-authz:v1"),
        ("clients/u/authz/resource-server/policy/client/p", "without --features-disabled=authorization"),
        ("client-policies/profiles", "without --features-disabled=client-policies"),
    ],
)
def test_a_feature_that_is_switched_off_is_named(keycloak: FakeKeycloak, at: str, options: str) -> None:
    answer = {"error": "Feature not enabled", "error_description": "For more on this error consult the server log."}
    keycloak.interfere(Answer(501, answer), at=f"/{at}$")
    with pytest.raises(NotImplementedHere) as caught:
        keycloak.session().get(f"/admin/realms/r/{at}")
    said = f"GET /admin/realms/r/{at} -> 501 Not Implemented: Feature not enabled"
    assert str(caught.value) == f"{said}; start Keycloak {options}." and caught.value.clause == said


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>hush</html>", "text/html"),
        (["hush"], "application/json"),
        ({}, "application/json"),
        ({"message": "no route"}, "application/json ('no message')"),
        ({"error": "not found", "status": 404}, "application/json ('not found')"),
        ({"error": {"a": "hush"}}, "application/json"),
        (None, "application/json"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 501])
def test_a_refusal_that_is_not_keycloaks_is_none_of_its_own(
    keycloak: FakeKeycloak, body: Any, words: str, status: int
) -> None:
    keycloak.interfere(*[Answer(status, body)] * 9, at="/x$")
    with pytest.raises(UnexpectedAnswer) as caught:
        keycloak.session().get("/admin/x")
    assert str(caught.value).startswith(f"Keycloak at '{URL}': GET /admin/x answered {status} with {words}")
    assert "role" not in str(caught.value) and "deleted" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "Forbidden"},
        {"error": "HTTP 403 forbidden"},
        {"error": "RBAC: access denied"},
        {"error": "unknown_error"},
        {"error": "unknown_error", "error_description": "denied by gateway"},
    ],
    ids=repr,
)
def test_a_refusal_of_another_one_is_no_lacking_role(keycloak: FakeKeycloak, body: Any) -> None:
    keycloak.interfere(Answer(403, body), at="/x$")
    with pytest.raises(UnexpectedAnswer, match="which Keycloak never sends") as caught:
        keycloak.session().get("/admin/x")
    assert "role" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "HTTP 403 Forbidden"},
        {"error": "You have no access to this user"},
        {"error": "unknown_error", "error_description": f"{UNNAMED_TEXT} at the debug level."},
    ],
    ids=["since 26.0", "a user", "24.0.5"],
)
def test_a_lacking_role_is_keycloaks_own_word(keycloak: FakeKeycloak, body: Any) -> None:
    keycloak.interfere(Answer(403, body), at="/x$")
    with pytest.raises(Forbidden, match="the realm-management role"):
        keycloak.session().get("/admin/x")


@pytest.mark.parametrize("method", [*SAFE, "POST"])
def test_a_redirect_is_an_error_and_not_followed(keycloak: FakeKeycloak, method: str) -> None:
    keycloak.interfere(Answer(302, None, {"Location": "https://elsewhere.test/"}), at="/x$")
    with pytest.raises(HttpError, match=f"{method} /admin/x answered 302 to 'https://elsewhere.test/' with"):
        request(keycloak.session(), method, "/admin/x")
    assert len(keycloak.requests) == 2


@pytest.mark.parametrize(
    ("login", "realm", "start"),
    [
        (
            PasswordLogin("admin", "hush"),
            "master",
            "login of user 'admin' in realm 'master': refused (401 invalid_grant",
        ),
        (ClientSecretLogin("robot", "hush"), "r", "login of client 'robot' in realm 'r': refused (401 "),
        (
            PasswordLogin("admin", "hush"),
            "nowhere",
            f"login of user 'admin' in realm 'nowhere': Keycloak at '{URL}' has no such",
        ),
    ],
    ids=["password", "client", "realm"],
)
def test_a_refused_login(keycloak: FakeKeycloak, login: Any, realm: str, start: str) -> None:
    with pytest.raises(LoginRefused) as caught:
        keycloak.session(replace(keycloak.connection, login=login, login_realm=realm)).get(CLIENTS)
    assert str(caught.value).startswith(start) and str(caught.value).endswith(".") and "; " in str(caught.value)
    assert len(keycloak.logins()) == 1, "a second try could lock the account"


def test_no_message_and_no_repr_holds_a_secret_or_a_token(keycloak: FakeKeycloak) -> None:
    session = keycloak.session()
    session.get(CLIENTS)
    said = [repr(session), str(session)]
    does: list[Any] = [
        Answer(500, {"error": "no"}),
        Answer(200, "<html/>"),
        ConnectionResetError("reset"),
        ssl.SSLError(1, "bad"),
        Answer(404),
    ]
    for problem in does:
        for method in ("GET", "POST"):
            keycloak.interfere(*[problem] * 6, at="/x$")
            try:
                session.get("/admin/x") if method == "GET" else session.post_json("/admin/x", {"password": "hush"})
            except KeycloakError as caught:
                said += [str(caught), repr(caught), repr(caught.args), str(vars(caught))]
            keycloak._interference.clear()
    assert len(said) > 30
    for secret in (PASSWORD, "hush", *keycloak.tokens):
        assert secret not in "\n".join(said)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (("a", "b"), "/a/b"),
        (("a b", "c/d"), "/a%20b/c%2Fd"),
        (("é", "?x#y"), "/%C3%A9/%3Fx%23y"),
    ],
)
def test_segments_are_quoted(segments: tuple[str, ...], expected: str) -> None:
    assert path(*segments) == expected


@pytest.mark.parametrize("segment", ["", ".", "..", "\ud800"])
def test_no_segment_leads_elsewhere(segment: str) -> None:
    with pytest.raises(Refusal, match=r"^name '.*': .+, which is not allowed in an address; give another name\.$"):
        path("admin", "realms", "r", "roles", segment)


def test_204_is_none_only_where_it_may_be(keycloak: FakeKeycloak) -> None:
    of_another = Answer(204, headers={"Content-Length": "9"})
    keycloak.interfere(Answer(204), of_another, Answer(204), at="/x$")
    session = keycloak.session()
    assert session.get_optional("/admin/x") is None
    with pytest.raises(KeycloakError, match=r"answered 204 with .+, which Keycloak never sends"):
        session.get_optional("/admin/x")
    with pytest.raises(KeycloakError):
        session.get("/admin/x")


def test_the_issuer_is_the_servers_own_word(keycloak: FakeKeycloak) -> None:
    keycloak.issuer = "https://public.example.com/auth"
    assert keycloak.session().issuer("my realm") == "https://public.example.com/auth/realms/my%20realm"


def test_a_timeout_is_always_set(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    session, seen = keycloak.session(), []
    adapter = session.transport.repeating.get_adapter(keycloak.connection.url)
    real = adapter.send

    def watched(*args: Any, **settings: Any) -> requests.Response:
        seen.append(settings["timeout"])
        return real(*args, **settings)

    monkeypatch.setattr(adapter, "send", watched)
    session.get(CLIENTS)
    assert seen == [(5, 60), (5, 60)]


def test_a_load_balancers_cookie_comes_back(keycloak: FakeKeycloak) -> None:
    session = keycloak.session()
    session.transport.repeating.cookies.set("node", "two", domain="keycloak.test", path="/")
    session.get(CLIENTS)
    assert {each.headers.get("Cookie") for each in keycloak.requests} == {"node=two"}


def test_the_header_says_whose_requests_they_are(keycloak: FakeKeycloak) -> None:
    connection = replace(keycloak.connection, user_agent="pipeline 7")
    keycloak.session(connection).get(CLIENTS)
    assert {each.headers["User-Agent"] for each in keycloak.requests} == {"keycloak-token-exchange pipeline 7"}


def test_neither_netrc_nor_a_proxy_set_later_comes_in_between(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine keycloak.test login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    session = keycloak.session()
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:1")
    assert session.get("/admin/serverinfo")
    assert all(each.headers.get("Authorization", "Bearer").startswith("Bearer") for each in keycloak.requests)


def test_the_environments_proxy_is_taken(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:1")
    assert keycloak.session().transport.repeating.proxies["https"] == "http://proxy.test:1"
    monkeypatch.setenv("no_proxy", "keycloak.test")
    assert not keycloak.session().transport.repeating.proxies
