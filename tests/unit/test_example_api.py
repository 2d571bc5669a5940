"""The API of the examples: which tokens it takes, and what its log says."""

import io
import json
import logging
import urllib.error
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from examples import calls
from examples.api.server import OnwardProblem, Validator, answer
from tests.unit.fake_token_endpoint import ISSUER, KEY, OTHER_KEY, sign

FRONTEND, API = "authentication-test-frontend", "authentication-test-api"
CLAIMS = {"sub": "user-1", "typ": "Bearer", "preferred_username": "testuser2", "azp": FRONTEND, "aud": [API, "account"]}


class Keys:
    """The realm's keys as its server gives them; ``read``: how often."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys = {"k": KEY}
        self.read = 0
        self.down = False
        monkeypatch.setattr("urllib.request.OpenerDirector.open", lambda _, request, **__: self.open(request))

    def open(self, request: Any) -> io.BytesIO:
        assert request.full_url == f"{ISSUER}/protocol/openid-connect/certs"
        self.read += 1
        if self.down:
            raise urllib.error.URLError("refused")
        to_jwk = jwt.algorithms.RSAAlgorithm.to_jwk
        known = [
            {**to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "RS256", "use": "sig"}
            for kid, key in self.keys.items()
        ]
        return io.BytesIO(json.dumps({"keys": known}).encode())


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keys:
    return Keys(monkeypatch)


def asked(token: str, **how: Any) -> tuple[int, Mapping[str, Any]]:
    return answer(Validator(ISSUER, API, how.pop("callers", ())), f"Bearer {token}", **how)


def test_the_log_says_who_acts_for_whom(keys: Keys, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    token = sign(CLAIMS)
    assert asked(token, callers=[FRONTEND]) == (200, {"user": "testuser2", "through": FRONTEND, "at": API})
    assert caplog.messages == [f"200 user testuser2 through {FRONTEND} at {API}"]
    assert token not in caplog.text


@pytest.mark.usefixtures("keys")
def test_a_token_writes_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Neither one that anybody may send, by its key's id, nor the name of a user."""
    caplog.set_level(logging.INFO)
    forged = "\n200 user admin through x at y\x1b[2K"
    assert asked(sign(CLAIMS, kid=forged))[0] == 401
    assert asked(sign({**CLAIMS, "preferred_username": forged}))[0] == 200
    assert len(caplog.messages) == 2 and all(message.isprintable() for message in caplog.messages)


@pytest.mark.parametrize(
    ("changes", "how", "why"),
    [
        ({"aud": "account"}, {}, "Audience doesn't match"),
        ({"aud": None}, {}, 'missing the "aud" claim'),
        ({"azp": "stranger"}, {}, f"azp is 'stranger', who may not call '{API}'"),
        ({"azp": None}, {}, 'missing the "azp" claim'),
        ({"iss": "https://elsewhere/realms/r"}, {}, "Invalid issuer"),
        ({"typ": "ID"}, {}, "typ is 'ID', and not that of an access token"),
        ({"typ": "ID"}, {"kind": "at+jwt"}, "typ is 'ID'"),
        ({"typ": "Logout"}, {"kind": "logout+jwt"}, "typ is 'Logout'"),
        ({"typ": None}, {}, "typ is 'None'"),
        ({"typ": "DPoP"}, {}, "typ is 'DPoP'"),
        ({"cnf": {"x5t#S256": "a"}}, {}, "it is bound to a key (cnf)"),
        ({}, {"seconds": -5}, "Signature has expired"),
        ({}, {"key": OTHER_KEY}, "Signature verification failed"),
        ({}, {"kid": "unknown"}, "Unable to find a signing key"),
    ],
)
def test_other_tokens_are_refused(keys: Keys, changes: dict[str, Any], how: dict[str, Any], why: str) -> None:
    token = sign({**CLAIMS, **changes}, **how)
    status, body = asked(token, callers=[FRONTEND])
    assert status == 401 and body["error"] == "invalid_token" and why in body["error_description"]
    assert token not in str(body)


@pytest.mark.parametrize(("claim", "kind"), [("Bearer", "JWT"), (None, "at+jwt"), (None, "application/AT+JWT")])
def test_access_tokens_of_both_forms_are_taken(keys: Keys, claim: str | None, kind: str) -> None:
    assert asked(sign({**CLAIMS, "typ": claim}, kind=kind))[0] == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer no.jwt.here"])
def test_no_token(keys: Keys, header: str) -> None:
    assert answer(Validator(ISSUER, API), header)[0] == 401


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(keys: Keys) -> None:
    forged = jwt.encode({"iss": ISSUER, **CLAIMS}, "x" * 32, "HS256", {"kid": "k"})
    assert asked(forged)[0] == 401


def test_keys_are_read_once_and_once_more_for_a_new_one(keys: Keys) -> None:
    validator = Validator(ISSUER, API)
    for _ in range(3):
        assert answer(validator, f"Bearer {sign(CLAIMS)}")[0] == 200
    assert keys.read == 1
    assert answer(validator, f"Bearer {sign(CLAIMS, kid='unknown')}")[0] == 401
    assert keys.read == 1  # whoever sends such tokens does not send this server to Keycloak with each
    keys.keys["new"] = OTHER_KEY
    validator.keys.cooldown_duration = 0
    for _ in range(2):
        assert answer(validator, f"Bearer {sign(CLAIMS, key=OTHER_KEY, kid='new')}")[0] == 200
    assert keys.read == 2
    assert answer(validator, f"Bearer {sign(CLAIMS, kid='unknown')}")[0] == 401
    assert keys.read == 3


def test_keys_that_cannot_be_read_are_no_fault_of_the_token(keys: Keys) -> None:
    keys.down = True
    status, body = asked(sign(CLAIMS))
    assert (status, body["error"]) == (503, "temporarily_unavailable")


def test_the_next_service_is_asked_with_the_token_received(keys: Keys) -> None:
    token, received = sign(CLAIMS), []
    status, body = asked(token, onward=lambda given: received.append(given) or {"at": "next"})
    assert status == 200 and body["then"] == {"at": "next"} and received == [token]
    assert asked(sign({**CLAIMS, "aud": "account"}), onward=lambda given: pytest.fail("asked"))[0] == 401

    def fails(given: str) -> Mapping[str, Any]:
        raise OnwardProblem("no token for next: 403 access_denied")

    assert asked(token, onward=fails) == (
        502,
        {"error": "bad_gateway", "error_description": "no token for next: 403 access_denied"},
    )


def test_the_script_says_which_secrets_are_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["calls", ISSUER])
    for name in ("FRONTEND", "API"):
        monkeypatch.delenv(f"KEYCLOAK_CLIENT_SECRET_AUTHENTICATION_TEST_{name}", raising=False)
    monkeypatch.setenv("KEYCLOAK_USER_PASS", "p")
    assert calls.main() == 2
    wanted = "KEYCLOAK_CLIENT_SECRET_AUTHENTICATION_TEST_FRONTEND and KEYCLOAK_CLIENT_SECRET_AUTHENTICATION_TEST_API"
    assert capsys.readouterr().err == f"error: set {wanted}.\n"


def test_nothing_shows_a_secret() -> None:
    assert "geheim" not in repr(calls.Application(ISSUER, API, "geheim"))
