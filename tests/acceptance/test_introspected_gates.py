"""A client that gets tokens whole at introspection: what their mappers leave out of them is a way past a condition there."""

from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest
import requests

from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from kcadmin.objects.features import WHOLE_TOKENS_IN_AUD_SINCE, read_features
from kcadmin.objects.realm import realm_for
from kcadmin.rest.errors import TokenRefused
from local import keycloak
from local.layout import keycloak_version
from reach.allowed import RealmReach, realm_reach
from reach.among_clients import reach_among_clients
from reach.introspection import EXCEPTION, SETTING
from reach.roles import survey_roles
from reach.survey import survey
from reach.verdict import RECIPIENT, Case
from tests.acceptance.test_open_gates import AUDIENCE, HOLDER, LIGHT, OTHER, OWNER, add, grant, passes
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.mapper_kinds import kind
from tests.support.realms import TestRealm

pytestmark = pytest.mark.whole_tokens
EXCHANGES = pytest.mark.parametrize("exchange", ["standard", "legacy"])
OFF, ON_REQUEST = {"access.token.claim": "false"}, {"audience": "optionalScope"}
WHOLE = {"introspection.token.claim": "true"}
FOR_ROLES, LET_IN = {"requiredRoles": ["vip"]}, {"attributes": {SETTING: "true"}}
GATEWAY = kind("oidc-audience-mapper", included_client_audience="gateway")
ALWAYS = dict.fromkeys(("access.token.claim", "lightweight.claim"), "true")
ONLY_IN_AUD = keycloak.number(keycloak_version()) >= WHOLE_TOKENS_IN_AUD_SINCE
"""Whether the tried version gives a token whole only to a client in its ``aud``."""


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    realm = make_module_realm("legacy", web={}, light={"attributes": LIGHT}, api={}, gateway=LET_IN)
    realm.add_user(OTHER)
    realm.add_role("vip", HOLDER)
    for client in ("web", "light"):  # who introspects a token must be in its aud
        add(realm, client, {**GATEWAY, "name": "gateway"}, **ALWAYS)
    return realm


@pytest.fixture
def stack(home: TestRealm) -> Iterator[Stack]:
    made = Stack(home.robot, OWNER)
    yield made
    made.destroy()
    for client in ("web", "light"):
        if any(each["name"] == "theirs" for each in home.client(client).get("protocolMappers", ())):
            home.delete_mapper(client, "theirs")
    home.change("gateway", enabled=True, publicClient=False, attributes={SETTING: "true"})


def whole(realm: TestRealm, token: str) -> str | None:
    """The token that ``gateway`` gets for another one."""
    answer = requests.post(
        f"{realm.url}/realms/{realm.name}/protocol/openid-connect/token/introspect",
        data={"token": token, "client_id": "gateway", "client_secret": "s"},
        headers={"Accept": "application/jwt"},
        timeout=120,
    )
    given = answer.json().get("jwt")
    return str(given) if given else None


def passes_on(realm: TestRealm, source: str, user: str = OTHER) -> bool:
    """Whether the target exchanges the whole token of a user."""
    token = whole(realm, realm.user_token(source, user))
    try:
        return token is not None and bool(realm.exchange("api", token))
    except TokenRefused:
        return False


