"""Realms that no random test reaches: a condition that the preview accepts binds there, too."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint, TokenRefused
from tests.acceptance.test_open_gates import AUDIENCE, OTHER, OWNER, add, grant, passes
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange


def composite(realm: TestRealm, whole: str, client: str, part: dict[str, Any]) -> None:
    role = realm.get("clients", realm.uuid(client), "roles", whole)
    realm.session.post(realm.at("roles-by-id", role["id"], "composites"), [part])


def through_three_roles(realm: TestRealm) -> None:
    """A role of ``hop`` brings one of the realm, which brings one of ``api``; the first is mapped to ``web``."""
    realm.change("web", fullScopeAllowed=False)
    realm.add_role("far", realm.user, "api")
    realm.add_role("mid", realm.user)
    realm.add_role("near", OTHER, "hop")
    api = realm.get("clients", realm.uuid("api"), "roles", "far")
    realm.session.post(realm.at("roles-by-id", realm.get("roles", "mid")["id"], "composites"), [api])
    composite(realm, "near", "hop", realm.get("roles", "mid"))
    near = realm.get("clients", realm.uuid("hop"), "roles", "near")
    at = realm.at("clients", realm.uuid("web"), "scope-mappings", "clients", realm.uuid("hop"))
    realm.session.post(at, [near])


def by_two_scopes(realm: TestRealm) -> None:
    """One scope brings a role into each token, another resolves it, as of old without a setting; neither does anything alone."""
    realm.change("web", fullScopeAllowed=False)
    roles = next(each["id"] for each in realm.get("client-scopes") if each["name"] == "roles")
    realm.session.delete(realm.at("clients", realm.uuid("web"), "default-client-scopes", roles))
    realm.add_role("far", realm.user, "api")
    for name, kind, config in (
        ("brings", "oidc-hardcoded-role-mapper", {"role": "api.far"}),
        ("resolves", "oidc-audience-resolve-mapper", {}),
    ):
        mapper = {"name": "m", "protocol": "openid-connect", "protocolMapper": kind, "config": config}
        scope = {"name": name, "protocol": "openid-connect", "protocolMappers": [mapper]}
        scope_id = realm.session.create(realm.at("client-scopes"), scope)
        realm.session.put(realm.at("clients", realm.uuid("web"), "default-client-scopes", scope_id), None)


def by_a_group(realm: TestRealm) -> None:
    """The user has a role of ``api`` by a group alone."""
    group = realm.session.create(realm.at("groups"), {"name": "staff"})
    realm.add_role("far", realm.user, "api")
    far = realm.get("clients", realm.uuid("api"), "roles", "far")
    realm.session.post(realm.at("groups", group, "role-mappings", "clients", realm.uuid("api")), [far])
    user = realm.get("users", username=OTHER, exact="true")[0]["id"]
    realm.session.put(realm.at("users", user, "groups", group), None)


def by_custom_text(realm: TestRealm) -> None:
    """A custom audience that is the target's client id."""
    config = {"included.client.audience": "", "included.custom.audience": "api"}
    add(realm, "web", AUDIENCE, **config)


@pytest.mark.parametrize("arrange", [through_three_roles, by_two_scopes, by_a_group, by_custom_text])
def test_what_names_the_target_for_somebody_else_is_refused(
    make_realm: MakeRealm, arrange: Callable[[TestRealm], None]
) -> None:
    realm = make_realm("standard", web={}, api={"attributes": {"standard.token.exchange.enabled": "true"}}, hop={})
    realm.add_user(OTHER)
    realm.add_role("vip", realm.user)
    assert not passes(realm, OTHER)
    arrange(realm)
    assert passes(realm, OTHER)
    with pytest.raises(pulumi.RunError, match="tokens of 'web' have 'api' in aud without the required roles"):
        Stack(realm.robot, OWNER).up(grant(realm, requiredRoles=["vip"]))


def test_a_group_s_role_lets_through_and_a_service_account_without_it_does_not(make_realm: MakeRealm) -> None:
    realm = make_realm("standard", **{"web ✓": {"serviceAccountsEnabled": True}, "API": {}, "api": {}})
    realm.add_user(OTHER)
    realm.add_role("vip", realm.user)
    group = realm.session.create(realm.at("groups"), {"name": "staff"})
    realm.session.post(realm.at("groups", group, "role-mappings", "realm"), [realm.get("roles", "vip")])
    realm.session.put(
        realm.at("users", realm.get("users", username=OTHER, exact="true")[0]["id"], "groups", group), None
    )
    realm.add_user("third")
    stack = Stack(realm.robot, OWNER)
    stack.up(grant(realm, sources=["web ✓"], requiredRoles=["vip"]))
    assert passes(realm, realm.user, "web ✓") and passes(realm, OTHER, "web ✓") and not passes(realm, "third", "web ✓")
    endpoint = TokenEndpoint(realm.session, realm.name)
    own = endpoint.for_service_account(ClientCredentials("web ✓", "s")).access_token
    with pytest.raises(TokenRefused):
        realm.exchange("api", own)
    with pytest.raises(TokenRefused):
        realm.exchange("API", realm.user_token("web ✓"))
