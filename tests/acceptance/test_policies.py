"""Authorization policies of every type on a real Keycloak: their lives, and what they do to a real legacy exchange."""

import json
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pulumi
import pytest

from kcadmin.authz.exchange_policies import Judgement
from kcadmin.authz.time_windows import time_parts
from kcadmin.rest.errors import Refusal, TokenRefused
from local import keycloak
from local.layout import keycloak_version
from providers.aggregate_policy import AggregatePolicyProvider
from providers.base.provider import KeycloakProvider
from providers.client_policy import ClientPolicyProvider
from providers.client_scope_policy import ClientScopePolicyProvider
from providers.group_policy import GroupPolicyProvider
from providers.regex_policy import RegexPolicyProvider
from providers.role_policy import RolePolicyProvider
from providers.script_policy import ScriptPolicyProvider
from providers.time_policy import TimePolicyProvider
from providers.token_exchange_permission import TokenExchangePermissionProvider
from providers.user_policy import UserPolicyProvider
from tests.support.engine import Engine, forget
from tests.support.realms import TestRealm
from tests.support.robots import robot_engine

MANAGEMENT = "realm-management"


@dataclass(frozen=True)
class Kind:
    """A type's cases. ``drift``: what somebody writes, with ids by name, and what refresh then shows."""

    provider: type[KeycloakProvider]
    args: dict[str, Any]
    change: dict[str, Any]
    drift: Callable[[dict[str, str]], dict[str, Any]]
    shows: dict[str, Any]

    def __str__(self) -> str:
        return self.provider.__name__.removesuffix("PolicyProvider")


FETCH = {"fetch_roles": True} if keycloak.number(keycloak_version()) >= (26, 0) else {}  # Keycloak 24 answers 500 to it


KINDS = [
    Kind(
        ClientPolicyProvider,
        {"clients": ["frontend"]},
        {"clients": ["api", "frontend"]},
        lambda ids: {"clients": [ids["api"]]},
        {"clients": ["api"]},
    ),
    Kind(
        RolePolicyProvider,
        {"roles": ["reader/all", {"role": "writer", "client": "api", "required": True}]},
        {"roles": [{"role": "writer", "client": "api"}], **FETCH},
        lambda ids: {"roles": [{"id": ids["reader/all"], "required": True}], **({"fetchRoles": True} if FETCH else {})},
        {"roles": [{"role": "reader/all", "required": True}], **FETCH},
    ),
    Kind(
        GroupPolicyProvider,
        {"groups": ["/staff/support"], "groups_claim": "groups"},
        {"groups": [{"path": "/staff", "extend_children": True}, "/staff/support"], "groups_claim": None},
        lambda ids: {"groups": [{"id": ids["staff"]}], "groupsClaim": "other"},
        {"groups": ["/staff"], "groups_claim": "other"},
    ),
    Kind(
        UserPolicyProvider,
        {"users": ["TestUser2"]},
        {"users": ["TestUser2", "service-account-api"]},
        lambda ids: {"users": [ids["service-account-api"]]},
        {"users": ["service-account-api"]},
    ),
    Kind(
        TimePolicyProvider,
        {"hour": 9, "hour_end": 17, "not_before": "2020-01-01 00:00:00", "not_on_or_after": "2099-01-01 00:00:00"},
        {"hour": 0, "hour_end": None, "not_before": None, "year": 2020, "year_end": 2099, "month": 1, "day_month": 1},
        lambda ids: {"hour": "99", "minute": "x"},
        {"hour": 99, "hour_end": None, "minute": "x", "not_before": None},
    ),
    Kind(
        RegexPolicyProvider,
        {"target_claim": "scope", "pattern": ".*profile.*"},
        {"target_claim": "a.b", "pattern": "[^x]+", "target_context_attributes": True},
        lambda ids: {"targetClaim": "scope", "pattern": "email"},
        {"pattern": "email"},
    ),
    Kind(
        ClientScopePolicyProvider,
        {"client_scopes": ["email", {"scope": "profile", "required": True}]},
        {"client_scopes": ["profile"]},
        lambda ids: {"clientScopes": [{"id": ids["phone"], "required": True}]},
        {"client_scopes": [{"scope": "phone", "required": True}]},
    ),
    Kind(
        AggregatePolicyProvider,
        {"policies": ["may"], "decision_strategy": "AFFIRMATIVE"},
        {"policies": ["may", "may too"], "decision_strategy": "CONSENSUS"},
        lambda ids: {"policies": ["may too"], "decisionStrategy": "UNANIMOUS"},
        {"policies": ["may too"], "decision_strategy": "UNANIMOUS"},
    ),
]


