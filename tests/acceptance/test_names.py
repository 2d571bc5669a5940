"""Names that need quoting somewhere, and the longest ones, on the real server."""

from typing import Any

import pytest

from exchange.inventory.config_file import take_inventory
from grants.spec import read_grant
from kcadmin.objects.realm import realm_for
from kcadmin.rest.errors import Refusal
from kcadmin.rest.session import Session, session_for
from local import keycloak
from local.layout import keycloak_version
from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import LONGEST_CLIENT_ID, LONGEST_UP_TO_26_2, AuthorizationServicesProvider
from providers.base.provider import ALONE, Alone, KeycloakProvider
from providers.client_policy import ClientPolicyProvider
from providers.hardcoded_claim_mapper import HardcodedClaimMapperProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.scope_permission import ScopePermissionProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_exchange_permission import TokenExchangePermissionProvider
from tests.support.engine import Engine, Refused, forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm
from tests.support.registered import RegisteredClient
from tests.support.robots import robot_engine

POLICY = "the policy made before"
NAMES = ["a/b", "100%", 'say "x"', "why?", "#1", "...", "a b&c=d", "größe→目標", "x" * 255]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_objects_of_any_name(module_realm: TestRealm, name: str) -> None:
    realm = module_realm
    realm.change("api", authorizationServicesEnabled=True, serviceAccountsEnabled=True)
    before = realm.export()
    place, scope = {"realm": realm.name, "resource_server": "api"}, f"{name[:250]}!"
    lives(
        realm,
        (AudienceMapperProvider, {"client_id": "frontend", "name": name, "included_client": "api"}),
        (AudienceMapperProvider, {"client_id": "api", "custom_audience": name}),
        (ClientPolicyProvider, {**place, "name": name, "clients": ["frontend"]}),
        (AuthorizationScopeProvider, {**place, "name": scope, "display_name": name, "icon_uri": name}),
        (ScopePermissionProvider, {**place, "name": scope, "scopes": [scope], "policies": [name]}),
    )
    assert realm.export() == before


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_objects_of_a_client_of_any_name(legacy_module_realm: TestRealm, name: str) -> None:
    realm = legacy_module_realm
    realm.add_client(name)
    before = realm.export()
    policy = lives(
        realm,
        (StandardTokenExchangeProvider, {"client_id": name, "allow_refresh": True}),
        (AudienceMapperProvider, {"client_id": name, "included_client": name}),
        *([(AuthorizationServicesProvider, {"client_id": name})] if len(name) <= LONGEST_CLIENT_ID else []),
        (ManagementPermissionsProvider, {"client_id": name}),
        (ClientPolicyProvider, {"resource_server": "realm-management", "name": "policy", "clients": [name]}),
        (TokenExchangePermissionProvider, {"client_id": name, "policies": POLICY}),
    )
    assert policy and realm.export_but_for_permissions() == realm.without_permissions(before)


def lives(realm: TestRealm, *objects: tuple[type[KeycloakProvider], dict[str, Any]]) -> str:
    """Makes objects one after the other, finds each unchanged in a process that knows nothing, and deletes them again.

    Gives the id of the last policy, which stands for POLICY.
    """
    made: list[Engine] = []
    policy = ""
    for provider, args in objects:
        engine = robot_engine(provider, realm)
        given = {"realm": realm.name, **args, **({"policies": [policy]} if args.get("policies") == POLICY else {})}
        assert engine.up(**given) == "create", provider
        forget()
        assert engine.refresh() and engine.up(**given) == "same", provider
        made.append(engine)
        policy = str(engine.id) if provider is ClientPolicyProvider else policy
    for engine in reversed(made):
        engine.destroy()
    return policy


def test_one_character_too_many_is_refused_by_us(module_realm: TestRealm) -> None:
    realm = module_realm
    with pytest.raises(Refused, match="name has 256 characters; give it 1 to 255"):
        robot_engine(AudienceMapperProvider, realm).up(
            realm=realm.name, client_id="frontend", name="x" * 256, included_client="api"
        )


def test_a_name_that_a_mapper_of_another_type_has(module_realm: TestRealm) -> None:
    """Told by check, and where somebody makes that mapper later, by create."""
    realm = module_realm
    claim = {"realm": realm.name, "client_id": "frontend", "claim_name": "c", "claim_value": "v"}
    mapper = {"realm": realm.name, "client_id": "frontend", "included_client": "api", ALONE: Alone.IN_PROGRAM}
    other, engine = robot_engine(HardcodedClaimMapperProvider, realm), robot_engine(AudienceMapperProvider, realm)
    taken = (
        r"'{}' in realm '.*': the name is taken by a mapper of type 'oidc-hardcoded-claim-mapper'; choose another name"
    )
    other.up(**claim, name="x")
    with pytest.raises(Refused, match=f"^audience mapper {taken.format('x')}"):
        engine.up(**mapper, name="x")
    with pytest.raises(Refusal, match=f"^audience mapper {taken.format('x')}"):
        engine.up(**{**mapper, "alone": False}, name="x")
    other.destroy()
    assert engine.up(**mapper, name="x") == "create"
    forget()
    assert engine.up(**mapper, name="x") == "same"
    engine.destroy()


