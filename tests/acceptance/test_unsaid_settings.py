"""Settings of mappers that are said, or not: what is computed of them is what tokens and introspection of Keycloak show."""

import itertools
from contextlib import nullcontext
from typing import Any

import pytest
import requests

from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from exchange.inventory.grants import inventory
from kcadmin.objects.claim_mappers import CLAIM_MAPPER, HardcodedClaimMapper
from kcadmin.objects.clients import Client
from kcadmin.objects.features import STANDARD
from kcadmin.objects.mappers import (
    AUDIENCE_MAPPER,
    INTROSPECTION_CLAIM,
    LIGHTWEIGHT_CLAIM,
    RESOLVE_MAPPER,
    TOKEN_CLAIM,
    AudienceMapper,
    AudienceMappers,
    is_set,
)
from kcadmin.rest.errors import TokenRefused
from reach.audiences import added
from reach.prediction import Predictor
from reach.roles import survey_roles
from reach.survey import survey
from reach.verdict import REQUESTER, Case
from reach.written_audiences import NOTE_MAPPER, RENAMED_ROLE_MAPPER, ROLE_MAPPER
from tests.acceptance.test_open_gates import LIGHT
from tests.conftest import MakeRealm
from tests.support.engine import forget
from tests.support.random_users import claims_of
from tests.support.realms import TestRealm

SETTINGS = (TOKEN_CLAIM, LIGHTWEIGHT_CLAIM, INTROSPECTION_CLAIM)
CONFIGS = [
    {setting: said for setting, said in zip(SETTINGS, each, strict=True) if said is not None}
    for each in itertools.product((None, "true", "false"), (None, "true"), (None, "true", "false"))
]


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    realm = make_module_realm("legacy", web={}, light={"attributes": LIGHT}, api={}, gateway={})
    realm.add_role("user", realm.user, client_id="api")
    scopes = {each["name"]: each["id"] for each in realm.get("client-scopes")}
    for client in ("web", "light"):  # whose audience-resolve mapper adds api by itself
        realm.session.delete(realm.at("clients", realm.uuid(client), "default-client-scopes", scopes["roles"]))
        # who introspects a token must be in its aud
        always = {"included.client.audience": "gateway", **dict.fromkeys(SETTINGS, "true")}
        add(realm, client, mapper("gateway", AUDIENCE_MAPPER, always))
    return realm


def mapper(name: str, kind: str, config: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}


