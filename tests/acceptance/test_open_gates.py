"""What would void a grant's condition, each tried as somebody would do it: refused, or closed in the same run."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import TokenRefused
from local import keycloak
from local.layout import keycloak_version
from reach.audiences import added
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.mapper_kinds import KINDS, kind
from tests.support.random_users import claims_of
from tests.support.realms import TestRealm

OWNER = "org/project/stack"
HOLDER, OTHER = "testuser2", "somebody"
LIGHT = {"client.use.lightweight.access.token.enabled": "true"}
World = tuple[TestRealm, Stack]


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    """One user holds the role ``vip``, another the role ``whole`` in part, and ``api/user``."""
    realm = make_module_realm(
        "legacy", web={}, api={}, light={"attributes": LIGHT}, loud={"attributes": dict.fromkeys(LIGHT, "TRUE")}
    )
    realm.add_user(OTHER)
    realm.add_role("vip", HOLDER)
    realm.add_role("part", OTHER)
    realm.add_role("whole", HOLDER)
    part = realm.get("roles", "part")
    realm.session.post(realm.at("roles", "whole", "composites"), [part])
    return realm


@pytest.fixture
def world(home: TestRealm) -> Iterator[World]:
    before = home.export()
    stack = Stack(home.robot, OWNER)
    yield home, stack
    stack.destroy()
    assert home.export_but_for_permissions() == home.without_permissions(before)


def grant(realm: TestRealm, **changes: Any) -> dict[str, Any]:
    made = {"name": "g", "realm": realm.name, "sources": ["web"], "target": "api", "exchange": "standard", **changes}
    return {key: value for key, value in made.items() if value is not None}


def passes(realm: TestRealm, user: str, source: str = "web") -> bool:
    try:
        realm.exchange("api", realm.user_token(source, user))
    except TokenRefused:
        return False
    return True


def add(realm: TestRealm, client: str, mapper: dict[str, Any], **config: str) -> str:
    at = realm.at("clients", realm.uuid(client), "protocol-mappers", "models")
    return realm.session.create(at, {"name": "theirs", **mapper, "config": {**mapper["config"], **config}})


AUDIENCE = kind("oidc-audience-mapper", included_client_audience="api")


@pytest.mark.standard_exchange
@pytest.mark.parametrize(
    ("client", "mapper", "config"),
    [
        ("light", AUDIENCE, {"access.token.claim": "false", "lightweight.claim": "true"}),
        ("loud", AUDIENCE, {"access.token.claim": "false", "lightweight.claim": "true"}),
        ("web", kind("oidc-hardcoded-claim-mapper", claim_name="aud", claim_value="api"), {}),
        ("web", kind("oidc-usermodel-property-mapper", claim_name="aud", user_attribute="username"), {}),
        ("web", kind("oidc-hardcoded-role-mapper", role="api.user"), {}),
        ("web", AUDIENCE, {"pulumi.owner": "org/project/other"}),
        ("web", kind("oidc-hardcoded-claim-mapper", claim_name="aud", claim_value="api"), {"pulumi.owner": OWNER}),
    ],
    ids=["lightweight", "lightweight by TRUE", "fixed", "of the user", "role", "another stack's", "said to be ours"],
)
def test_a_mapper_that_names_the_target_for_everybody(
    world: World, client: str, mapper: dict[str, Any], config: dict[str, str]
) -> None:
    realm, stack = world
    add(realm, client, mapper, **config)
    try:
        by = f"by the (audience )?mapper 'theirs'( of type \\S+)? of '{client}'; take these away"
        with pytest.raises(pulumi.RunError, match=f"without the required roles: {by}"):
            stack.up(grant(realm, sources=[client], requiredRoles=["vip"]))
        with pytest.raises(pulumi.RunError, match=f"without asking for the scope: {by}"):
            stack.up(grant(realm, sources=[client], audience="optionalScope"))
        assert stack.state == {}
        if mapper is AUDIENCE:
            switch = "standard.token.exchange.enabled"
            realm.change("api", attributes={switch: "True"})  # what the refused grant would have done
            assert passes(realm, OTHER, client)
            realm.change("api", attributes={switch: None})
    finally:
        realm.delete_mapper(client, "theirs")


@pytest.mark.standard_exchange
def test_a_role_of_the_target_names_it_without_the_scope(world: World) -> None:
    realm, stack = world
    realm.add_role("user", OTHER, client_id="api")
    try:
        with pytest.raises(pulumi.RunError, match=r"may hold \(user\), .*; set restrictFullScope: true"):
            stack.up(grant(realm, audience="optionalScope"))
        stack.up(grant(realm, audience="optionalScope", restrictFullScope=True))
        assert not passes(realm, OTHER) and not passes(realm, HOLDER)
        (flow,) = stack.exported["g"]["flows"]
        token = realm.user_token("web", OTHER, scope=flow["requestScope"]["name"])
        assert realm.exchange("api", token)["azp"] == "api"
        with pytest.raises(pulumi.RunError, match=r"may hold \(user\), .*; set restrictFullScope: true"):
            stack.up(grant(realm, audience="optionalScope"))  # which would give full scope back
        assert not passes(realm, OTHER)
    finally:
        realm.session.delete(realm.at("clients", realm.uuid("api"), "roles", "user"))


@pytest.mark.standard_exchange
def test_a_role_of_the_source_that_brings_one_of_the_target_counts_without_full_scope(world: World) -> None:
    realm, stack = world
    realm.add_role("user", HOLDER, client_id="api")
    realm.add_role("all", OTHER, client_id="web")
    user = realm.get("clients", realm.uuid("api"), "roles", "user")
    realm.session.post(realm.at("clients", realm.uuid("web"), "roles", "all", "composites"), [user])
    with pytest.raises(pulumi.RunError, match=r"may hold \(user\); take these away"):
        stack.up(grant(realm, requiredRoles=["vip"], restrictFullScope=True))
    realm.change("web", fullScopeAllowed=False)
    try:
        assert is_named(realm, OTHER)
        with pytest.raises(pulumi.RunError, match=r"may hold \(user\); take these away"):
            stack.up(grant(realm, requiredRoles=["vip"]))
    finally:
        realm.change("web", fullScopeAllowed=True)
        for client, role in (("web", "all"), ("api", "user")):
            realm.session.delete(realm.at("clients", realm.uuid(client), "roles", role))


def is_named(realm: TestRealm, user: str) -> bool:
    """Whether the source's token names the target."""
    return "api" in claims_of(realm.user_token("web", user)).get("aud", [])