def at(realm: TestRealm, server: str, *segments: str) -> str:
    return realm.at("clients", realm.uuid(server), "authz", "resource-server", *segments)


@pytest.fixture(scope="module")
def world(legacy_module_realm: TestRealm) -> TestRealm:
    """A realm with everything that a policy may name, and two resource servers. The tests leave it as it was."""
    realm = legacy_module_realm
    services = {"authorizationServicesEnabled": True, "serviceAccountsEnabled": True}
    realm.change("api", **services)
    realm.session.put_json(realm.at("clients", realm.uuid("api"), "management", "permissions"), {"enabled": True})
    realm.session.post(realm.at("roles"), {"name": "reader/all"})
    realm.session.post(realm.at("clients", realm.uuid("api"), "roles"), {"name": "writer"})
    staff = realm.session.create(realm.at("groups"), {"name": "staff"})
    realm.session.post(realm.at("groups", staff, "children"), {"name": "support"})
    for name in ("api", MANAGEMENT):
        for policy in ("may", "may too"):
            realm.session.post(
                at(realm, name, "policy", "client"), {"name": policy, "clients": [realm.uuid("frontend")]}
            )
    return realm


@pytest.fixture(scope="module")
def ids(world: TestRealm) -> dict[str, str]:
    """Keycloak's id of each thing, by name."""
    things = [*world.get("client-scopes"), *world.get("groups"), *world.get("roles")]
    return {
        **{each["name"]: each["id"] for each in things},
        "api": world.uuid("api"),
        "service-account-api": world.get("clients", world.uuid("api"), "service-account-user")["id"],
    }


def asked(engine: Engine, args: dict[str, Any]) -> None:
    """What was read equals what was asked."""
    assert {key: engine.outputs.get(key) for key in args} == args


@pytest.mark.parametrize("server", ["api", MANAGEMENT])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_life_of_a_policy(kind: Kind, server: str, world: TestRealm, ids: dict[str, str]) -> None:
    before = world.export()
    engine = robot_engine(kind.provider, world)
    common = {"realm": world.name, "resource_server": server}
    args = {**common, "name": "p", "description": "why", "logic": "NEGATIVE", **kind.args}
    assert engine.up(**args) == "create"
    forget()
    assert engine.refresh()
    asked(engine, args)
    assert engine.up(**args) == "same"

    path = at(world, server, "policy", world.get(*at_policy(world, server, engine))["type"], str(engine.id))
    stored = world.session.get(path)
    world.session.put(path, {key: stored[key] for key in ("id", "name", "type", "description")} | kind.drift(ids))
    assert engine.refresh()
    asked(engine, {"logic": "POSITIVE", **kind.shows})
    assert {key: engine.inputs.get(key) for key in kind.shows} == kind.shows
    forget()
    assert engine.up(**args) == "update"
    assert engine.refresh()
    asked(engine, args)

    id_, args = engine.id, {**args, "name": "renamed", "description": "because", "logic": "POSITIVE", **kind.change}
    assert engine.up(**args) == "update"
    forget()
    assert engine.refresh() and engine.id == id_
    asked(engine, args)
    assert engine.up(**args) == "same"

    again = robot_engine(kind.provider, world)  # a run that was killed is continued
    assert again.up(**args) == "create" and again.id == id_
    forget()
    copy(engine).destroy()  # what the killed run knew: the object is no longer its own
    assert again.refresh() and again.up(**args) == "same"
    forget()
    again.destroy()
    assert world.export() == before
    forget()
    assert not engine.refresh()


def at_policy(realm: TestRealm, server: str, engine: Engine) -> tuple[str, ...]:
    return ("clients", realm.uuid(server), "authz", "resource-server", "policy", str(engine.id))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_unmanaged_policy_is_adopted_and_given_back(kind: Kind, world: TestRealm, ids: dict[str, str]) -> None:
    type_ = {"ClientScope": "client-scope"}.get(str(kind), str(kind).lower())
    theirs = world.session.post_json(
        at(world, "api", "policy", type_),
        {"name": "p", "description": "theirs", "logic": "NEGATIVE", **kind.drift(ids)},
    )["id"]
    before = world.export()
    engine = robot_engine(kind.provider, world)
    args = {"realm": world.name, "resource_server": "api", "name": "p", **kind.args}
    field, value = next((key, value) for key, value in kind.shows.items() if value is not None)
    with pytest.raises(
        Refusal, match=f"{kind.provider.OBJECT} 'p' in realm '{world.name}': exists already and differs, "
    ) as told:
        engine.up(**args)
    assert f" {field} is '" in str(told.value)
    assert world.export() == before
    assert engine.up(**args, adopt=True) == "create" and engine.id == theirs
    forget()
    assert engine.refresh()
    asked(engine, args)
    forget()
    engine.destroy()
    after = world.export()
    world.session.delete(at(world, "api", "policy", theirs))
    assert value is not None and after == before