@EXCHANGES
@pytest.mark.parametrize(
    ("source", "mapper", "config"),
    [
        ("web", AUDIENCE, {**OFF, **WHOLE}),
        ("light", AUDIENCE, {"access.token.claim": "true", "lightweight.claim": "false"}),
        ("light", kind("oidc-hardcoded-role-mapper", role="api.user"), {}),
    ],
    ids=["off", "lightweight", "role"],
)
def test_what_is_added_at_introspection_is_a_way_past_the_condition(
    home: TestRealm, stack: Stack, exchange: str, source: str, mapper: dict[str, Any], config: dict[str, str]
) -> None:
    stack.up(grant(home, sources=[source], exchange=exchange, **FOR_ROLES))
    assert passes(home, HOLDER, source) and not passes(home, OTHER, source) and not passes_on(home, source)
    add(home, source, mapper, **config)
    assert not passes(home, OTHER, source) and passes_on(home, source)

    where = r"where 'gateway' passes on the whole token that it gets at introspection; take these away"
    for condition in (FOR_ROLES, ON_REQUEST):
        with pytest.raises(pulumi.RunError, match=f"without .*: by the .*mapper 'theirs'.* of '{source}', {where}"):
            stack.up(grant(home, sources=[source], exchange=exchange, **condition))
    realm = realm_for(home.session, home.name)
    for found in (reach(home), reach_among_clients(realm, read_features(home.session), ["api", source]).reach):
        verdict = found.verdict("api", source, None)
        assert verdict.allowed and "'gateway' passes on" in " ".join(verdict.conditions)
    case = Case("g", home.name, exchange, RECIPIENT, source, "api", "api")
    diagnosis = Doctor(AnswerCache(home.session), Asked(as_user=OTHER)).examine([case])[0]
    (told,) = [each for each in diagnosis.notes if "'gateway' passes on" in each.wrong]
    assert not told.sure

    for never in ({"enabled": False}, {"attributes": {SETTING: "false"}}):
        home.change("gateway", **never)
        assert not passes_on(home, source)
        stack.up(grant(home, sources=[source], exchange=exchange, **FOR_ROLES))
        home.change("gateway", enabled=True, attributes={SETTING: "TRUE"})  # which Keycloak takes for on
        assert passes_on(home, source)
        with pytest.raises(pulumi.RunError, match=where):
            stack.up(grant(home, sources=[source], exchange=exchange, **FOR_ROLES))


@EXCHANGES
def test_a_mapper_that_introspection_leaves_out_closes_no_gate(home: TestRealm, stack: Stack, exchange: str) -> None:
    add(home, "web", AUDIENCE, **OFF)
    stack.up(grant(home, exchange=exchange, **FOR_ROLES))
    assert not passes_on(home, "web") and passes_on(home, "web", HOLDER)


@pytest.mark.standard_exchange
def test_nobody_introspects_the_token_that_an_exchange_makes(home: TestRealm, stack: Stack) -> None:
    stack.up(grant(home, flows=["requester"], **FOR_ROLES))
    add(home, "web", AUDIENCE, **OFF, **WHOLE)
    stack.up(grant(home, flows=["requester"], **FOR_ROLES))
    token = home.user_token("web", OTHER)
    for each in (token, str(whole(home, token))):
        with pytest.raises(TokenRefused):
            home.exchange("web", each, "api")
    (way,) = reach(home).verdict("web", "web", "api").audience_ways or ()
    assert "vip" in " ".join(way.when)


NAMED: dict[str, Callable[[TestRealm], Any]] = {
    "nothing": lambda realm: None,
    "mapper": lambda realm: add(realm, "plain", {**GATEWAY, "name": "named"}),
    "mapper at introspection": lambda realm: add(realm, "plain", {**GATEWAY, "name": "named"}, **OFF, **WHOLE),
    "role": lambda realm: realm.add_role("caller", HOLDER, client_id="gateway"),
    "exception": lambda realm: realm.change("gateway", attributes={EXCEPTION: "true"}),
}
"""What lets ``gateway`` get the token of a user without roles, from 26.7.5 on. By itself it contains no ``aud``."""


@pytest.mark.parametrize("way", NAMED)
def test_who_gets_a_token_whole(make_realm: MakeRealm, way: str) -> None:
    """A client counts where it may get the token: any that has the setting, or from 26.7.5 on one that the token may name."""
    home = make_realm("legacy", plain={}, api={}, gateway=LET_IN)
    home.add_user(OTHER)
    home.add_role("vip", OTHER)
    NAMED[way](home)
    add(home, "plain", AUDIENCE, **OFF, **WHOLE)
    opens = passes_on(home, "plain", HOLDER)
    assert opens is not (ONLY_IN_AUD and way == "nothing")

    stack = Stack(home.robot, OWNER)
    condition = grant(home, sources=["plain"], exchange="legacy", **FOR_ROLES)
    realm = realm_for(home.session, home.name)
    found = (reach(home), reach_among_clients(realm, read_features(home.session), ["api", "plain"]).reach)
    assert [each.verdict("api", "plain", None).allowed for each in found] == [opens, opens]
    if opens:
        with pytest.raises(pulumi.RunError, match="'gateway' passes on"):
            stack.up(condition)
    else:
        stack.up(condition)
        assert (
            passes(home, OTHER, "plain") and not passes(home, HOLDER, "plain") and not passes_on(home, "plain", HOLDER)
        )
        stack.destroy()


def reach(realm: TestRealm) -> RealmReach:
    found = survey(realm.session, realm.name)
    return realm_reach(found, survey_roles(realm.session, found))
