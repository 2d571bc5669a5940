"""Client policies of the realm that act on what a resource writes which no grant has: as for grants, refused unless accepted."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from providers.audience_mapper import AudienceMapperProvider
from providers.audience_scope import AudienceScopeProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.base.provider import ALONE, Alone, KeycloakProvider
from providers.client_policy import ClientPolicyProvider
from providers.client_scope_assignment import ClientScopeAssignmentProvider
from providers.exchange_events import ExchangeEventsProvider
from providers.exchange_guards import ExchangeGuardsProvider
from providers.full_scope_off import FullScopeOffProvider
from providers.hardcoded_claim_mapper import HardcodedClaimMapperProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.refresh_tokens_off import RefreshTokensOffProvider
from providers.role_policy import RolePolicyProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_exchange_permission import TokenExchangePermissionProvider
from providers.token_lifespan import TokenLifespanProvider
from tests.acceptance.test_objects import authz_path, management_policy
from tests.acceptance.test_policy_changes import CONSENT, demand
from tests.conftest import MakeRealm
from tests.support.engine import Engine, Refused, forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

pytestmark = pytest.mark.exchange_guards
ADOPTED = {"adopt": True}
ON = {"authorizationServicesEnabled": True, "serviceAccountsEnabled": True}
SERVER = {"resource_server": "desk"}
FRONTEND = {"client_id": "frontend"}
Arrange = Callable[[TestRealm], dict[str, Any]]


def nothing(realm: TestRealm) -> dict[str, Any]:
    return {}


def mapper(realm: TestRealm) -> dict[str, Any]:
    if "theirs" not in [each["name"] for each in realm.client("frontend").get("protocolMappers", ())]:
        realm.mapper("frontend", "theirs", "account")
    return {}


def claim(realm: TestRealm) -> dict[str, Any]:
    at = realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models")
    config = {"claim.name": "tenant", "claim.value": "red", "jsonType.label": "String"}
    kind = {"protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper"}
    realm.session.post(at, {"name": "tenant", **kind, "config": config})
    return {}


def scope(realm: TestRealm) -> dict[str, Any]:
    if "orders" not in [each["name"] for each in realm.get("client-scopes")]:
        realm.session.post(realm.at("client-scopes"), {"name": "orders", "protocol": "openid-connect"})
    return {}


def of_desk(kind: str, **described: Any) -> Arrange:
    def arrange(realm: TestRealm) -> dict[str, Any]:
        realm.session.post(authz_path(realm, *kind.split("/"), client="desk"), described)
        return {}

    return arrange


def attached(realm: TestRealm) -> dict[str, Any]:
    """A policy that hangs on the permission already."""
    realm.session.put_json(realm.at("clients", realm.uuid("api"), "management", "permissions"), {"enabled": True})
    engine = Engine(TokenExchangePermissionProvider, realm.connection)
    held = {"policies": [management_policy(realm, "theirs")]}
    engine.up(realm=realm.name, client_id="api", owner="org/project/another#one", **held)
    return held


def clients(realm: TestRealm) -> dict[str, Any]:
    """What a write would show in."""
    fields = ("attributes", "consentRequired", "protocolMappers")
    return {each["clientId"]: {field: each.get(field) for field in fields} for each in realm.get("clients")}


CASES: dict[str, tuple[type[KeycloakProvider], dict[str, Any], Arrange]] = {
    "mapper": (AudienceMapperProvider, {**FRONTEND, "name": "theirs", "included_client": "api", **ADOPTED}, mapper),
    "revoked mapper": (
        AudienceMapperProvider,
        {**FRONTEND, "name": "theirs", "included_client": "account", "on_remove": "revoke"},
        mapper,
    ),
    "scope": (AudienceScopeProvider, {"name": "orders", "included_client": "api", **ADOPTED}, scope),
    "claim": (
        HardcodedClaimMapperProvider,
        {**FRONTEND, "name": "tenant", "claim_name": "tenant", "claim_value": "blue", **ADOPTED},
        claim,
    ),
    "policy": (
        ClientPolicyProvider,
        {**SERVER, "name": "may", "clients": ["frontend"], **ADOPTED},
        of_desk("policy/client", name="may", clients=[], logic="NEGATIVE"),
    ),
    "roles": (
        RolePolicyProvider,
        {**SERVER, "name": "who", "roles": [{"role": "payer"}], **ADOPTED},
        of_desk("policy/role", name="who", roles=[], logic="NEGATIVE"),
    ),
    "authorization scope": (AuthorizationScopeProvider, {**SERVER, "name": "new"}, nothing),
    "adopted authorization scope": (
        AuthorizationScopeProvider,
        {**SERVER, "name": "there", "display_name": "ours", **ADOPTED},
        of_desk("scope", name="there"),
    ),
    "authorization services": (AuthorizationServicesProvider, {"client_id": "api"}, nothing),
    "switch": (StandardTokenExchangeProvider, FRONTEND, nothing),
    "lifespan": (TokenLifespanProvider, {**FRONTEND, "seconds": 60}, nothing),
    "full scope": (FullScopeOffProvider, FRONTEND, nothing),
    "refresh tokens": (RefreshTokensOffProvider, FRONTEND, nothing),
    "management permissions": (ManagementPermissionsProvider, FRONTEND, nothing),
    "assignment": (ClientScopeAssignmentProvider, {**FRONTEND, "scope": "orders", "kind": "optional"}, scope),
    "permission": (TokenExchangePermissionProvider, {"client_id": "api"}, attached),
    "guards": (ExchangeGuardsProvider, {"requesters": ["api"]}, nothing),
    "events": (ExchangeEventsProvider, {}, nothing),
}
WRITE_NO_CLIENT: dict[str, tuple[type[KeycloakProvider], dict[str, Any], Arrange]] = {
    "mapper": (AudienceMapperProvider, {**FRONTEND, "name": "new", "included_client": "api", **ADOPTED}, nothing),
    "as wanted": (AudienceMapperProvider, {**FRONTEND, "name": "theirs", "included_client": "account", **ADOPTED}, mapper),
    "policy": (ClientPolicyProvider, {**SERVER, "name": "another", "clients": ["frontend"], **ADOPTED}, nothing),
    "scope": (AudienceScopeProvider, {"name": "another", "included_client": "api", **ADOPTED}, nothing),
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(make_module_realm: MakeRealm) -> TestRealm:
    realm = make_module_realm("legacy", frontend={}, api={}, desk=ON)
    realm.add_role("payer", realm.user)
    return realm


@pytest.fixture
def realm(shared: TestRealm) -> TestRealm:
    """With no policy yet, and clients that a policy would change."""
    demand(shared)
    for each in ("frontend", "api", "desk", "account"):
        shared.change(each, consentRequired=False, **(ON if each == "desk" else {}))
    return shared


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda text, *_: found.append(text))
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_it_writes_is_judged(realm: TestRealm, told: list[str], name: str) -> None:
    provider, inputs, arrange = CASES[name]
    given = {**inputs, **arrange(realm), "realm": realm.name, ALONE: Alone.IN_PROGRAM}
    demand(realm, CONSENT)
    before = clients(realm)
    forget()
    engine = Engine(provider, realm.connection)
    with pytest.raises(
        Refused, match=r"strict', consent-required\) would change consentRequired from .*accept_policy_"
    ):
        engine.up(**given)
    assert clients(realm) == before
    with pytest.raises(Refused, match=r"or accept it by accept_policy_changes: \[consentRequired\]"):
        engine.up(**given, accept_policy_changes=["fullScopeAllowed"])
    accepted = {**given, "accept_policy_changes": ["consentRequired"]}
    assert engine.up(**accepted) == "create"
    assert any("as accepted; nothing gives that back" in each for each in told)
    forget()
    assert engine.up(**accepted) == "same"
    engine.destroy()


@pytest.mark.parametrize("name", WRITE_NO_CLIENT)
def test_what_writes_no_client_is_not_refused(realm: TestRealm, name: str) -> None:
    provider, inputs, arrange = WRITE_NO_CLIENT[name]
    given = {**inputs, **arrange(realm), "realm": realm.name, ALONE: Alone.IN_PROGRAM}
    demand(realm, CONSENT)
    forget()
    engine = Engine(provider, realm.connection)
    assert engine.up(**given) == "create"
    engine.destroy()


def test_a_refusing_policy_is_told_before(realm: TestRealm) -> None:
    mapper(realm)
    demand(realm, {"executor": "reject-request", "configuration": {}})
    forget()
    provider, inputs, _ = CASES["mapper"]
    with pytest.raises(Refused, match=r"reject-request\) would refuse what `pulumi up` writes"):
        Engine(provider, realm.connection).up(**inputs, realm=realm.name, alone=Alone.IN_PROGRAM)


def test_a_setting_that_others_changed_is_judged_before_it_is_mended(realm: TestRealm) -> None:
    forget()
    engine = Engine(TokenLifespanProvider, realm.connection)
    given = {**FRONTEND, "seconds": 60, "realm": realm.name, ALONE: Alone.IN_PROGRAM}
    engine.up(**given)
    realm.change("frontend", attributes={"access.token.lifespan": "90"})
    demand(realm, CONSENT)
    forget()
    with pytest.raises(Exception, match=r"consent-required\) would change consentRequired"):
        engine.up(**given)
    assert realm.client("frontend")["attributes"]["access.token.lifespan"] == "90"


@pytest.mark.parametrize("name", ["mapper", "authorization scope", "switch", "guards", "events"])
def test_a_new_owner_is_judged_as_well(realm: TestRealm, name: str) -> None:
    provider, inputs, arrange = CASES[name]
    given = {**inputs, **arrange(realm), "realm": realm.name, ALONE: Alone.IN_PROGRAM}
    forget()
    engine = Engine(provider, realm.connection)
    engine.up(**given)
    demand(realm, CONSENT)
    before = clients(realm)
    forget()
    with pytest.raises(Refused, match=r"consent-required\) would change consentRequired"):
        engine.up(**given, owner="org/project/renamed#test")
    assert clients(realm) == before
    new = {**given, "owner": "org/project/renamed#test", "accept_policy_changes": ["consentRequired"]}
    assert engine.up(**new) == "update"
    forget()
    assert engine.up(**new) == "same"
    engine.destroy()


def test_a_grant_that_adopts_is_judged_as_well(realm: TestRealm) -> None:
    realm.mapper("frontend", "to-api", "api", **{"id.token.claim": "true"})
    realm.change("api", attributes={"standard.token.exchange.enabled": "true"})
    demand(realm, CONSENT)
    before = clients(realm)["frontend"]
    grant = {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "exchange": "standard"}
    stack = Stack(realm.connection)
    with pytest.raises(Exception, match=r"client 'frontend' .*would change consentRequired"):
        stack.up({**grant, "adopt": True})
    # parts are made in no order here, without the preview that refuses first
    assert clients(realm)["frontend"] == before
    stack.up({**grant, "adopt": True, "acceptPolicyChanges": ["consentRequired"]})
    assert realm.client("frontend")["consentRequired"]
    stack.destroy()


def test_the_events_of_a_stack_with_a_new_owner_are_judged_as_well(realm: TestRealm) -> None:
    """Its grants write confidential clients alone; a client of the realm bears the claim on events."""
    grant = {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "exchange": "standard"}
    stack = Stack(realm.connection, events=True)
    stack.up(grant)
    demand(realm, CONSENT, conditions=[{"condition": "client-access-type", "configuration": {"type": ["public"]}}])
    before = clients(realm)["account"]
    stack.owner = "org/project/renamed"
    with pytest.raises(Exception, match=r"client 'account' .*consent-required\) would change consentRequired"):
        stack.up(grant)
    assert clients(realm)["account"] == before
    stack.up({**grant, "acceptPolicyChanges": ["consentRequired"]})
    assert clients(realm)["account"]["consentRequired"]
    stack.destroy()
