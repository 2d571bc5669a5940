"""Objects whose names are other objects' ids: Keycloak's policies read each text as a name first."""

import pulumi
import pytest

from kcadmin.rest.errors import Refusal, TokenRefused
from reach.allowed import realm_reach
from reach.reasons import always
from reach.roles import survey_roles
from reach.survey import survey
from tests.acceptance.test_open_gates import OTHER, grant
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.realms import TestRealm


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    realm = make_module_realm("legacy", web={}, api={}, hop={})
    realm.add_user(OTHER)
    realm.add_role("vip", realm.user)
    return realm


def legacy(realm: TestRealm, **more: object) -> dict[str, object]:
    return grant(realm, exchange="legacy", flows=["requester"], **more)


def passes(realm: TestRealm, requester: str, user: str | None = None) -> bool:
    try:
        realm.exchange(requester, realm.user_token("web", user), "api")
    except TokenRefused:
        return False
    return True


def test_a_client_that_is_called_by_the_uuid_of_a_requester_gets_nothing(home: TestRealm, stack: Stack) -> None:
    thief = home.uuid("web")
    home.add_client(thief)
    try:
        stack.up(legacy(home))
        assert passes(home, "web") and not passes(home, thief)
        stack.up(legacy(home, sources=["web", "hop"]))  # a PUT of the policy
        assert passes(home, "web") and passes(home, "hop") and not passes(home, thief)
        stack.refresh()
        stack.up(legacy(home, sources=["web", "hop"]))
        assert set(stack.changes.values()) == {"same"}
    finally:
        home.session.delete(home.at("clients", home.uuid(thief)))


@pytest.mark.scope_policies
def test_a_client_scope_that_is_called_by_the_id_of_a_grants_is_refused(home: TestRealm, stack: Stack) -> None:
    scope = {"name": "mine", "protocol": "openid-connect", "attributes": {"include.in.token.scope": "true"}}
    mine = home.session.create(home.at("client-scopes"), scope)
    audience = {"protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", "name": "audience"}
    at = home.at("client-scopes", mine, "protocol-mappers", "models")
    home.session.create(at, {**audience, "config": {"included.client.audience": "api", "access.token.claim": "true"}})
    home.session.post(home.at("client-scopes", mine, "scope-mappings", "realm"), [home.get("roles", "vip")])
    theirs = home.session.create(home.at("client-scopes"), {**scope, "name": mine})
    home.session.put(home.at("clients", home.uuid("web"), "default-client-scopes", theirs), None)
    try:
        with pytest.raises(Refusal, match=f"client scope '{mine}' .* has the id of another client scope as its name"):
            stack.up(legacy(home, requiredRoles=["vip"], scope="mine"))
        assert not passes(home, "web", OTHER)
        home.session.delete(home.at("client-scopes", theirs))
        stack.up(legacy(home, requiredRoles=["vip"], scope="mine"))
        assert passes(home, "web") and not passes(home, "web", OTHER)
    finally:
        stack.destroy()
        for each in home.get("client-scopes"):
            if each["name"] in ("mine", mine):
                home.session.delete(home.at("client-scopes", each["id"]))


@pytest.mark.scope_policies
def test_a_server_that_enforces_nothing_voids_every_legacy_grant(home: TestRealm, stack: Stack) -> None:
    stack.up(legacy(home, requiredRoles=["vip"]))
    at = home.at("clients", home.uuid("realm-management"), "authz", "resource-server")
    now = home.session.get(at)
    assert not passes(home, "hop") and not reached(home)
    home.session.put(at, {**now, "policyEnforcementMode": "DISABLED"})
    try:
        assert passes(home, "hop", OTHER) and reached(home)
        with pytest.raises(
            pulumi.RunError, match="the policy enforcement mode DISABLED, so Keycloak lets every client"
        ):
            stack.up(legacy(home, requiredRoles=["vip"]))
    finally:
        home.session.put(at, now)


@pytest.mark.scope_policies
@pytest.mark.parametrize("over", ["its resource", "all clients", "the scope"])
def test_a_permission_beside_voids_a_legacy_grant_where_one_that_grants_is_enough(
    home: TestRealm, stack: Stack, over: str
) -> None:
    stack.up(legacy(home, requiredRoles=["vip"]))
    at = home.at("clients", home.uuid("realm-management"), "authz", "resource-server")
    now, resource = home.session.get(at), f"client.resource.{home.uuid('api')}"
    policy = home.session.post_json(f"{at}/policy/client", {"name": "hop's", "clients": ["hop"]})["id"]
    covers = {
        "its resource": {"resources": [resource], "scopes": ["token-exchange"]},
        "all clients": {"resourceType": "Client"},
        "the scope": {"scopes": ["token-exchange"]},
    }[over]
    kind = "resource" if over == "all clients" else "scope"
    beside = {"name": "beside", "policies": [policy], **covers}
    permission = home.session.post_json(f"{at}/permission/{kind}", beside)["id"]
    try:
        assert not passes(home, "hop") and not reached(home)
        home.session.put(at, {**now, "decisionStrategy": "AFFIRMATIVE"})
        assert passes(home, "hop", OTHER) and reached(home, sure=False)
        with pytest.raises(
            pulumi.RunError, match="'beside' covers the exchange for 'api' too, and with realm-management's"
        ):
            stack.up(legacy(home, requiredRoles=["vip"]))
        home.session.put(at, now)
        if over != "its resource":  # which goes with the target's management permissions
            stack.destroy()
            with pytest.raises(pulumi.RunError, match=r"'beside' of realm-management .* does not let 'web' through"):
                stack.up(legacy(home))
    finally:
        home.session.put(at, now)
        for each in (permission, policy):
            home.session.delete(f"{at}/policy/{each}")


def reached(home: TestRealm, *, sure: bool = True) -> bool:
    """What the graph says of a client that no grant names."""
    found = survey(home.session, home.name)
    said = realm_reach(found, survey_roles(home.session, found)).verdict("hop", "web", "api")
    return said.allowed and (always(said.audience_ways) or not sure)
