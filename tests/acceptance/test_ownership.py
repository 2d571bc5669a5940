"""Next to existing objects, other stacks and unmanaged policies; and everything is restored at the end."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kcadmin.rest.errors import Refusal
from kcadmin.rest.tokens import TokenRefused
from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.client_policy import ClientPolicyProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from tests.conftest import MakeRealm
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm, hang_on
from tests.support.renewed import renewed_realm
from tests.support.robots import robot_engine

EXCHANGES = pytest.mark.parametrize("exchange", ["standard", "legacy"])
SWITCH = "standard.token.exchange.enabled"


realm = renewed_realm("standard")
legacy_realm = renewed_realm("legacy")


def grant(realm: TestRealm, exchange: str = "standard", **changes: Any) -> dict[str, Any]:
    return {
        "name": "g",
        "realm": realm.name,
        "exchange": exchange,
        "sources": ["frontend"],
        "target": "api",
        "flows": ["recipient", "requester"],
        **changes,
    }


def works(realm: TestRealm) -> None:
    token = realm.user_token("frontend")
    assert "api" in realm.exchange("api", token)["aud"]
    assert "api" in realm.exchange("frontend", token, "api")["aud"]


def same(realm: TestRealm, before: Any) -> None:
    assert realm.export_but_for_permissions() == realm.without_permissions(before)


def run_the_guide(realm: TestRealm, **mapper: str) -> None:
    """The six steps of enable-token-exchange.sh."""
    realm.change("api", authorizationServicesEnabled=True, serviceAccountsEnabled=True)
    at = realm.at("clients", realm.uuid("api"))
    realm.session.put_json(f"{at}/management/permissions", {"enabled": True})
    server = f"{at}/authz/resource-server"
    policy = {"name": "frontend-can-exchange", "clients": [realm.uuid("frontend")]}
    policy_id = realm.session.post_json(f"{server}/policy/client", policy)["id"]
    realm.mapper("frontend", "api-audience-mapper", "api", **mapper)
    scope = realm.session.post_json(f"{server}/scope", {"name": "token-exchange"})["id"]
    permission = {"name": "token-exchange.permission", "type": "scope", "decisionStrategy": "AFFIRMATIVE"}
    realm.session.post(f"{server}/permission/scope", {**permission, "scopes": [scope], "policies": [policy_id]})


@EXCHANGES
def test_where_the_guide_has_run_its_mapper_is_used_and_stays(legacy_realm: TestRealm, exchange: str) -> None:
    run_the_guide(legacy_realm)
    before = legacy_realm.export()
    stack = Stack(legacy_realm.robot)
    stack.up(grant(legacy_realm, exchange))
    works(legacy_realm)
    stack.refresh()
    stack.up(grant(legacy_realm, exchange))
    assert set(stack.changes.values()) == {"same"}
    assert [mapper["name"] for mapper in legacy_realm.client("frontend")["protocolMappers"]] == ["api-audience-mapper"]
    stack.destroy()
    assert legacy_realm.export() == before


@EXCHANGES
def test_an_unmanaged_mapper_that_differs_is_left_alone(legacy_realm: TestRealm, exchange: str) -> None:
    run_the_guide(legacy_realm, **{"id.token.claim": "true"})
    before = legacy_realm.export()
    stack = Stack(legacy_realm.robot)
    stack.up(grant(legacy_realm, exchange))
    works(legacy_realm)
    assert len(legacy_realm.client("frontend")["protocolMappers"]) == 2
    stack.destroy()
    assert legacy_realm.export() == before


@pytest.mark.standard_exchange
def test_a_grant_that_adopts_takes_an_unmanaged_mapper_over_and_gives_it_back(realm: TestRealm) -> None:
    run_the_guide_services(realm)
    realm.mapper("frontend", "theirs", "api", **{"id.token.claim": "true", "access.token.claim": "false"})
    before = realm.export()
    stack = Stack(realm.robot)
    stack.up(grant(realm, adopt=True))
    works(realm)
    assert len(realm.client("frontend")["protocolMappers"]) == 1
    stack.refresh()
    stack.up(grant(realm, adopt=True))
    assert set(stack.changes.values()) == {"same"}
    stack.destroy()
    assert realm.export() == before


@pytest.mark.standard_exchange
def test_a_used_mapper_that_others_change_is_replaced_by_ours(realm: TestRealm) -> None:
    realm.mapper("frontend", "theirs", "api")
    stack = Stack(realm.robot)
    stack.up(grant(realm))
    theirs = realm.client("frontend")["protocolMappers"][0]
    at = realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models", theirs["id"])
    theirs["config"]["access.token.claim"] = "false"
    realm.session.put(at, theirs)
    before = realm.session.get(at)
    stack.refresh()
    stack.up(grant(realm))
    works(realm)
    assert realm.session.get(at) == before
    stack.destroy()
    assert realm.session.get(at) == before


@EXCHANGES
@pytest.mark.parametrize("first", [0, 1])
def test_two_stacks_share_everything(legacy_realm: TestRealm, exchange: str, first: int) -> None:
    before = legacy_realm.export()
    stacks = [Stack(legacy_realm.robot, owner) for owner in ("team-a", "team-b")]
    for stack in stacks:
        stack.up(grant(legacy_realm, exchange))
    for stack in stacks:
        stack.refresh()
        stack.up(grant(legacy_realm, exchange))
        assert set(stack.changes.values()) == {"same"}
    stacks[first].destroy()
    forget()
    works(legacy_realm)
    stacks[1 - first].refresh()
    stacks[1 - first].up(grant(legacy_realm, exchange))
    assert set(stacks[1 - first].changes.values()) == {"same"}
    stacks[1 - first].destroy()
    same(legacy_realm, before)


@EXCHANGES
def test_an_owner_is_renamed_in_place(legacy_realm: TestRealm, exchange: str) -> None:
    before = legacy_realm.export()
    stack = Stack(legacy_realm.robot, "old-team")
    stack.up(grant(legacy_realm, exchange))
    ids = {name: engine.id for name, engine in stack.state.items()}
    stack.owner = "new-team"
    stack.up(grant(legacy_realm, exchange))
    assert set(stack.changes.values()) == {"update"}
    assert {name: engine.id for name, engine in stack.state.items()} == ids
    assert "old-team" not in str(legacy_realm.export())
    works(legacy_realm)
    stack.destroy()
    same(legacy_realm, before)


@pytest.mark.parametrize(("exchange", "refreshed"), [("standard", False), ("standard", True), ("legacy", False)])
def test_a_renamed_client_goes_on(legacy_realm: TestRealm, exchange: str, refreshed: bool) -> None:
    """Its resources have other names then: the new ones are created before the old ones are deleted."""
    legacy_realm.change("frontend", clientId="old-name")
    before = legacy_realm.export()
    stack = Stack(legacy_realm.robot)
    stack.up(grant(legacy_realm, exchange, sources=["old-name"]))
    legacy_realm.change("old-name", clientId="frontend")
    if refreshed:
        stack.refresh()
    stack.up(grant(legacy_realm, exchange))
    assert stack.changes[f"{legacy_realm.name}/old-name/audience-api"] == "delete"
    works(legacy_realm)
    stack.refresh()
    stack.up(grant(legacy_realm, exchange))
    assert set(stack.changes.values()) == {"same"}
    stack.destroy()
    legacy_realm.change("frontend", clientId="old-name")
    same(legacy_realm, before)


@EXCHANGES
@pytest.mark.parametrize(("client", "refreshed"), [("frontend", False), ("api", False), ("api", True)])
def test_a_client_made_again_is_wired_again(
    legacy_realm: TestRealm, exchange: str, client: str, refreshed: bool
) -> None:
    stack = Stack(legacy_realm.robot)
    stack.up(grant(legacy_realm, exchange))
    legacy_realm.session.delete(legacy_realm.at("clients", legacy_realm.uuid(client)))
    legacy_realm.add_client(client)
    if refreshed:
        stack.refresh()
    stack.up(grant(legacy_realm, exchange))
    works(legacy_realm)
    stack.refresh()
    stack.up(grant(legacy_realm, exchange))
    assert set(stack.changes.values()) == {"same"}
    stack.destroy()
    assert "pulumi." not in str(legacy_realm.export())


@pytest.mark.standard_exchange
def test_a_switch_that_was_on_stays_on(realm: TestRealm) -> None:
    realm.change("frontend", attributes={SWITCH: "true"})
    before = realm.export()
    stack = Stack(realm.robot)
    stack.up(grant(realm))
    stack.destroy()
    assert realm.export() == before


@pytest.mark.standard_exchange
def test_revoke_removes_what_existed_too(realm: TestRealm) -> None:
    for client in ("frontend", "api"):
        realm.change(client, attributes={SWITCH: "true"})
    realm.mapper("frontend", "theirs", "api")
    stack = Stack(realm.robot)
    stack.up(grant(realm, onRemove="revoke"))
    works(realm)
    stack.destroy()
    forget()
    assert not realm.client("frontend").get("protocolMappers")
    with pytest.raises(TokenRefused):
        realm.exchange("frontend", realm.user_token("frontend"), "api")


def test_the_last_one_out_restores_what_existed_before_the_first(realm: TestRealm) -> None:
    realm.change("api", attributes={SWITCH: "false"})
    before = realm.export()
    engines = [robot_engine(StandardTokenExchangeProvider, realm) for _ in range(3)]
    for index, engine in enumerate(engines):
        assert engine.up(realm=realm.name, client_id="api", owner=f"stack-{index}") == "create"
    for engine in (engines[1], engines[0]):
        engine.destroy()
        assert realm.client("api")["attributes"][SWITCH] == "true"
    engines[2].destroy()
    assert realm.export() == before


def test_what_others_changed_meanwhile_stays(realm: TestRealm) -> None:
    engine = robot_engine(StandardTokenExchangeProvider, realm)
    engine.up(realm=realm.name, client_id="api", allow_refresh=True)
    realm.change("api", attributes={SWITCH: "false"})
    forget()
    engine.destroy()
    attributes = realm.client("api")["attributes"]
    assert attributes[SWITCH] == "false"
    assert not [key for key in attributes if "pulumi" in key or "Refresh" in key]


def test_two_stacks_cannot_want_two_things_of_one_switch(realm: TestRealm) -> None:
    one, two = (robot_engine(StandardTokenExchangeProvider, realm) for _ in range(2))
    one.up(realm=realm.name, client_id="api", owner="one")
    with pytest.raises(Refusal, match="claimed as None by 'one', wanted is 'SAME_SESSION'"):
        two.up(realm=realm.name, client_id="api", owner="two", allow_refresh=True)


def test_a_mapper_that_differs_is_refused_or_adopted_and_given_back(realm: TestRealm) -> None:
    realm.mapper("frontend", "audience", "account", **{"id.token.claim": "true"})
    before = realm.export()
    wanted = {"realm": realm.name, "client_id": "frontend", "name": "audience", "included_client": "api"}
    engine = robot_engine(AudienceMapperProvider, realm)
    with pytest.raises(
        Refusal, match="included_client is 'account' instead of 'api', id_token is 'True' instead of 'False'"
    ):
        engine.up(**wanted)
    assert realm.export() == before
    engine.up(**wanted, adopt=True)
    forget()
    assert engine.refresh() and engine.up(**wanted, adopt=True) == "same"
    killed = robot_engine(AudienceMapperProvider, realm)
    with pytest.raises(Refusal, match="says that it was another audience mapper before; give it back by hand"):
        killed.up(**wanted, adopt=True)  # without the state nobody knows whether the note is true
    forget()
    engine.destroy()
    assert realm.export() == before


def test_an_adopted_mapper_of_a_killed_run_is_given_back(realm: TestRealm) -> None:
    realm.mapper("frontend", "audience", "api", **{"id.token.claim": "true"})
    before = realm.export()
    wanted = {"realm": realm.name, "client_id": "frontend", "name": "audience", "included_client": "api"}
    engine, killed = (robot_engine(AudienceMapperProvider, realm) for _ in range(2))
    engine.up(**wanted, adopt=True)
    forget()
    killed.up(**wanted, adopt=True)
    assert killed.id == engine.id
    forget()
    killed.destroy()
    assert realm.export() == before


def test_a_policy_that_differs_is_refused_or_adopted_and_given_back(realm: TestRealm) -> None:
    run_the_guide_services(realm)
    at = realm.at("clients", realm.uuid("api"), "authz", "resource-server", "policy", "client")
    realm.session.post(at, {"name": "p", "clients": [realm.uuid("api")], "logic": "NEGATIVE", "description": "theirs"})
    before = realm.export()
    wanted = {"realm": realm.name, "resource_server": "api", "name": "p", "clients": ["frontend"]}
    engine = robot_engine(ClientPolicyProvider, realm)
    with pytest.raises(Refusal, match="exists already and differs, description is 'theirs' instead of ''"):
        engine.up(**wanted)
    engine.up(**wanted, adopt=True)
    forget()
    engine.destroy()
    assert realm.export() == before


def test_an_equal_unmanaged_scope_is_used_and_another_owners_refused(realm: TestRealm) -> None:
    run_the_guide_services(realm)
    at = realm.at("clients", realm.uuid("api"), "authz", "resource-server", "scope")
    realm.session.post(at, {"name": "theirs", "displayName": "Theirs"})
    before = realm.export()
    server = {"realm": realm.name, "resource_server": "api"}
    used = robot_engine(AuthorizationScopeProvider, realm)
    used.up(**server, name="theirs", display_name="Theirs")
    assert used.outputs["found"] == "used"
    used.destroy()
    assert realm.export() == before
    with pytest.raises(Refusal, match="display_name is 'Theirs' instead of 'Ours'"):
        used.up(**server, name="theirs", display_name="Ours")


def test_unmanaged_policies_are_never_deleted_with_what_holds_them(legacy_realm: TestRealm) -> None:
    services = robot_engine(AuthorizationServicesProvider, legacy_realm)
    management = robot_engine(ManagementPermissionsProvider, legacy_realm)
    for engine in (services, management):
        engine.up(realm=legacy_realm.name, client_id="api")
    at = legacy_realm.at("clients", legacy_realm.uuid("api"), "authz", "resource-server", "scope")
    legacy_realm.session.post(at, {"name": "theirs"})
    hang_on(legacy_realm, "theirs", "UNANIMOUS")
    forget()
    management.destroy()
    services.destroy()
    assert [scope["name"] for scope in legacy_realm.authz("api")["scopes"]] == ["theirs"]
    assert token_exchange(legacy_realm)["policies"] == ["theirs"]


@pytest.mark.parametrize("strategy", ["UNANIMOUS", "CONSENSUS"])
def test_unmanaged_policies_under_another_strategy_keep_their_doors_closed(
    legacy_realm: TestRealm, strategy: str
) -> None:
    hang_on(legacy_realm, "theirs", strategy)
    before = legacy_realm.export()
    with pytest.raises(BaseException, match=f"holds the policies theirs under {strategy}"):
        Stack(legacy_realm.robot).up(grant(legacy_realm, "legacy"))
    assert legacy_realm.export() == before


def test_unmanaged_policies_under_affirmative_are_joined_and_left(legacy_realm: TestRealm) -> None:
    hang_on(legacy_realm, "theirs", "AFFIRMATIVE")
    before = legacy_realm.export()
    stack = Stack(legacy_realm.robot)
    stack.up(grant(legacy_realm, "legacy"))
    works(legacy_realm)
    assert len(token_exchange(legacy_realm)["policies"]) == 2
    stack.destroy()
    assert legacy_realm.export() == before


def test_an_empty_permission_gets_its_strategy_back(legacy_realm: TestRealm) -> None:
    legacy_realm.session.put_json(
        legacy_realm.at("clients", legacy_realm.uuid("api"), "management", "permissions"), {"enabled": True}
    )
    before = legacy_realm.export()
    stack = Stack(legacy_realm.robot)
    stack.up(grant(legacy_realm, "legacy"))
    works(legacy_realm)
    stack.destroy()
    assert legacy_realm.export() == before


def test_two_grants_give_an_empty_permission_its_strategy_back(legacy_realm: TestRealm) -> None:
    legacy_realm.session.put_json(
        legacy_realm.at("clients", legacy_realm.uuid("api"), "management", "permissions"), {"enabled": True}
    )
    legacy_realm.add_client("mobile")
    before = legacy_realm.export()
    stack = Stack(legacy_realm.robot)
    both = [grant(legacy_realm, "legacy"), grant(legacy_realm, "legacy", name="h", sources=["mobile"])]
    stack.up(*both)
    works(legacy_realm)
    stack.up(both[1])
    stack.destroy()
    assert legacy_realm.export() == before


def test_two_grants_destroyed_at_once_keep_a_permission_that_was_there(legacy_realm: TestRealm) -> None:
    legacy_realm.session.put_json(
        legacy_realm.at("clients", legacy_realm.uuid("api"), "management", "permissions"), {"enabled": True}
    )
    legacy_realm.add_client("mobile")
    before = legacy_realm.export()
    stack = Stack(legacy_realm.robot)
    stack.up(grant(legacy_realm, "legacy"), grant(legacy_realm, "legacy", name="h", sources=["mobile"]))
    forget()
    for part in ("-permission", "-requesters"):  # as Pulumi does: what depends on nothing more, in parallel
        with ThreadPoolExecutor() as threads:
            list(
                threads.map(lambda name: stack.state.pop(name).destroy(), [n for n in stack.state if n.endswith(part)])
            )
    stack.destroy()
    assert legacy_realm.export() == before


def test_a_drifted_strategy_is_mended_beside_our_own_policies(legacy_realm: TestRealm) -> None:
    legacy_realm.add_client("mobile")
    stack = Stack(legacy_realm.robot)
    both = [grant(legacy_realm, "legacy"), grant(legacy_realm, "legacy", name="h", sources=["mobile"])]
    stack.up(*both)
    found = token_exchange(legacy_realm)
    server = legacy_realm.at("clients", legacy_realm.uuid("realm-management"), "authz", "resource-server")
    legacy_realm.session.put(
        f"{server}/permission/scope/{found['id']}",
        {"name": found["name"], "type": "scope", "decisionStrategy": "UNANIMOUS"},
    )
    stack.refresh()
    stack.up(*both)
    works(legacy_realm)


def test_revoke_leaves_unmanaged_authorization_services(realm: TestRealm) -> None:
    run_the_guide_services(realm)
    at = realm.at("clients", realm.uuid("api"), "authz", "resource-server", "scope")
    realm.session.post(at, {"name": "theirs"})
    before = realm.export()
    services = robot_engine(AuthorizationServicesProvider, realm)
    services.up(realm=realm.name, client_id="api", on_remove="revoke")
    services.destroy()
    assert realm.export() == before


def test_a_role_policy_is_not_adopted_as_a_client_policy(realm: TestRealm) -> None:
    run_the_guide_services(realm)
    at = realm.at("clients", realm.uuid("api"), "authz", "resource-server", "policy", "role")
    role = realm.get("roles", f"default-roles-{realm.name}")["id"]
    realm.session.post(at, {"name": "p", "roles": [{"id": role}]})
    before = realm.export()
    engine = robot_engine(ClientPolicyProvider, realm)
    with pytest.raises(Refusal, match="the name is taken by a policy of type role; choose another name"):
        engine.up(realm=realm.name, resource_server="api", name="p", clients=["frontend"], adopt=True)
    assert realm.export() == before


@pytest.mark.standard_exchange
@pytest.mark.parametrize("found", ["nothing", "other"])
def test_a_grant_that_is_kept_goes_on_without_us(realm: TestRealm, found: str) -> None:
    if found == "other":
        realm.mapper("frontend", "theirs", "api", **{"id.token.claim": "true"})
    stack, adopt = Stack(realm.robot), {"adopt": found == "other"}
    stack.up(grant(realm, **adopt))
    stack.up(grant(realm, onRemove="keep", **adopt))
    works(realm)
    stack.up()
    works(realm)
    assert not stack.state and "pulumi" not in json.dumps(realm.export())
    kept = realm.export()
    stack.up(grant(realm))  # what was kept is used as found
    stack.destroy()
    works(realm)
    assert realm.export() == kept


@pytest.mark.standard_exchange
def test_a_lightweight_source_gets_a_mapper_that_reaches_its_tokens(realm: TestRealm) -> None:
    realm.change("frontend", attributes={"client.use.lightweight.access.token.enabled": "true"})
    realm.mapper("frontend", "theirs", "api")
    stack = Stack(realm.robot)
    stack.up(grant(realm, flows=["recipient"]))
    assert "api" in realm.exchange("api", realm.user_token("frontend"))["aud"]


@pytest.mark.standard_exchange
def test_grants_in_two_realms_share_nothing(make_realm: MakeRealm) -> None:
    one, two = make_realm("standard"), make_realm("standard", frontend={}, web={}, api={})
    one.mapper("frontend", "theirs", "api", **{"id.token.claim": "true"})
    before = [realm.export() for realm in (one, two)]
    stack = Stack(one.connection)  # no robot is of two realms
    stack.up(grant(one), grant(two, name="h", sources=["frontend", "web"], adopt=True))
    works(one)
    works(two)
    assert {"theirs"} < {mapper["name"] for mapper in one.client("frontend")["protocolMappers"]}
    stack.destroy()
    assert [realm.export() for realm in (one, two)] == before


def run_the_guide_services(realm: TestRealm) -> None:
    realm.change("api", authorizationServicesEnabled=True, serviceAccountsEnabled=True)


def token_exchange(realm: TestRealm) -> dict[str, Any]:
    """The target's token-exchange permission with the names of its policies."""
    server = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")
    name = f"token-exchange.permission.client.{realm.uuid('api')}"
    found = realm.session.get(f"{server}/policy/search", name=name)
    policies = realm.session.get(f"{server}/policy/{found['id']}/associatedPolicies")
    return {**found, "policies": sorted(policy["name"] for policy in policies)}
