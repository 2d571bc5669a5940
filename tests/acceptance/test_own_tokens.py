"""What Keycloak takes for a token of the target, or for it, although no mapper names it: a condition binds there, too."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pulumi
import pytest
import requests

from kcadmin.objects.side_effects import SIDE_ROLE
from kcadmin.rest.errors import NotFound, TokenRefused
from tests.acceptance.test_open_gates import HOLDER, OTHER, OWNER, add, grant, passes
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.mapper_kinds import kind
from tests.support.realms import PASSWORD, TestRealm, hang_on
from tests.support.single_sign_on import SingleSignOn

TICKET = "urn:ietf:params:oauth:grant-type:uma-ticket"
EXCHANGES = pytest.mark.parametrize("exchange", ["standard", "legacy"])
CONDITIONS = ({"requiredRoles": ["vip"]}, {"audience": "optionalScope"})


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    realm = make_module_realm("legacy", web={}, api={})
    realm.add_user(OTHER)
    realm.add_role("vip", HOLDER)
    return realm


@pytest.fixture
def services(home: TestRealm) -> Iterator[str]:
    """Authorization services of ``api``, empty: the path of its resource server."""
    home.change("api", authorizationServicesEnabled=True, serviceAccountsEnabled=True)
    server = home.at("clients", home.uuid("api"), "authz", "resource-server")
    made = [*home.session.get(f"{server}/resource"), *home.session.get(f"{server}/policy")]
    for each in made:  # up to 26.2 some that let everybody in
        with suppress(NotFound):  # gone with another one
            home.session.delete(f"{server}/{'resource' if '_id' in each else 'policy'}/{each.get('_id') or each['id']}")
    yield server
    home.change("api", authorizationServicesEnabled=False, serviceAccountsEnabled=False)
    home.session.delete(home.at("clients", home.uuid("api"), "roles", SIDE_ROLE))


def ticket(realm: TestRealm, token: str, **asked: str) -> str | None:
    """The token for ``api`` that its authorization services give to whoever holds a token."""
    answer = requests.post(
        f"{realm.url}/realms/{realm.name}/protocol/openid-connect/token",
        data={"grant_type": TICKET, "audience": "api", **asked},
        headers={"Authorization": f"Bearer {token}"},
        timeout=120,
    )
    given = answer.json().get("access_token")
    return str(given) if given else None


def of_the_guide(realm: TestRealm, server: str) -> dict[str, str]:
    """The authorization scope, the client policy and the scope permission that the guide makes on its target."""
    scope = realm.session.post_json(f"{server}/scope", {"name": "token-exchange"})["id"]
    policy = realm.session.post_json(f"{server}/policy/client", {"name": "frontend", "clients": [realm.uuid("web")]})
    permission = {"name": "token-exchange.permission", "scopes": [scope], "policies": [policy["id"]]}
    realm.session.post(f"{server}/permission/scope", {**permission, "decisionStrategy": "AFFIRMATIVE"})
    return {"permission": "#token-exchange"}


def unenforced(realm: TestRealm, server: str) -> dict[str, str]:
    realm.session.post(f"{server}/resource", {"name": "thing"})
    realm.session.put(server, {**realm.session.get(server), "policyEnforcementMode": "PERMISSIVE"})
    return {}


@EXCHANGES
@pytest.mark.parametrize("arrange", [of_the_guide, unenforced])
def test_what_authorization_services_of_the_target_give(
    home: TestRealm,
    stack: Stack,
    services: str,
    exchange: str,
    arrange: Callable[[TestRealm, str], dict[str, str]],
) -> None:
    for condition in CONDITIONS:  # services that hold nothing give nothing
        stack.up(grant(home, exchange=exchange, restrictFullScope=True, **condition))
    assert ticket(home, home.user_token("web", OTHER)) is None and not passes(home, OTHER)

    asked = arrange(home, services)
    given = ticket(home, home.user_token("web", OTHER), **asked)
    assert given and home.exchange("api", given)["azp"] == "api"  # without the role, without asking for the scope
    for condition in CONDITIONS:
        with pytest.raises(
            pulumi.RunError, match=r"without .*: by the authorization services of 'api', .*; take these"
        ):
            stack.up(grant(home, exchange=exchange, restrictFullScope=True, **condition))


@pytest.mark.scope_policies
@EXCHANGES
def test_a_requester_gains_nothing_by_them(home: TestRealm, stack: Stack, services: str, exchange: str) -> None:
    """Its new token must name the target, or the grant's scope be in the token."""
    unenforced(home, services)
    asking = grant(home, flows=["requester"], requiredRoles=["vip"], exchange=exchange, restrictFullScope=True)
    stack.up(asking)
    for token in (home.user_token("web", OTHER), str(ticket(home, home.user_token("web", OTHER)))):
        with pytest.raises(TokenRefused):
            home.exchange("web", token, "api")
    assert home.exchange("web", home.user_token("web"), "api")["azp"] == "web"