@pytest.mark.standard_exchange
def test_a_composite_role_lets_through_who_holds_a_part(world: World) -> None:
    realm, stack = world
    with pytest.raises(pulumi.RunError, match=r"'whole' is composite, .* \(part\); require a role that is not"):
        stack.up(grant(realm, requiredRoles=["whole"]))
    stack.up(grant(realm, requiredRoles=["whole", "part"]))
    assert passes(realm, HOLDER) and passes(realm, OTHER)


@pytest.mark.standard_exchange
def test_a_mapper_that_bears_our_mark_goes_before_the_condition_holds(world: World) -> None:
    """That of the time without a condition, which is in the state; one that the client's owner wrote is not."""
    realm, stack = world
    stack.up(grant(realm))
    assert passes(realm, OTHER)
    stack.up(grant(realm, requiredRoles=["vip"]))
    assert passes(realm, HOLDER) and not passes(realm, OTHER)
    stack.up(grant(realm, requiredRoles=["vip"]))
    assert set(stack.changes.values()) == {"same"}
    stack.up(grant(realm))
    (ours,) = (each["config"] for each in realm.client("web")["protocolMappers"] if "pulumi.owner" in each["config"])
    add(realm, "web", AUDIENCE, **ours)  # a copy, number and all
    with pytest.raises(
        pulumi.RunError, match=r"which bears this stack's mark but is not in its state and by .*; take these"
    ):
        stack.up(grant(realm, requiredRoles=["vip"]))
    assert {"theirs"} < {each["name"] for each in realm.client("web")["protocolMappers"]}
    realm.delete_mapper("web", "theirs")
    stack.up(grant(realm, requiredRoles=["vip"]))
    assert passes(realm, HOLDER) and not passes(realm, OTHER)
    add(realm, "web", AUDIENCE, **{"pulumi.owner": OWNER})
    assert passes(realm, OTHER)
    with pytest.raises(
        pulumi.RunError, match="'theirs' of 'web', which bears this stack's mark but is not in its state"
    ):
        stack.up(grant(realm, requiredRoles=["vip"]))
    realm.delete_mapper("web", "theirs")


@pytest.mark.standard_exchange
def test_a_mapper_that_would_be_given_back_is_no_mapper_that_goes(world: World) -> None:
    realm, stack = world
    add(realm, "web", AUDIENCE, **{"id.token.claim": "true"})
    try:
        stack.up(grant(realm, adopt=True))
        with pytest.raises(pulumi.RunError, match="which would be given back; take these away"):
            stack.up(grant(realm, adopt=True, requiredRoles=["vip"]))
    finally:
        stack.destroy()
        realm.delete_mapper("web", "theirs")