@pytest.mark.parametrize("length", [LONGEST_UP_TO_26_2, LONGEST_CLIENT_ID, LONGEST_CLIENT_ID + 1])
def test_the_longest_client_with_authorization_services(module_realm: TestRealm, length: int) -> None:
    realm = module_realm
    realm.add_client("c" * length)
    before = realm.export()
    services = (AuthorizationServicesProvider, {"client_id": "c" * length})
    if length > LONGEST_CLIENT_ID:
        with pytest.raises(Refused, match=r"client_id has 240 characters, .*; shorten it to 239\."):
            lives(realm, services)
    elif length > LONGEST_UP_TO_26_2 and keycloak.number(keycloak_version()) < (26, 3):
        with pytest.raises(
            Refusal, match=r"client_id has 239 characters, .* up to 26\.2 takes 233 .*; shorten it, or update"
        ):
            lives(realm, services)
    else:
        lives(realm, services)
    assert realm.export() == before


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize(
    "name",
    ["team/shop", "größe 100%", "..a", 'a?b&c="d"#', "y" * 255],
    ids=["slash", "unicode", "dots", "query", "long"],
)
def test_grants_of_clients_of_any_name(legacy_module_realm: TestRealm, name: str, exchange: str) -> None:
    realm = legacy_module_realm
    realm.add_client(name)
    before = realm.export()
    stack = Stack(realm.robot)
    stack.up(
        {
            "name": name.replace("#", "+")[:100],
            "realm": realm.name,
            "exchange": exchange,
            "sources": ["frontend"],
            "target": name,
            "flows": ["recipient", "requester"],
        }
    )
    token = realm.user_token("frontend")
    assert name in realm.exchange(name, token)["aud"]
    assert name in realm.exchange("frontend", token, name)["aud"]
    stack.destroy()
    assert realm.export_but_for_permissions() == realm.without_permissions(before)
    realm.session.delete(realm.at("clients", realm.uuid(name)))


@pytest.mark.parametrize("name", [".", ".."])
def test_a_step_of_a_path_is_no_name(legacy_module_realm: TestRealm, name: str) -> None:
    realm = legacy_module_realm
    before = realm.export()
    least = {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api"}
    for wrong in ({"target": name}, {"sources": [name]}, {"realm": name}, {"requiredRoles": [name]}):
        _, faults = read_grant({**least, **wrong}, {"owner": "o/p/s"})
        assert any(f"is '{name}', which is not allowed in an address; " in fault for fault in faults), faults
    with pytest.raises(
        Refusal, match=r"^name '\.+': is '\.+', which is not allowed in an address; give another name\.$"
    ):
        realm_for(Session(realm.connection), realm.name).has_role(name)
    assert realm.export() == before


@pytest.mark.standard_exchange
def test_clients_and_nodes_that_are_called_as_fields_of_an_answer(realm: TestRealm) -> None:
    """Whoever may register a client would else keep all others from reading the realm."""
    partner = RegisteredClient(realm, "partner")
    texts = {"description": "a\ud800b", "redirectUris": ["https://\udfff/"], "webOrigins": ["\ud800"]}
    partner.write(registeredNodes={"enabled": 1, "clientId": 2}, notBefore=-(2**31), **texts)
    realm.session.post(realm.at("clients"), {"clientId": "half of\ud800"})
    assert realm.client("partner")["registeredNodes"] == {"enabled": 1, "clientId": 2}
    assert realm.client("partner")["description"] == "a\ufffdd800b"
    frontend = realm.at("clients", realm.uuid("frontend"))
    for name in ("users", "enabled"):
        realm.add_client(name)
        uuid = realm.uuid(name)
        realm.session.post(realm.at("clients", uuid, "roles"), {"name": "vip"})
        roles = realm.get("clients", uuid, "roles")
        realm.session.post(f"{frontend}/scope-mappings/clients/{uuid}", roles)
    stack = Stack(realm.robot)
    stack.up({"name": "g", "realm": realm.name, "exchange": "standard", "sources": ["frontend"], "target": "users"})
    assert "users" in realm.exchange("users", realm.user_token("frontend"))["aud"]
    forget()
    found = take_inventory(session_for(realm.connection), realm.name)
    assert "frontend → users" in {each.about for each in found.findings}, "the stack's own"
    stack.destroy()
