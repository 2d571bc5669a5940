"""Hardcoded claim mappers: which claims and values are refused, and which notes cannot be true."""

from typing import Any

import pytest

from kcadmin.marks.ownership import OWNER_KEY
from kcadmin.objects.claim_mappers import HardcodedClaimMapper
from kcadmin.objects.claims import Claim, adopted_kind
from kcadmin.rest.errors import Refusal
from providers.hardcoded_claim_mapper import HardcodedClaimMapperProvider
from tests.support.engine import Engine, Refused, forget
from tests.support.fake_server import FakeKeycloak

ARGS = {"realm": "r", "client_id": "api", "name": "n", "claim_name": "tenant", "claim_value": "blue"}
OWNER = "org/project/stack#test"
NOTE = {
    "name": "n",
    "claim_name": "tenant",
    "claim_value": "blue",
    "json_type": "String",
    **dict.fromkeys(("access_token", "id_token", "userinfo", "introspection", "lightweight"), True),
    "stored": [["claim.name", "tenant"], ["claim.value", "blue"]],
}
FORGED: list[dict[str, Any]] = [
    {"claim_name": "aud"},
    {"claim_value": "red"},
    {"json_type": "JSON"},
    {"stored": [["claim.name", "aud"], ["claim.value", "blue"]]},
    {"stored": [["claim.name", "tenant"], ["claim.value", "red"]]},
    {"stored": [*NOTE["stored"], [OWNER_KEY, OWNER]]},
]


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={})
    return server


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"claim_name": "aud"}, "claim_name is 'aud', and 'aud' decides for whom a token is; choose a claim that"),
        ({"claim_name": "\\azp"}, "'azp' decides for whom a token is"),
        ({"claim_name": "realm_access.roles"}, "'realm_access' decides what a token may do"),
        ({"claim_name": "resource_access.api.roles"}, "'resource_access' decides what a token may do"),
        ({"claim_name": "roles"}, "'roles' decides what a token may do"),
        ({"claim_name": "groups"}, "'groups' decides what a token may do"),
        ({"claim_name": "sub"}, "'sub' decides whose a token is"),
        ({"claim_name": "cnf"}, "'cnf' decides who may use a token"),
        ({"claim_name": "\\"}, "which is not a valid claim name; correct it"),
        ({"claim_name": " "}, "claim_name has 1 characters"),
        ({"claim_value": ""}, "claim_value has 0 characters"),
        ({"claim_value": "x", "json_type": "int"}, "claim_value is 'x', which is not of the type int; correct it"),
        ({"claim_value": "2147483648", "json_type": "int"}, "which is not of the type int"),
        ({"claim_value": "9223372036854775808", "json_type": "long"}, "which is not of the type long"),
        ({"claim_value": "yes", "json_type": "boolean"}, "which is not of the type boolean"),
        ({"claim_value": "[NaN]", "json_type": "JSON"}, "which is not of the type JSON"),
        ({"claim_value": "[" * 250, "json_type": "JSON"}, "which is not of the type JSON"),
        ({"json_type": "text"}, "json_type is 'text'; choose one of String, int, long, boolean, JSON"),
        ({"access_token": False, "introspection": False}, "are all false, so it maps nothing; set one of them"),
    ],
    ids=str,
)
def test_what_is_refused(keycloak: FakeKeycloak, given: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        Engine(HardcodedClaimMapperProvider, keycloak.connection).up(**{**ARGS, **given})
    assert words in str(refused.value) and str(refused.value).startswith("hardcoded claim mapper 'n' in realm 'r': ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"claim_name": "Aud"},
        {"claim_name": "shop.aud"},
        {"claim_name": "https://example\\.com/tenant"},
        {"claim_value": "-2147483648", "json_type": "int"},
        {"claim_value": '{"a": [1]}', "json_type": "JSON"},
    ],
    ids=str,
)
def test_what_is_taken(keycloak: FakeKeycloak, given: dict[str, Any]) -> None:
    assert Engine(HardcodedClaimMapperProvider, keycloak.connection).up(**{**ARGS, **given}) == "create"


@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_a_note_alone_brings_no_other_claim_into_tokens(keycloak: FakeKeycloak, forged: dict[str, Any]) -> None:
    """A run was killed after its write; the client's owner says that the mapper was another one before."""
    engine = Engine(HardcodedClaimMapperProvider, keycloak.connection)
    engine.up(**ARGS)
    note = Claim(OWNER, adopted_kind(str(engine.id), HardcodedClaimMapper), {}, {**NOTE, **forged})
    keycloak.change("api", attributes={note.key: note.text()})
    forget()
    before = keycloak.state()
    with pytest.raises(Refusal, match="says that it was another hardcoded claim mapper before; give it back by hand"):
        Engine(HardcodedClaimMapperProvider, keycloak.connection).up(**ARGS, adopt=True)
    assert keycloak.state() == before


def test_a_note_that_may_be_true_is_believed() -> None:
    now = HardcodedClaimMapper("n", "tenant", "blue", "String", True, False, False, True, False)
    assert now.may_have_been(NOTE)
