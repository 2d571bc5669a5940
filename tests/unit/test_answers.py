"""Answers that Keycloak never gives: each ends in one sentence."""

import json
from typing import Any

import pytest

from kcadmin.rest import answers, shapes
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.misread import Misread, misreadings
from kcadmin.rest.session import Session
from kcadmin.rest.texts import unfit
from tests.support.fake_server import URL, Answer, FakeKeycloak

DEEP = {"arrays": "[" * 100_000, "objects": '{"a":' * 100_000, "closed": "[" * 50_000 + "]" * 50_000}
NO_JSON = ["", "NaN", "[Infinity]", "[1", "\x00", "9" * 5000, "[]]"]


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
    assert "answered 200 with text/html, which Keycloak never sends" in sentence(keycloak.session())


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
    assert "an access token whose expires_in is not a number of seconds" in sentence(keycloak.session())


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
    assert "an access token that does not fit into a header" in sentence(keycloak.session())


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "eyJhbGciOiJub25lIn0.W10.", "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_names_no_issuer(keycloak: FakeKeycloak, token: str) -> None:
    keycloak.interfere(Answer(200, {"access_token": token}), at="/token$")
    with pytest.raises(KeycloakError, match=rf"^Keycloak at '{URL}': gave a token whose issuer is not a realm; .+"):
        keycloak.session().issuer("r")


@pytest.mark.parametrize("place", [None, "", "/", "/a/..", "/a/.", "/a/b?c", "/a/b#c", "/a/ b", "/a/\xe9", "/x/%0d"])
def test_what_was_made_has_an_address(keycloak: FakeKeycloak, place: str | None) -> None:
    keycloak.interfere(Answer(201, None, {} if place is None else {"Location": place}), at="/x$")
    with pytest.raises(KeycloakError, match=r"POST /admin/x answered 201 with (no|the) address.+; .+\.$"):
        keycloak.session().create("/admin/x", {})


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (r'["a\uD800b"]', ["a\ufffdd800b"]),
        (r'{"\udfff": {"a": "\uD83D\uDE00\uDC00"}}', {"\ufffddfff": {"a": "\U0001f600\ufffddc00"}}),
        ('["\ud800"]', ["\ufffdd800"]),
        (r'["\\ud800"]', [r"\ud800"]),
    ],
)
def test_half_a_character_is_read_as_none(body: str, read: Any) -> None:
    """Keycloak takes one in each text of a client, also from its owner, and gives it back."""
    content = body.encode(errors="surrogatepass")
    answer = answers.Answer("http://kc", "GET", "/admin/x", 200, {"Content-Type": "application/json"}, content, str)
    assert answer.json() == read and not answer.is_half
    with pytest.raises(KeycloakError, match="no 'nosuch'"):
        answers.Answer("http://kc", "GET", "/x", 200, {}, rb'{"a": "\ud800"}', str).json()["nosuch"]
    assert unfit("a\ufffdd800b") == "holds '\ufffd', which is not allowed in a name"


