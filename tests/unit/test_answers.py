"""Answers that Keycloak never gives: each ends in one sentence."""

import json
from typing import Any

import pytest

from kcadmin.errors import KeycloakError
from kcadmin.session import Session
from tests.support.fake_server import URL, Answer, FakeKeycloak

DEEP = {"arrays": "[" * 100_000, "objects": '{"a":' * 100_000, "closed": "[" * 50_000 + "]" * 50_000}
NO_JSON = ["", "NaN", "[Infinity]", "[1", '"\\ud800"', '{"a": "\\udfff"}', "\x00", "9" * 5000, "[]]"]


@pytest.fixture
def keycloak() -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm("r")
    return server


def sentence(session: Session, at: str = "/admin/x") -> str:
    with pytest.raises(KeycloakError) as caught:
        session.get(at)
    text = str(caught.value)
    assert text.endswith(".") and "; " in text and "\n" not in text and len(text) < 500
    return text


@pytest.mark.parametrize("body", [*DEEP.values(), *NO_JSON], ids=[*DEEP, *map(repr, NO_JSON)])
@pytest.mark.parametrize("at", ["/x$", "/token$"])
def test_no_json(keycloak: FakeKeycloak, at: str, body: str) -> None:
    keycloak.interfere(Answer(200, body), at=at)
    assert "answered 200 with text/html, which is not Keycloak's answer" in sentence(keycloak.session())


@pytest.mark.parametrize("status", [400, 401, 404])
@pytest.mark.parametrize("body", [*DEEP.values(), *NO_JSON], ids=[*DEEP, *map(repr, NO_JSON)])
def test_a_refusal_without_json(keycloak: FakeKeycloak, body: str, status: int) -> None:
    keycloak.interfere(*[Answer(status, body)] * 2, at="/x$")
    assert f"{status} " in sentence(keycloak.session()) and "no JSON" not in body


@pytest.mark.parametrize(
    "seconds", ["abc", "60", -1, True, None, [], {}, float("-1e300")], ids=lambda each: json.dumps(each)
)
def test_a_lifetime_that_is_none(keycloak: FakeKeycloak, seconds: Any) -> None:
    keycloak.interfere(Answer(200, {"access_token": "t", "expires_in": seconds}), at="/token$")
    assert "an access token whose expires_in is no number of seconds" in sentence(keycloak.session())


@pytest.mark.parametrize("seconds", ["1" + "0" * 400, "1e999", "1.5", "0"])
def test_a_lifetime_of_any_length(keycloak: FakeKeycloak, seconds: str) -> None:
    text = '{"access_token": "t", "expires_in": ' + seconds + "}"
    keycloak.interfere(Answer(200, text), at="/token$")
    keycloak.tokens.add("t")
    assert keycloak.session().get("/admin/serverinfo")


@pytest.mark.parametrize(
    "token", ["é", "a b", "a\nb", "a\r\nX-Header: b", "\u20ac", 1, ["t"], {"a": 1}, True], ids=repr
)
def test_a_token_that_no_header_can_hold(keycloak: FakeKeycloak, token: Any) -> None:
    keycloak.interfere(Answer(200, {"access_token": token}), at="/token$")
    assert "an access token that no header can hold" in sentence(keycloak.session())


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "eyJhbGciOiJub25lIn0.W10.", "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_names_no_issuer(keycloak: FakeKeycloak, token: str) -> None:
    keycloak.interfere(Answer(200, {"access_token": token}), at="/token$")
    with pytest.raises(
        KeycloakError, match=rf"^Keycloak at '{URL}': gave a token that names no realm as its issuer; .+"
    ):
        keycloak.session().issuer("r")


@pytest.mark.parametrize("place", [None, "", "/", "/a/..", "/a/.", "/a/b?c", "/a/b#c", "/a/ b", "/a/\xe9", "/x/%0d"])
def test_what_was_made_has_an_address(keycloak: FakeKeycloak, place: str | None) -> None:
    keycloak.interfere(Answer(201, None, {} if place is None else {"Location": place}), at="/x$")
    with pytest.raises(KeycloakError, match=r"POST /admin/x answered 201 with (no|the) address.+; .+\.$"):
        keycloak.session().create("/admin/x", {})