@pytest.mark.standard_exchange
def test_a_scope_that_only_says_to_be_ours_opens_no_gate(world: World) -> None:
    realm, stack = world
    scope = {"name": "theirs", "protocol": "openid-connect", "attributes": {"pulumi.owner": f"{OWNER}#g"}}
    scope_id = realm.session.create(
        realm.at("client-scopes"), {**scope, "protocolMappers": [{"name": "m", **AUDIENCE}]}
    )
    realm.session.put(realm.at("clients", realm.uuid("web"), "default-client-scopes", scope_id), None)
    try:
        with pytest.raises(pulumi.RunError, match="by the default client scope 'theirs' of 'web'; take these away"):
            stack.up(grant(realm, requiredRoles=["vip"]))
        at = realm.at("client-scopes", scope_id, "scope-mappings", "realm")
        realm.session.post(at, [realm.get("roles", "vip")])  # then it opens nothing more
        stack.up(grant(realm, requiredRoles=["vip"]))
        assert passes(realm, HOLDER) and not passes(realm, OTHER)
    finally:
        stack.destroy()
        realm.session.delete(realm.at("client-scopes", scope_id))


@pytest.mark.standard_exchange
@pytest.mark.parametrize("protocol", ["oid4vc", "saml"])
def test_a_scope_that_was_put_to_another_protocol_counts_as_keycloak_counts_it(world: World, protocol: str) -> None:
    """Since 26.7 tokens of OpenID Connect also have what is in scopes of oid4vc, whose feature may be off."""
    realm, stack = world
    scope = {"name": "theirs", "protocol": "openid-connect", "protocolMappers": [{"name": "m", **AUDIENCE}]}
    scope_id = realm.session.create(realm.at("client-scopes"), scope)
    realm.session.put(realm.at("clients", realm.uuid("web"), "default-client-scopes", scope_id), None)
    realm.session.put(realm.at("client-scopes", scope_id), {"name": "theirs", "protocol": protocol})
    try:
        if is_named(realm, OTHER):
            with pytest.raises(pulumi.RunError, match="by the default client scope 'theirs' of 'web'; take these away"):
                stack.up(grant(realm, requiredRoles=["vip"]))
        else:
            stack.up(grant(realm, requiredRoles=["vip"]))
            assert passes(realm, HOLDER) and not passes(realm, OTHER)
    finally:
        stack.destroy()
        realm.session.delete(realm.at("client-scopes", scope_id))


@pytest.mark.standard_exchange
@pytest.mark.parametrize("condition", [{"requiredRoles": ["vip"]}, {"audience": "optionalScope"}], ids=str)
def test_another_owner_of_the_same_stack_goes_on(world: World, condition: dict[str, Any]) -> None:
    realm, stack = world
    stack.up(grant(realm, **condition))
    stack.owner = "org/project/renamed"
    stack.up(grant(realm, **condition))
    assert not passes(realm, OTHER)
    stack.up(grant(realm, **condition))
    assert set(stack.changes.values()) == {"same"}


@pytest.mark.standard_exchange
def test_a_named_scope_with_a_custom_audience_is_used(world: World) -> None:
    realm, stack = world
    custom = kind("oidc-audience-mapper", included_custom_audience="api")
    scope = {"name": "api-access", "protocol": "openid-connect", "protocolMappers": [{"name": "m", **custom}]}
    scope_id = realm.session.create(realm.at("client-scopes"), scope)
    try:
        stack.up(grant(realm, audience="optionalScope", scope="api-access"))
        assert not passes(realm, HOLDER)
        assert realm.exchange("api", realm.user_token("web", scope="api-access"))["azp"] == "api"
        stack.up(grant(realm, audience="optionalScope", scope="api-access"))
        assert set(stack.changes.values()) == {"same"}
    finally:
        stack.destroy()
        realm.session.delete(realm.at("client-scopes", scope_id))


def test_each_kind_of_mapper_does_what_is_computed(home: TestRealm) -> None:
    profile = home.get("users", "profile")
    home.session.put_json(home.at("users", "profile"), {**profile, "unmanagedAttributePolicy": "ENABLED"})
    user = home.get("users", username=HOLDER, exact="true")[0]
    home.session.put(home.at("users", user["id"]), {**user, "attributes": {"who": ["c"]}})
    home.add_role("user", HOLDER)
    home.add_client("b")  # since 26.7.5 a client that does not exist gets into no token by its name
    for name, (mapper, _) in KINDS.items():
        mapper_id = add(home, "web", mapper)
        realm = Realm(home.session, home.name)
        client = realm.clients.find("web")
        assert client is not None
        computed = {
            each.audience for each in added(client, {str(each["name"]): each for each in realm.client_scopes.all()})
        }
        try:
            stated = claims_of(home.user_token("web")).get("aud", [])
        except TokenRefused as refused:  # up to 26.2.5 no token is made where a fixed value is none of its type
            assert refused.status == 500 and not computed and keycloak.number(keycloak_version()) < (26, 7), name
            stated = []
        found = {stated} if isinstance(stated, str) else {*stated}
        home.session.delete(home.at("clients", client.uuid, "protocol-mappers", "models", mapper_id))
        assert found == computed or (None in computed), f"{name}: {found}, computed {computed}"
    home.session.delete(home.at("clients", home.uuid("b")))
    home.session.delete(home.at("roles", "user"))