def add(realm: TestRealm, client: str, *mappers: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All mappers of the client as Keycloak describes them afterwards, by name."""
    realm.session.post(realm.at("clients", realm.uuid(client), "protocol-mappers", "add-models"), [*mappers])
    return {each["name"]: each for each in realm.client(client)["protocolMappers"]}


def introspected(realm: TestRealm, token: str) -> dict[str, Any]:
    answer = requests.post(
        f"{realm.url}/realms/{realm.name}/protocol/openid-connect/token/introspect",
        data={"token": token, "client_id": "gateway", "client_secret": "s"},
        timeout=120,
    )
    assert answer.json()["active"], answer.text
    return dict(answer.json())


def audiences(claims: dict[str, Any]) -> set[str]:
    said = claims.get("aud", [])
    return {said} if isinstance(said, str) else set(said)


@pytest.mark.parametrize(("client", "in_tokens"), [("web", TOKEN_CLAIM), ("light", LIGHTWEIGHT_CLAIM)])
def test_a_setting_that_is_not_said_is_as_keycloak_reads_it(home: TestRealm, client: str, in_tokens: str) -> None:
    audience, claim = "included.custom.audience", {"claim.name": "", "claim.value": "there", "jsonType.label": "String"}
    new = []
    for number, config in enumerate(CONFIGS):
        new.append(mapper(f"a{number}", AUDIENCE_MAPPER, {audience: f"a{number}", **config}))
        new.append(mapper(f"c{number}", CLAIM_MAPPER, {**claim, "claim.name": f"c{number}", **config}))
    made = add(home, client, *new)
    token = home.user_token(client)
    claims, whole = claims_of(token), introspected(home, token)
    for name in (each["name"] for each in new):
        each = made[name]
        issued, asked = (is_set(each, setting) for setting in (in_tokens, INTROSPECTION_CLAIM))
        if name.startswith("a"):  # introspection adds to what the token names
            assert AudienceMapper.read(each).introspection is asked
            assert (name in audiences(claims), name in audiences(whole)) == (issued, issued or asked), each
        else:
            assert HardcodedClaimMapper.read(each).introspection is asked
            assert (name in claims, name in whole) == (issued, asked), each

    for config in (each for each in CONFIGS if in_tokens != TOKEN_CLAIM or LIGHTWEIGHT_CLAIM not in each):
        resolver = mapper("resolve", RESOLVE_MAPPER, config)
        add(home, client, resolver)
        token = home.user_token(client)
        issued, asked = (is_set(resolver, setting) for setting in (in_tokens, INTROSPECTION_CLAIM))
        found = tuple("api" in audiences(each) for each in (claims_of(token), introspected(home, token)))
        assert found == (issued, issued or asked), config
        home.delete_mapper(client, "resolve")


def test_a_mapper_of_another_protocol_does_nothing(home: TestRealm) -> None:
    """Also where it has the name and the audience that a grant wants: the grant must make its own."""
    of_other = {**mapper("other", AUDIENCE_MAPPER, {"included.client.audience": "api", TOKEN_CLAIM: "true"})}
    for protocol in ("saml", "docker-v2", "nonsense"):
        add(home, "web", {**of_other, "name": f"of {protocol}", "protocol": protocol})
        client = home.client("web")
        read = Client(client["id"], "web", client, tuple(client["protocolMappers"]))
        assert "api" not in audiences(claims_of(home.user_token("web")))
        assert "api" not in {each.audience for each in added(read, {})} | {
            each.included_client for each in AudienceMappers.of(read)
        }
    add(home, "web", of_other)
    assert "api" in audiences(claims_of(home.user_token("web")))
    for name in ("of saml", "of docker-v2", "of nonsense", "other"):
        home.delete_mapper("web", name)


@pytest.mark.standard_exchange
@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(
    ("kind", "config", "lacking"),
    [
        (ROLE_MAPPER, {}, "role"),
        (RENAMED_ROLE_MAPPER, {"role": "offline_access"}, "new.role.name"),
        (RENAMED_ROLE_MAPPER, {"role": "nobody's", "new.role.name": "x"}, None),
        (NOTE_MAPPER, {"claim.name": "x", TOKEN_CLAIM: "true"}, "user.session.note"),
        (NOTE_MAPPER, {"claim.name": "x", LIGHTWEIGHT_CLAIM: "true"}, None),
    ],
)
@pytest.mark.parametrize("holder", ["web", "its scope"])
def test_a_mapper_that_lacks_a_setting_makes_keycloak_fail(
    home: TestRealm,
    holder: str,
    kind: str,
    config: dict[str, str],
    lacking: str | None,
) -> None:
    made, scope = mapper("broken", kind, config), None
    home.change("web", attributes={"standard.token.exchange.enabled": "true"})
    if holder == "web":
        add(home, "web", made)
    else:
        body = {"name": "of-web", "protocol": "openid-connect", "attributes": {}, "protocolMappers": [made]}
        scope = home.session.create(home.at("client-scopes"), body)
        home.session.put(home.at("clients", home.uuid("web"), "default-client-scopes", scope), None)
    try:
        with nullcontext() if lacking is None else pytest.raises(TokenRefused, match="500"):
            home.user_token("web")
        forget()
        case = Case("g", home.name, STANDARD, REQUESTER, "web", "web", "gateway", "gateway")
        for user in (None, home.user):
            dry = Predictor(home.session, [case], user).predict(case)
            found = Doctor(AnswerCache(home.session), Asked(as_user=user)).examine([case])[0].findings
            assert (dry.outlook is False, [each.cause for each in found]) == (
                (True, ["mapper-fails"]) if lacking else (False, [])
            )
            assert not lacking or (
                f"has no '{lacking}'" in str(dry.reason) and f"has no '{lacking}'" in found[0].sentence
            )
        seen = survey(home.session, home.name)
        by_hand = inventory(seen, survey_roles(home.session, seen), {})
        told = [each.sentence() for each in by_hand.findings if each.about == "tokens of 'web'"]
        assert any("web" in each.sources for each in by_hand.grants) is (lacking is None)
        assert [f"has no '{lacking}'" in each for each in told] == ([True] if lacking else [])
    finally:
        if scope:
            home.session.delete(home.at("client-scopes", scope))
        else:
            home.delete_mapper("web", "broken")