@EXCHANGES
def test_a_token_that_says_to_be_the_target_s(home: TestRealm, stack: Stack, exchange: str) -> None:
    """Where its user is logged in to the target in the same session: with single sign-on, that is one click."""
    stack.up(grant(home, exchange=exchange))
    stack.up(grant(home, exchange=exchange, requiredRoles=["vip"]))
    assert not passes(home, OTHER)
    fixed: dict[str, Any] = kind("oidc-hardcoded-claim-mapper", claim_name="azp", claim_value="api")
    add(home, "web", fixed)
    try:
        browser = SingleSignOn(home, OTHER)
        token = browser.token("web")
        browser.token("api")
        assert home.exchange("api", token)["azp"] == "api"
        for condition in CONDITIONS:
            with pytest.raises(
                pulumi.RunError, match=r"by the mapper 'theirs' of type .* of 'web', which writes azp; take"
            ):
                stack.up(grant(home, exchange=exchange, **condition))
    finally:
        home.delete_mapper("web", "theirs")


@pytest.mark.scope_policies
@pytest.mark.parametrize(("claim", "opens"), [("azp", False), ("sub", False), ("scope", True)])
def test_a_regex_policy_of_others(make_realm: MakeRealm, claim: str, opens: bool) -> None:
    """Of a token's claims the legacy exchange shows a policy the scope alone."""
    realm = make_realm("legacy", web={}, api={})
    realm.add_user(OTHER)
    realm.add_role("vip", HOLDER)
    hang_on(realm, "theirs", "AFFIRMATIVE")
    server = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")
    policy = realm.session.post_json(f"{server}/policy/regex", {"name": "regex", "targetClaim": claim, "pattern": ".*"})
    held = next(each for each in realm.session.get(f"{server}/policy", name="token-exchange", permission="true"))
    whole = realm.session.get(f"{server}/permission/scope/{held['id']}")
    realm.session.put(f"{server}/permission/scope/{held['id']}", {**whole, "policies": [policy["id"]]})

    asking = grant(realm, exchange="legacy", flows=["requester"], requiredRoles=["vip"])
    if opens:
        assert realm.exchange("web", realm.user_token("web", OTHER), "api")
        with pytest.raises(pulumi.RunError, match=r"policy 'regex' .* may let 'web' through without this grant's"):
            Stack(realm.robot, OWNER).up(asking)
    else:
        Stack(realm.robot, OWNER).up(asking)
        assert realm.exchange("web", realm.user_token("web", HOLDER), "api")
        with pytest.raises(TokenRefused):
            realm.exchange("web", realm.user_token("web", OTHER), "api")


@EXCHANGES
def test_however_a_token_was_got(home: TestRealm, stack: Stack, exchange: str) -> None:
    """A service account's without a session, offline ones, refreshed ones after the role went, one after the log-out."""
    home.change("web", serviceAccountsEnabled=True)
    holder = home.at("users", home.get("users", username=HOLDER, exact="true")[0]["id"], "role-mappings", "realm")
    home.session.post(holder, [home.get("roles", "offline_access")])
    stack.up(grant(home, exchange=exchange, requiredRoles=["vip"]))

    def refused(token: str) -> bool:
        with pytest.raises(TokenRefused):
            home.exchange("api", token)
        return True

    given = {offline: asked(home, HOLDER, scope=f"openid {offline}") for offline in ("", "offline_access")}
    assert all(home.exchange("api", each["access_token"]) for each in given.values())
    assert refused(asked(home, OTHER, scope="openid offline_access")["access_token"])
    assert refused(answered(home, grant_type="client_credentials")["access_token"])

    home.session.delete(holder, [home.get("roles", "vip")])
    try:
        for each in given.values():
            again = answered(home, grant_type="refresh_token", refresh_token=each["refresh_token"])
            assert refused(again["access_token"])
            for typed in ("refresh_token", "id_token"):
                assert refused(each[typed])
            assert home.exchange("api", each["access_token"])  # until it expires, or
        answered(home, "logout", refresh_token=given[""]["refresh_token"])
        assert refused(given[""]["access_token"])
    finally:
        home.session.post(holder, [home.get("roles", "vip")])
        home.change("web", serviceAccountsEnabled=False)


def asked(realm: TestRealm, username: str, **more: str) -> dict[str, str]:
    return answered(realm, grant_type="password", username=username, password=PASSWORD, **more)


def answered(realm: TestRealm, at: str = "token", **form: str) -> dict[str, str]:
    """What Keycloak answers to ``web``."""
    place = f"{realm.url}/realms/{realm.name}/protocol/openid-connect/{at}"
    answer = requests.post(place, data={"client_id": "web", "client_secret": "s", **form}, timeout=120)
    answer.raise_for_status()
    return dict(answer.json()) if answer.text else {}


@pytest.mark.standard_exchange
def test_the_preview_tells_what_authorization_services_open(
    make_realm: MakeRealm, caplog: pytest.LogCaptureFixture
) -> None:
    realm = make_realm("standard", web={}, api={})
    realm.change("api", authorizationServicesEnabled=True, serviceAccountsEnabled=True)
    of_the_guide(realm, realm.at("clients", realm.uuid("api"), "authz", "resource-server"))
    caplog.set_level(logging.INFO)
    stack = Stack(realm.robot, OWNER)
    stack.up(grant(realm))
    (told,) = [each for each in caplog.messages if "authorization services" in each]
    assert told.startswith(
        f"implied by grant 'g' in realm '{realm.name}': 'api' may also exchange for itself tokens of any"
    )
    assert "by permission " in told and "'token-exchange.permission'" in told
    caplog.clear()
    stack.up(grant(realm))
    assert not [each for each in caplog.messages if "authorization services" in each]