CLIENT = {"id": "1", "clientId": "a"}
SHAPES: list[tuple[str, Any, str | None]] = [
    ("clients", [CLIENT], None),
    ("clients", [{**CLIENT, "unknown": {"id": 3}, "attributes": {"a": "b", "c": None}}], "id of another type"),
    ("clients", {}, "no list"),
    ("clients", 7, "no list"),
    ("clients", ["a"], "a list of no objects"),
    ("clients", [{"id": "1"}], "no clientId in a client"),
    ("clients", [{**CLIENT, "enabled": "true"}], "enabled of another type"),
    ("clients", [{**CLIENT, "attributes": {"a": {}}}], "attributes of another type"),
    ("clients", [{**CLIENT, "attributes": []}], "attributes of another type"),
    ("clients", [{**CLIENT, "protocolMappers": [{}]}], "no name in a protocolMappers"),
    ("clients", [{**CLIENT, "notBefore": -(2**31)}, {**CLIENT, "notBefore": 2**31 - 1}], None),
    ("clients", [{**CLIENT, "notBefore": 2**31}], "notBefore of another type"),
    ("clients/1", [], "no object"),
    ("clients/1", CLIENT, None),
    ("clients/1/roles/boss", {"id": "1"}, "no name in a role"),
    ("clients/1/scope-mappings", {"clientMappings": {"a": {}}}, "clientMappings of another type"),
    (
        "clients/1/management/permissions",
        {"enabled": True, "scopePermissions": {"a": 1}},
        "scopePermissions of another type",
    ),
    ("client-scopes", [{"id": "1", "name": 2}], "name of another type"),
    ("clients/1/scope-mappings", {"clientMappings": {"a": {"mappings": [{"id": 1}]}}}, "no name in a mappings"),
    ("events", [{"type": "x", "time": 2**62}], "time that no calendar has"),
    ("client-policies/policies", {"policies": [{"name": "p", "conditions": [{}]}]}, "no condition in a conditions"),
    (
        "clients/1/authz/resource-server/policy",
        [{"id": "1", "name": "p", "type": "role", "config": {"roles": []}}],
        "config of another",
    ),
    ("clients/1/authz/resource-server/settings", {"policies": [1]}, "policies of another type"),
    ("clients/1/authz/resource-server/settings", {"policies": ["a"]}, "policies of another type"),
    ("clients/1/authz/resource-server/policy/1", {"id": "1", "name": "p"}, "no type in a policy"),
    ("clients/1/authz/resource-server/policy/1", [[]], "no object"),
    ("default-default-client-scopes", [{"id": "1", "name": "a"}, True], "a list of no objects"),
    ("default-optional-client-scopes", 7, "no list"),
    ("clients/1/evaluate-scopes/generate-example-access-token", {"groups": ["a"], "roles": {}, "name": 1}, None),
    ("clients/1", {**CLIENT, "x": json.loads("[" * 60 + "]" * 60)}, "objects nested more than 50 deep"),
]


@pytest.mark.parametrize("name", sorted({*shapes._FIELDS}))
def test_names_that_fields_have(name: str) -> None:
    """Who may register a client may call it, or a node of it, as he likes; and the realm is read on."""
    mappings = {"clientMappings": {name: {"id": "1", "client": name, "mappings": [{"id": "2", "name": name}]}}}
    client = {**CLIENT, "registeredNodes": {name: 1}, "authenticationFlowBindingOverrides": {name: "id"}}
    for at, body in (
        ("clients/1/scope-mappings", mappings),
        ("client-scopes/1/scope-mappings", mappings),
        ("users/1/role-mappings", mappings),
        ("clients", [client]),
        ("clients/1", client),
        ("groups", [{"id": "1", "name": name, "clientRoles": {name: [name]}, "attributes": {name: [name]}}]),
    ):
        assert shapes.misshapen("GET", f"/admin/realms/r/{at}", body) is None


@pytest.mark.parametrize(("at", "body", "words"), SHAPES)
def test_json_of_another_shape_is_one_sentence(keycloak: FakeKeycloak, at: str, body: Any, words: str | None) -> None:
    keycloak.interfere(Answer(200, body), at=f"/r/{at}$")
    if words is None:
        assert keycloak.session().get(f"/admin/realms/r/{at}") == body
    else:
        assert f"answered 200 with JSON of another shape ({words}" in sentence(
            keycloak.session(), f"/admin/realms/r/{at}"
        )


def test_a_path_as_long_as_the_server_makes_it(keycloak: FakeKeycloak) -> None:
    told = sentence(keycloak.session(), "/admin/realms/r/clients/" + "x" * 70_000)
    assert "clients/xxx" in told


def test_an_answer_that_nobody_foresaw_is_a_sentence_without_its_data() -> None:
    with pytest.raises(Misread) as caught, misreadings():
        unfit(3)  # type: ignore[arg-type]
    assert "TypeError at kcadmin/rest/texts.py:" in str(caught.value) and str(caught.value).endswith(".")
    with pytest.raises(KeyError), misreadings():
        {}["not of an answer"]


def test_a_field_that_is_read_and_missing_is_a_sentence(keycloak: FakeKeycloak) -> None:
    keycloak.interfere(Answer(200, {"policies": [{"type": "client"}]}), at="/authz/resource-server/settings$")
    settings = keycloak.session().get("/admin/realms/r/clients/1/authz/resource-server/settings")
    assert settings["policies"][0].get("name") is None
    with pytest.raises(KeycloakError, match=r"answered 200 with JSON of another shape \(no 'name'\)"):
        settings["policies"][0]["name"]