@pytest.mark.parametrize(
    ("provider", "args", "told"),
    [
        (RolePolicyProvider, {"roles": ["no", {"role": "w", "client": "api"}, {"role": "w", "client": "no"}]}, 3),
        (GroupPolicyProvider, {"groups": ["/staff/no", "/no"]}, 2),
        (UserPolicyProvider, {"users": ["no", "testuser2", "testuser"]}, 2),
        (ClientScopePolicyProvider, {"client_scopes": ["no", "email"]}, 1),
        (AggregatePolicyProvider, {"policies": ["no", "may", "11111111-2222-3333-4444-555555555555"]}, 2),
    ],
    ids=lambda each: getattr(each, "OBJECT", ""),
)
@pytest.mark.parametrize("adopt", [False, True])
def test_what_does_not_exist_is_refused_before_a_write(
    provider: type[KeycloakProvider], args: dict[str, Any], told: int, adopt: bool, world: TestRealm
) -> None:
    if adopt:
        world.session.post(at(world, "api", "policy", "client"), {"name": "p", "clients": [], "description": "theirs"})
    before = world.export()
    engine = robot_engine(provider, world)
    with pytest.raises(Refusal) as refused:
        engine.up(realm=world.name, resource_server="api", name="p", adopt=adopt, **args)
    sentences = str(refused.value).splitlines()
    assert len(sentences) == told, sentences
    assert all(f"in realm '{world.name}': does not exist; create it" in each for each in sentences), sentences
    assert world.export() == before
    if adopt:
        found = world.session.get(at(world, "api", "policy", "search"), name="p")
        world.session.delete(at(world, "api", "policy", found["id"]))


def test_a_script_that_is_not_deployed_is_refused(world: TestRealm) -> None:
    engine = robot_engine(ScriptPolicyProvider, world)
    with pytest.raises(
        Refusal, match=r"which the server does not offer \(deployed scripts: none\); put the script's JAR"
    ):
        engine.up(realm=world.name, resource_server="api", name="p", policy_type="script-allow.js")


# At a real exchange


class Exchange:
    """Policies on the permission to exchange for ``api``, and whether ``frontend`` then may."""

    def __init__(self, realm: TestRealm) -> None:
        self.realm = realm
        self.engines: list[Engine] = []

    def policy(self, provider: type[KeycloakProvider], **args: Any) -> str:
        """A policy's id."""
        return self._up(provider, {"resource_server": MANAGEMENT, "name": f"p{len(self.engines)}", **args})

    def attach(self, *policies: str) -> None:
        self._up(TokenExchangePermissionProvider, {"client_id": "api", "policies": list(policies)})

    def allowed(self) -> bool:
        try:
            claims = self.realm.exchange("frontend", self.realm.user_token("frontend"), "api")
        except TokenRefused as refused:
            assert str(refused) == "403 access_denied: Client not allowed to exchange"
            return False
        assert claims["aud"]
        return True

    def with_only(self, *policies: str) -> bool:
        """Whether the exchange is allowed while these policies are attached, and no others."""
        self.attach(*policies)
        try:
            return self.allowed()
        finally:
            self.engines.pop().destroy()

    def _up(self, provider: type[KeycloakProvider], args: dict[str, Any]) -> str:
        engine = robot_engine(provider, self.realm)
        engine.up(realm=self.realm.name, **args)
        self.engines.append(engine)
        return str(engine.id)


@pytest.fixture
def exchange(world: TestRealm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    monkeypatch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0)  # nobody else writes this realm
    before = world.export()
    made = Exchange(world)
    yield made
    for engine in reversed(made.engines):
        engine.destroy()
    assert world.export() == before


def test_a_time_window_allows_and_denies(exchange: Exchange) -> None:
    now = datetime.now()
    early, late = ((now + timedelta(minutes=minutes)).strftime("%H:%M") for minutes in (-61, 61))

    def window(start: str, end: str) -> str:
        parts = time_parts(start, end, not_before="2020-01-01 00:00:00")
        policies = [exchange.policy(TimePolicyProvider, logic=part.logic, **part.fields) for part in parts.policies]
        return exchange.policy(AggregatePolicyProvider, policies=policies, decision_strategy=parts.decision_strategy)

    assert exchange.with_only(window(early, late))
    assert not exchange.with_only(window(late, early))
    assert not exchange.with_only(exchange.policy(TimePolicyProvider, not_before="2099-01-01 00:00:00"))
    assert exchange.with_only(exchange.policy(TimePolicyProvider, not_before="2099-01-01 00:00:00", logic="NEGATIVE"))


