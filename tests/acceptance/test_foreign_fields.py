"""A write of ours to an object that is no client changes our fields alone, and giving the object back leaves no trace.

Clients have tests of their own: ``test_partial_puts.py``. Each object is adopted, so that it is written and given back.
"""

import os
import random
from typing import Any

import pytest

from kcadmin.marks.ownership import NUMBER_KEY, OWNER_KEY, STACK_KEY
from kcadmin.rest.errors import Refusal
from providers.aggregate_policy import AggregatePolicyProvider
from providers.audience_scope import AudienceScopeProvider
from providers.client_policy import ClientPolicyProvider
from providers.client_scope_policy import ClientScopePolicyProvider
from providers.exchange_events import ExchangeEventsProvider
from providers.group_policy import GroupPolicyProvider
from providers.regex_policy import RegexPolicyProvider
from providers.role_policy import RolePolicyProvider
from providers.time_policy import TimePolicyProvider
from providers.user_policy import UserPolicyProvider
from tests.conftest import MakeRealm
from tests.support.engine import Engine, forget
from tests.support.realms import TestRealm
from tests.support.robots import robot_engine

SEED = int(os.environ.get("SHAPE_SEED", "1"))
SCOPES = 24
AUDIENCE = {"included.client.audience": "api", "access.token.claim": "true"}
ATTRIBUTES: dict[str, tuple[str | None, ...]] = {
    "include.in.token.scope": (None, "true", "false"),
    "display.on.consent.screen": (None, "true", "false"),
    "consent.screen.text": (None, "", "Read ${it}"),
    "gui.order": (None, "", "7"),
    "theirs": (None, "text"),
}
MAPPERS: tuple[list[dict[str, Any]], ...] = (
    [],
    [{"name": "audience", "config": AUDIENCE}],
    [{"name": "audience", "config": {**AUDIENCE, "id.token.claim": "true", "theirs": "note"}}],
    [{"name": "another", "protocolMapper": "oidc-full-name-mapper", "config": {"id.token.claim": "true"}}],
)


@pytest.fixture(scope="module")
def realm(make_module_realm: MakeRealm) -> TestRealm:
    made = make_module_realm("legacy", api={}, other={})
    made.add_role("payer", "testuser2")
    made.session.create(made.at("groups"), {"name": "team"})
    return made


def shaped_scopes() -> list[dict[str, Any]]:
    """Client scopes with every value of each attribute, and of each way to hold mappers."""
    draw = random.Random(SEED)  # noqa: S311
    scopes = []
    for number in range(SCOPES):
        held = {key: draw.choice(values) for key, values in ATTRIBUTES.items()}
        mappers = [
            {"protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper", **each}
            for each in MAPPERS[number % len(MAPPERS)]
        ]
        described = draw.choice([{}, {"description": ""}, {"description": "theirs"}])
        attributes = {key: value for key, value in held.items() if value is not None}
        scopes.append({"name": f"shaped-{number}", "attributes": attributes, "protocolMappers": mappers, **described})
    return scopes


def differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The fields of each object that differ, as they were and as they are."""
    return {
        f"{name}: {field}": (was.get(field), after[name].get(field))
        for name, was in before.items()
        for field in {*was, *after[name]}
        if was.get(field) != after[name].get(field)
    }


def scopes_of(realm: TestRealm) -> dict[str, dict[str, Any]]:
    found = (each for each in realm.get("client-scopes") if each["name"].startswith("shaped-"))
    return {
        each["name"]: {**each, "description": each.get("description") or ""} for each in found
    }  # none cannot be had again


def test_client_scopes_of_every_shape(realm: TestRealm) -> None:
    for scope in shaped_scopes():
        realm.session.create(realm.at("client-scopes"), {"protocol": "openid-connect", **scope})
    before = scopes_of(realm)
    lives = []
    for number, name in enumerate(before):
        engine = robot_engine(AudienceScopeProvider, realm)
        engine.up(
            realm=realm.name,
            name=name,
            included_client="other",
            description="ours" if number % 3 else "",
            in_token_scope=number % 2 == 0,
            adopt=True,
        )
        lives.append(engine)
    now = scopes_of(realm)
    ours = {"include.in.token.scope", OWNER_KEY, STACK_KEY, NUMBER_KEY}
    for name, was in before.items():
        for key in {*was["attributes"], *now[name]["attributes"]} - ours:
            assert now[name]["attributes"].get(key) == was["attributes"].get(key), (name, key)
        kept = {each["name"]: each for each in was.get("protocolMappers", ())}
        for mapper in now[name]["protocolMappers"]:
            noted = kept.get(mapper["name"], mapper)["config"]
            assert {"theirs": mapper["config"].get("theirs")} == {"theirs": noted.get("theirs")}, name
    forget()
    for engine in lives:
        engine.destroy()
    assert differing(before, scopes_of(realm)) == {}


def test_a_scope_with_a_mapper_of_others_is_adopted_only_where_it_becomes_ours(realm: TestRealm) -> None:
    kinds = {"protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper"}
    same, beside = {"name": "theirs", **kinds, "config": AUDIENCE}, {**AUDIENCE, "included.client.audience": "other"}
    at = realm.at("client-scopes")
    shared = {"name": "shared", "description": "theirs", "protocol": "openid-connect", "protocolMappers": [same]}
    made = realm.session.create(at, shared)
    before, arguments = realm.export(), {"realm": realm.name, "name": "shared", "included_client": "api", "adopt": True}
    engine = robot_engine(AudienceScopeProvider, realm)
    engine.up(**arguments, description="ours")
    engine.refresh()
    assert engine.up(**arguments, description="ours") == "same"
    engine.destroy()
    assert realm.export() == before

    added = realm.session.create(f"{at}/{made}/protocol-mappers/models", {"name": "other", **kinds, "config": beside})
    before = realm.export()
    says = "client scope 'shared' in realm .*: its mapper 'other' puts 'other' into tokens beside 'api'; delete that mapper"
    with pytest.raises(Refusal, match=says):
        robot_engine(AudienceScopeProvider, realm).up(**arguments)
    assert realm.export() == before

    realm.session.delete(f"{at}/{made}/protocol-mappers/models/{added}")
    engine.up(**arguments, description="ours")
    realm.session.create(f"{at}/{made}/protocol-mappers/models", {"name": "other", **kinds, "config": beside})
    forget()
    engine.refresh()
    with pytest.raises(Refusal, match=says):  # a later one, too: our writes would not take it away
        engine.up(**arguments, description="ours")
    realm.session.put(f"{at}/{made}", {"name": "shared", "description": "changed"})
    forget()
    engine.destroy()
    left = realm.session.get(f"{at}/{made}")
    assert {each["name"] for each in left["protocolMappers"]} == {"theirs", "other"}, (
        "ours goes, whatever others changed"
    )
    assert left["description"] == "changed" and not any(key.startswith("pulumi.") for key in left["attributes"])
    realm.session.delete(f"{at}/{made}")


POLICIES: list[tuple[type[Any], str, dict[str, Any], dict[str, Any]]] = [
    (ClientPolicyProvider, "client", {"clients": []}, {"clients": ["api"]}),
    (RolePolicyProvider, "role", {"roles": []}, {"roles": ["payer"]}),
    (GroupPolicyProvider, "group", {"groups": [{"path": "/team"}]}, {"groups": ["/team"], "groups_claim": "g"}),
    (UserPolicyProvider, "user", {"users": []}, {"users": ["testuser2"]}),
    (ClientScopePolicyProvider, "client-scope", {"clientScopes": []}, {"client_scopes": ["profile"]}),
    (TimePolicyProvider, "time", {"hour": "1", "hourEnd": "2"}, {"hour": 3, "hour_end": 4}),
    (RegexPolicyProvider, "regex", {"targetClaim": "a", "pattern": "b"}, {"target_claim": "c", "pattern": "d"}),
    (AggregatePolicyProvider, "aggregate", {"policies": []}, {"policies": ["one"]}),
]
SHAPES = [
    {},
    {"description": "", "decisionStrategy": "AFFIRMATIVE"},
    {"description": "theirs", "logic": "NEGATIVE", "decisionStrategy": "CONSENSUS"},
]


def policies_of(realm: TestRealm) -> dict[str, dict[str, Any]]:
    at = f"{realm.at('clients', realm.uuid('api'))}/authz/resource-server/policy"
    found = {}
    for each in realm.session.get(at, max="1000", permission="false"):
        whole = realm.session.get(f"{at}/{each['type']}/{each['id']}")
        members = realm.session.get(f"{at}/{each['id']}/associatedPolicies")
        if not whole.get("groupsClaim"):  # Keycloak has no request that takes it away, but stores an empty one
            whole.pop("groupsClaim", None)
        found[each["name"]] = {**whole, "members": sorted(member["name"] for member in members)}
    return found


def test_policies_of_every_shape(realm: TestRealm) -> None:
    realm.change("api", serviceAccountsEnabled=True, authorizationServicesEnabled=True)
    at = f"{realm.at('clients', realm.uuid('api'))}/authz/resource-server/policy"
    realm.session.post_json(f"{at}/client", {"name": "one", "clients": [realm.uuid("api")]})
    role, user = realm.get("roles", "payer")["id"], realm.get("users", username="testuser2")[0]["id"]
    scope = next(each["id"] for each in realm.get("client-scopes") if each["name"] == "email")
    ids: dict[str, Any] = {"clients": [realm.uuid("other")], "clientScopes": [{"id": scope}]}
    ids |= {"roles": [{"id": role}], "users": [user], "policies": ["one"]}
    for _, kind, theirs, _ in POLICIES:
        held = {key: value or ids[key] for key, value in theirs.items()}
        for number, shape in enumerate(SHAPES):
            realm.session.post_json(f"{at}/{kind}", {"name": f"{kind}-{number}", **held, **shape})
    before = policies_of(realm)
    lives: list[Engine] = []
    for provider, kind, _, args in POLICIES:
        for number in range(len(SHAPES)):
            engine = robot_engine(provider, realm)
            engine.up(realm=realm.name, resource_server="api", name=f"{kind}-{number}", adopt=True, **args)
            lives.append(engine)
    now = policies_of(realm)
    for name, was in before.items():
        if was["type"] != "aggregate":
            assert now[name].get("decisionStrategy") == was.get("decisionStrategy"), name
    forget()
    for engine in reversed(lives):
        engine.destroy()
    assert differing(before, policies_of(realm)) == {}


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("types", [["LOGIN"], [], ["TOKEN_EXCHANGE", "LOGIN"]])
def test_what_a_realm_records(realm: TestRealm, enabled: bool, types: list[str]) -> None:
    theirs = {
        "eventsEnabled": enabled,
        "eventsExpiration": 77,
        "enabledEventTypes": types,
        "eventsListeners": ["jboss-logging"],
        "adminEventsEnabled": not enabled,
        "adminEventsDetailsEnabled": enabled,
    }
    realm.session.put(realm.at("events", "config"), theirs)
    before = realm.get("events", "config")
    engine = robot_engine(ExchangeEventsProvider, realm)
    engine.up(realm=realm.name, expiration=99)
    now = realm.get("events", "config")
    ours = ("eventsEnabled", "eventsExpiration", "enabledEventTypes")
    assert {key: value for key, value in now.items() if key not in ours} == {
        key: value for key, value in before.items() if key not in ours
    }
    forget()
    engine.destroy()
    assert in_order(realm.get("events", "config")) == in_order(before)


def in_order(config: dict[str, Any]) -> dict[str, Any]:
    return {key: sorted(value) if isinstance(value, list) else value for key, value in config.items()}
