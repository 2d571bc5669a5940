"""Each condition of a grant binds: what it allows works, what it forbids is refused, and it goes without trace."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pulumi
import pytest

from kcadmin.rest.tokens import TokenRefused
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

EXCHANGES = pytest.mark.parametrize("exchange", ["standard", "legacy"])
HOLDER, OTHER = "testuser2", "somebody"


World = tuple[TestRealm, Stack]


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    """A realm in which one user holds the realm role ``payer`` and the role ``desk/clerk``, another one ``auditor``."""
    return inhabited(make_module_realm("legacy", frontend={}, api={}, third={}, desk={}), "desk")


@pytest.fixture(scope="module")
def home_with_target_roles(make_module_realm: MakeRealm) -> TestRealm:
    """The same, where the target defines the role ``api/clerk``, which the first user holds."""
    return inhabited(make_module_realm("legacy", frontend={}, api={}, third={}, desk={}), "desk", "api")


def inhabited(realm: TestRealm, *clients: str) -> TestRealm:
    realm.add_user(OTHER)
    realm.add_role("payer", HOLDER)
    realm.add_role("auditor", OTHER)
    for client in clients:
        realm.add_role("clerk", HOLDER, client_id=client)
    return realm


@pytest.fixture
def world(home: TestRealm) -> Iterator[World]:
    yield from lived_in(home)


@pytest.fixture
def world_with_target_roles(home_with_target_roles: TestRealm) -> Iterator[World]:
    yield from lived_in(home_with_target_roles)


def lived_in(realm: TestRealm) -> Iterator[World]:
    before = realm.export()
    stack = Stack(realm.robot)
    yield realm, stack
    stack.destroy()
    assert realm.export_but_for_permissions() == realm.without_permissions(before)


def grant(realm: TestRealm, exchange: str, **changes: Any) -> dict[str, Any]:
    flows = {} if "requester" in changes else {"flows": ["recipient", "requester"]}
    return {
        "name": "g",
        "realm": realm.name,
        "exchange": exchange,
        "sources": ["frontend"],
        "target": "api",
        **flows,
        **changes,
    }


def recipient(realm: TestRealm, user: str, **asked: str) -> bool:
    return allowed(realm, "api", realm.user_token("frontend", user, **asked))


def requester(realm: TestRealm, user: str, at_login: str = "", at_exchange: str = "", client: str = "frontend") -> bool:
    token = realm.user_token("frontend", user, **({"scope": at_login} if at_login else {}))
    return allowed(realm, client, token, "api", **({"scope": at_exchange} if at_exchange else {}))


def allowed(realm: TestRealm, client: str, token: str, audience: str | None = None, **asked: str) -> bool:
    try:
        return "api" in realm.exchange(client, token, audience, **asked)["aud"]
    except TokenRefused:
        return False


@EXCHANGES
@pytest.mark.scope_policies
def test_required_roles(world: World, exchange: str) -> None:
    realm, stack = world
    for changes in ({"create"}, {"same"}):
        stack.up(grant(realm, exchange, requiredRoles=["payer"]))
        assert set(stack.changes.values()) == changes
    assert recipient(realm, HOLDER) and requester(realm, HOLDER)
    assert not recipient(realm, OTHER) and not requester(realm, OTHER)


@EXCHANGES
@pytest.mark.scope_policies
def test_required_role_of_the_target(world_with_target_roles: World, exchange: str) -> None:
    realm, stack = world_with_target_roles
    stack.up(grant(realm, exchange, requiredRoles=[{"client": "api", "role": "clerk"}]))
    assert recipient(realm, HOLDER) and requester(realm, HOLDER)
    assert not recipient(realm, OTHER) and not requester(realm, OTHER)


@EXCHANGES
@pytest.mark.scope_policies
def test_required_role_of_another_client(world: World, exchange: str) -> None:
    """The standard exchange leaves roles out that belong to none of the audiences that it is asked for."""
    realm, stack = world
    clerk = {"client": "desk", "role": "clerk"}
    if exchange == "standard":
        with pytest.raises(pulumi.RunError, match="require a realm role, or a role of 'api'"):
            stack.up(grant(realm, exchange, requiredRoles=[clerk], restrictFullScope=True))
    flows = ["recipient"] if exchange == "standard" else ["recipient", "requester"]
    stack.up(grant(realm, exchange, requiredRoles=[clerk], restrictFullScope=True, flows=flows))
    assert recipient(realm, HOLDER) and not recipient(realm, OTHER)
    if exchange == "legacy":
        assert requester(realm, HOLDER) and not requester(realm, OTHER)


@EXCHANGES
@pytest.mark.scope_policies
def test_required_roles_of_a_third_client(world: World, exchange: str) -> None:
    realm, stack = world
    stack.up(grant(realm, exchange, requester="third", requiredRoles=["payer"]))
    assert requester(realm, HOLDER, client="third") and not requester(realm, OTHER, client="third")


@EXCHANGES
@pytest.mark.scope_policies
def test_roles_change_in_place(world: World, exchange: str) -> None:
    realm, stack = world
    stack.up(grant(realm, exchange, requiredRoles=["payer"]))
    stack.up(grant(realm, exchange, requiredRoles=["auditor"]))
    assert recipient(realm, OTHER) and requester(realm, OTHER)
    assert not recipient(realm, HOLDER) and not requester(realm, HOLDER)
    stack.up(grant(realm, exchange))
    assert recipient(realm, OTHER) and requester(realm, HOLDER)
    stack.up(grant(realm, exchange, requiredRoles=["payer", "auditor"]))
    assert recipient(realm, OTHER) and requester(realm, HOLDER)


@pytest.mark.standard_exchange
def test_a_gate_that_is_open_is_refused(world_with_target_roles: World) -> None:
    realm, stack = world_with_target_roles
    realm.mapper("frontend", "by hand", "api")
    with pytest.raises(pulumi.RunError) as refused:
        stack.up(grant(realm, "standard", requiredRoles=["payer"]))
    for words in ("the audience mapper 'by hand' of 'frontend'", "roles of 'api' that its users may hold (clerk)"):
        assert words in str(refused.value)
    assert recipient(realm, OTHER) is False  # its switch is off still: nothing was written
    realm.delete_mapper("frontend", "by hand")
    with pytest.raises(pulumi.RunError, match="set restrictFullScope: true"):
        stack.up(grant(realm, "standard", requiredRoles=["payer"]))

    stack.up(grant(realm, "standard", requiredRoles=["payer"], restrictFullScope=True))
    assert recipient(realm, HOLDER) and requester(realm, HOLDER)
    assert not recipient(realm, OTHER) and not requester(realm, OTHER)
    stack.up(grant(realm, "standard", requiredRoles=["payer"], restrictFullScope=True))
    assert set(stack.changes.values()) == {"same"}


@EXCHANGES
def test_audience_on_request(world: World, exchange: str) -> None:
    realm, stack = world
    stack.up(grant(realm, exchange, audience="optionalScope"))
    scope = stack.exported["g"]["flows"][0]["requestScope"]
    assert scope["at"] == "login"
    assert recipient(realm, OTHER, scope=scope["name"]) and not recipient(realm, OTHER)
    asked = stack.exported["g"]["flows"][1]["requestScope"]
    if exchange == "standard":
        assert asked == {"name": scope["name"], "at": "exchange"}
        assert requester(realm, OTHER, at_exchange=scope["name"])
        assert not requester(realm, OTHER) and not requester(realm, OTHER, at_login=scope["name"])
    else:
        assert asked is None
        assert requester(realm, OTHER)


@EXCHANGES
@pytest.mark.scope_policies
def test_audience_on_request_for_a_role(world: World, exchange: str) -> None:
    realm, stack = world
    stack.up(grant(realm, exchange, audience="optionalScope", requiredRoles=["payer"]))
    recipients, requesters = (flow["requestScope"] for flow in stack.exported["g"]["flows"])
    asked = {f"at_{requesters['at']}": requesters["name"]}
    assert recipient(realm, HOLDER, scope=recipients["name"]) and requester(realm, HOLDER, **asked)
    assert not recipient(realm, HOLDER) and not requester(realm, HOLDER)
    assert not recipient(realm, OTHER, scope=recipients["name"]) and not requester(realm, OTHER, **asked)


@EXCHANGES
def test_exact_audience(world: World, exchange: str) -> None:
    realm, stack = world
    if exchange == "legacy":
        with pytest.raises(pulumi.RunError, match=r"exactAudience cannot be kept.*set restrictFullScope: true"):
            stack.up(grant(realm, exchange, exactAudience=True))
        realm.mapper("api", "to third", "third")
        with pytest.raises(pulumi.RunError, match="by the audience mapper 'to third' of 'api'"):
            stack.up(grant(realm, exchange, exactAudience=True, restrictFullScope=True))
        realm.delete_mapper("api", "to third")
    stack.up(grant(realm, exchange, exactAudience=True, restrictFullScope=exchange == "legacy"))
    flows = {flow["flow"]: flow for flow in stack.exported["g"]["flows"]}
    token = realm.user_token("frontend")
    assert realm.exchange("api", token, flows["recipient"]["audience"])["aud"] == ["api"]
    assert realm.exchange("frontend", token, flows["requester"]["audience"])["aud"] == ["api"]


@EXCHANGES
def test_token_lifespan(world: World, exchange: str) -> None:
    realm, stack = world
    stack.up(grant(realm, exchange, tokenLifespan=77))
    token = realm.user_token("frontend")
    for claims in (realm.exchange("api", token), realm.exchange("frontend", token, "api")):
        assert claims["exp"] - claims["iat"] == 77
    stack.up(grant(realm, exchange, tokenLifespan=99))
    claims = realm.exchange("frontend", realm.user_token("frontend"), "api")
    assert claims["exp"] - claims["iat"] == 99


@pytest.mark.scope_policies
def test_time_window(world: World) -> None:
    """By the server's clock, which is this machine's."""
    realm, stack = world
    now = datetime.now()
    around = [(now + timedelta(minutes=minutes)).strftime("%H:%M") for minutes in (-90, 90)]
    asked = {"flows": ["requester"], "requiredRoles": ["payer"]}
    stack.up(grant(realm, "legacy", timeWindow=dict(zip(("start", "end"), around, strict=True)), **asked))
    assert requester(realm, HOLDER) and not requester(realm, OTHER)
    stack.up(grant(realm, "legacy", timeWindow=dict(zip(("end", "start"), around, strict=True)), **asked))
    assert not requester(realm, HOLDER)
    stack.up(grant(realm, "legacy", timeWindow={"notOnOrAfter": "2020-01-01 00:00:00"}, **asked))
    assert not requester(realm, HOLDER)
    stack.up(grant(realm, "legacy", **asked))
    assert requester(realm, HOLDER)


@pytest.mark.exchange_guards
def test_no_wider_scopes(make_realm: MakeRealm) -> None:
    """The guard leaves out mappers of clients themselves, so the audience lives in a client scope."""
    realm = make_realm("legacy", frontend={}, api={}, third={})
    before = realm.export()
    stack = Stack(realm.robot, guards=["requesters", "sources", "noWiderScopes"])
    both = grant(realm, "standard")
    through = {**grant(realm, "standard", requester="third"), "name": "h"}
    for grants in ([both, through], [both, through]):
        stack.up(*grants)
    assert set(stack.changes.values()) == {"same"}
    token = realm.user_token("frontend")
    assert "api" in realm.exchange("api", token)["aud"] and requester(realm, HOLDER)
    assert requester(realm, HOLDER, client="third")
    for client, audience in (("frontend", "api"), ("third", "api"), ("api", None)):
        with pytest.raises(TokenRefused, match="not present in the initial access token"):
            realm.exchange(client, token, audience, scope="phone")
    stack.destroy()
    assert realm.export() == before


def test_refresh_tokens_of_the_legacy_exchange(make_realm: MakeRealm) -> None:
    """Switched off for a requester without logins of its own; said where that would take them from its users."""
    silent = {"standardFlowEnabled": False, "directAccessGrantsEnabled": False, "serviceAccountsEnabled": True}
    realm = make_realm("legacy", frontend={}, api={}, third=silent)
    before = realm.export()
    stack = Stack(realm.robot)
    for allow in (False, True):
        stack.up(grant(realm, "legacy", requester="third", allowRefresh=allow))
        assert realm.gives_refresh_token("third", realm.user_token("frontend"), "api") is allow
    stack.destroy()
    assert realm.export_but_for_permissions() == realm.without_permissions(before)


@pytest.mark.standard_exchange
def test_what_opens_what_another_grant_closes_is_refused(world: World) -> None:
    realm, stack = world
    gated = grant(realm, "standard", requiredRoles=["payer"])
    for other, words in (
        ({}, "always"),
        ({"requiredRoles": ["payer", {"client": "desk", "role": "clerk"}]}, "for desk/clerk or payer"),
        ({"audience": "optionalScope"}, "on request"),
    ):
        with pytest.raises(pulumi.RunError, match=words):
            stack.up(gated, {**grant(realm, "standard", **other), "name": "other"})