@pytest.mark.scope_policies
def test_a_client_scope_with_a_role_gates_by_the_users_role(exchange: Exchange) -> None:
    realm = exchange.realm
    scope = realm.session.create(
        realm.at("client-scopes"),
        {"name": "staff", "protocol": "openid-connect", "attributes": {"include.in.token.scope": "true"}},
    )
    role = realm.get("clients", realm.uuid("api"), "roles", "writer")
    realm.session.post(realm.at("client-scopes", scope, "scope-mappings", "clients", realm.uuid("api")), [role])
    realm.session.put(realm.at("clients", realm.uuid("frontend"), "default-client-scopes", scope), None)
    user = realm.get("users", username=realm.user)[0]["id"]
    mappings = realm.at("users", user, "role-mappings", "clients", realm.uuid("api"))
    try:
        policy = exchange.policy(ClientScopePolicyProvider, client_scopes=[{"scope": "staff", "required": True}])
        may = exchange.policy(ClientPolicyProvider, clients=["frontend"])
        both = exchange.policy(AggregatePolicyProvider, policies=[policy, may])
        assert not exchange.with_only(policy) and not exchange.with_only(both)
        realm.session.post(mappings, [role])
        assert exchange.with_only(policy) and exchange.with_only(both)
    finally:
        realm.session.delete(realm.at("client-scopes", scope))  # takes its policies along
        realm.session.delete(mappings)


def test_an_aggregate_policy_combines(exchange: Exchange) -> None:
    yes = exchange.policy(ClientPolicyProvider, clients=["frontend"])
    no = exchange.policy(RegexPolicyProvider, target_claim="scope", pattern="nothing")
    for strategy, allowed in (("UNANIMOUS", False), ("AFFIRMATIVE", True), ("CONSENSUS", False)):
        policy = exchange.policy(AggregatePolicyProvider, policies=[yes, no], decision_strategy=strategy)
        assert exchange.with_only(policy) is allowed, strategy


def test_what_is_refused_would_have_denied_all_or_allowed_all(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: list[tuple[type[KeycloakProvider], dict[str, Any]]] = [
        (UserPolicyProvider, {"users": [exchange.realm.user]}),
        (RegexPolicyProvider, {"target_claim": "azp", "pattern": "frontend"}),
        (RegexPolicyProvider, {"target_claim": "scope", "pattern": ".*", "target_context_attributes": True}),
        (RegexPolicyProvider, {"target_claim": "kc.client.network.ip_address", "pattern": ".*"}),
    ]
    made = [
        (logic, exchange.policy(provider, **args, logic=logic))
        for provider, args in cases
        for logic in ("POSITIVE", "NEGATIVE")
    ]
    within = exchange.policy(AggregatePolicyProvider, policies=[made[0][1]])
    for logic, policy in made:
        with pytest.raises(Refusal, match="lets everybody through" if logic == "NEGATIVE" else "so it never matches"):
            exchange.attach(policy)
    with pytest.raises(Refusal, match=r"never matches \(in aggregate policy 'p8'\); map the users' role"):
        exchange.attach(within)
    with pytest.raises(Refusal, match=r"policy '11111111-2222-3333-4444-555555555555' in realm .*: does not exist"):
        exchange.attach("11111111-2222-3333-4444-555555555555")
    monkeypatch.setattr("kcadmin.authz.exchange_policies.judge_policies", lambda *_: Judgement())
    assert [exchange.with_only(policy) for _, policy in made] == [logic == "NEGATIVE" for logic, _ in made]


def test_a_role_policy_judges_the_service_account_and_says_so(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm, warned = exchange.realm, list[str]()
    monkeypatch.setattr(pulumi.log, "warn", lambda text: warned.append(text))
    realm.change("frontend", serviceAccountsEnabled=True)
    role = realm.get("clients", realm.uuid("api"), "roles", "writer")
    account = realm.get("clients", realm.uuid("frontend"), "service-account-user")["id"]
    try:
        policy = exchange.policy(RolePolicyProvider, roles=[{"role": "writer", "client": "api"}])
        assert not exchange.with_only(policy)
        realm.session.post(realm.at("users", account, "role-mappings", "clients", realm.uuid("api")), [role])
        assert exchange.with_only(policy)
    finally:
        realm.change("frontend", serviceAccountsEnabled=False)
        for mapper in realm.client("frontend").get("protocolMappers") or ():  # up to 26.0 they come with it, and stay
            realm.delete_mapper("frontend", mapper["name"])
    assert "checks the requester's service account, not the token's user" in warned[0]
    assert len(warned) == 2 and json.dumps(warned).count("ClientScopePolicy") == 2
