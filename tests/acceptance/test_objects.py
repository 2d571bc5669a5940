"""Each object on a real Keycloak: create, read, no second change, change, replace, drift, loss, exact restore."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import pytest

from kcadmin.objects.realm import realm_for
from kcadmin.objects.resource_server import permission_name
from kcadmin.rest.session import session_for
from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.authorization_services import AuthorizationServicesProvider
from providers.base.provider import KeycloakProvider
from providers.client_policy import ClientPolicyProvider
from providers.management_permissions import ManagementPermissionsProvider
from providers.scope_permission import ScopePermissionProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_exchange_permission import TokenExchangePermissionProvider
from tests.conftest import MakeRealm
from tests.support.engine import Engine, forget
from tests.support.realms import TestRealm
from tests.support.robots import robot_engine

Do = Callable[[TestRealm, Engine], None]


@dataclass(frozen=True)
class Kind:
    """One object's cases. ``drift``: what somebody changes, and what refresh then shows."""

    provider: type[KeycloakProvider]
    args: dict[str, Any]
    change: dict[str, Any]
    replace: dict[str, Any]
    lose: Do
    drift: Do
    shows: dict[str, Any]
    arrange: Callable[[TestRealm], dict[str, Any]] = field(default=lambda realm: {})

    def __str__(self) -> str:
        return self.provider.__name__.removesuffix("Provider")


def services_on(realm: TestRealm) -> dict[str, Any]:
    for client in ("api", "frontend"):
        realm.change(client, authorizationServicesEnabled=True, serviceAccountsEnabled=True)
    return {}


def with_policy(realm: TestRealm) -> dict[str, Any]:
    services_on(realm)
    for client in ("api", "frontend"):
        at = realm.at("clients", realm.uuid(client), "authz", "resource-server")
        realm.session.post(f"{at}/scope", {"name": "token-exchange"})
        realm.session.post(f"{at}/policy/client", {"name": "may", "clients": [realm.uuid("frontend")]})
    return {}


def with_management(realm: TestRealm) -> dict[str, Any]:
    for client in ("api", "frontend"):
        realm.session.put_json(realm.at("clients", realm.uuid(client), "management", "permissions"), {"enabled": True})
    return {"policies": [management_policy(realm, f"policy-{token_hex(4)}")]}


def management_policy(realm: TestRealm, name: str) -> str:
    at = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server", "policy", "client")
    return str(realm.session.post_json(at, {"name": name, "clients": [realm.uuid("frontend")]})["id"])


def authz_path(realm: TestRealm, *segments: str, client: str = "api") -> str:
    return realm.at("clients", realm.uuid(client), "authz", "resource-server", *segments)


def delete(*segments: str) -> Do:
    return lambda realm, engine: realm.session.delete(authz_path(realm, *segments, str(engine.id)))


def remake_mapper(realm: TestRealm, engine: Engine) -> None:
    at = realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models", str(engine.id))
    mapper = realm.session.get(at)
    realm.session.put(at, {**mapper, "config": {**mapper["config"], "included.client.audience": "account"}})


def rewrite_policy(realm: TestRealm, engine: Engine) -> None:
    at = authz_path(realm, "policy", "client", str(engine.id))
    realm.session.put(at, {**realm.session.get(at), "clients": [realm.uuid("api")]})


def rewrite_scope(realm: TestRealm, engine: Engine) -> None:
    realm.session.put(
        authz_path(realm, "scope", str(engine.id)), {"id": engine.id, "name": "token-exchange", "displayName": "X"}
    )


def rewrite_permission(realm: TestRealm, engine: Engine) -> None:
    realm.session.put(
        authz_path(realm, "permission", "scope", str(engine.id)),
        {
            "id": engine.id,
            "name": "token-exchange.permission",
            "type": "scope",
            "decisionStrategy": "CONSENSUS",
            "policies": [],
        },
    )


def empty_token_exchange(realm: TestRealm, engine: Engine) -> None:
    server = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")
    found = realm.session.get(f"{server}/policy/search", name=permission_name(realm.uuid("api")))
    realm.session.put(
        f"{server}/permission/scope/{found['id']}",
        {"id": found["id"], "name": found["name"], "type": "scope", "decisionStrategy": "AFFIRMATIVE", "policies": []},
    )


def switch(on: str) -> Do:
    return lambda realm, engine: realm.change("api", attributes={"standard.token.exchange.enabled": on})


def delete_client(realm: TestRealm, engine: Engine) -> None:
    realm.session.delete(realm.at("clients", realm.uuid("api")))
    realm.add_client("api")


API = {"client_id": "api"}
SERVER = {"resource_server": "api"}
KINDS = [
    Kind(
        AudienceMapperProvider,
        {"client_id": "frontend", "name": "api-audience-mapper", "included_client": "api"},
        change={"id_token": True, "introspection": False},
        replace={"client_id": "api"},
        lose=lambda realm, engine: realm.session.delete(
            realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models", str(engine.id))
        ),
        drift=remake_mapper,
        shows={"included_client": "account"},
    ),
    Kind(
        AudienceMapperProvider,
        {"client_id": "frontend", "name": "text", "custom_audience": "https://api.example.com"},
        change={"custom_audience": "urn:other"},
        replace={"name": "other"},
        lose=lambda realm, engine: realm.session.delete(
            realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models", str(engine.id))
        ),
        drift=remake_mapper,
        shows={"included_client": "account"},
    ),
    Kind(
        StandardTokenExchangeProvider,
        API,
        change={"allow_refresh": True},
        replace={"client_id": "frontend"},
        lose=delete_client,
        drift=switch("false"),
        shows={"enabled": False},
    ),
    Kind(
        AuthorizationServicesProvider,
        API,
        change={"owner": "org/project/stack#new"},
        replace={"client_id": "frontend"},
        lose=delete_client,
        drift=lambda realm, engine: realm.change("api", authorizationServicesEnabled=False),
        shows={"enabled": False},
    ),
    Kind(
        ManagementPermissionsProvider,
        API,
        change={"owner": "org/project/stack#new"},
        replace={"client_id": "frontend"},
        lose=delete_client,
        drift=lambda realm, engine: (
            realm.session.put_json(
                realm.at("clients", realm.uuid("api"), "management", "permissions"), {"enabled": False}
            )
            and None
        ),
        shows={"enabled": False},
    ),
    Kind(
        ClientPolicyProvider,
        {**SERVER, "name": "frontend-can-exchange", "clients": ["frontend"], "description": "why"},
        change={"name": "renamed", "clients": ["api", "frontend"], "logic": "NEGATIVE", "description": "because"},
        replace={"resource_server": "frontend"},
        lose=delete("policy"),
        drift=rewrite_policy,
        shows={"clients": ["api"]},
        arrange=services_on,
    ),
    Kind(
        AuthorizationScopeProvider,
        {**SERVER, "name": "token-exchange", "display_name": "Exchange"},
        change={"name": "exchange", "display_name": "Other", "icon_uri": "https://example.com/i.png"},
        replace={"resource_server": "frontend"},
        lose=delete("scope"),
        drift=rewrite_scope,
        shows={"display_name": "X"},
        arrange=services_on,
    ),
    Kind(
        ScopePermissionProvider,
        {
            **SERVER,
            "name": "token-exchange.permission",
            "scopes": ["token-exchange"],
            "policies": ["may"],
            "decision_strategy": "AFFIRMATIVE",
        },
        change={"name": "renamed", "decision_strategy": "UNANIMOUS", "policies": [], "description": "d"},
        replace={"resource_server": "frontend"},
        lose=delete("policy"),
        drift=rewrite_permission,
        shows={"decision_strategy": "CONSENSUS", "policies": []},
        arrange=with_policy,
    ),
    Kind(
        TokenExchangePermissionProvider,
        API,
        change={"owner": "org/project/stack#new"},
        replace={"client_id": "frontend"},
        lose=lambda realm, engine: (
            realm.session.delete(realm.at("clients", realm.uuid("api"))) or realm.add_client("api")
        ),
        drift=empty_token_exchange,
        shows={"policies": []},
        arrange=with_management,
    ),
]


@pytest.fixture(scope="module", params=KINDS, ids=[f"{kind}-{index}" for index, kind in enumerate(KINDS)])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def arranged(kind: Kind, make_module_realm: MakeRealm) -> tuple[TestRealm, dict[str, Any]]:
    """A realm for a kind, and what its object needs there."""
    realm = make_module_realm("legacy")
    return realm, kind.arrange(realm)


@dataclass
class Life:
    """A kind arranged in a realm, with an engine that has created it."""

    realm: TestRealm
    engine: Engine
    args: dict[str, Any]
    before: Any


@pytest.fixture
def life(kind: Kind, arranged: tuple[TestRealm, dict[str, Any]]) -> Iterator[Life]:
    realm, needs = arranged
    before = realm.export()
    engine = robot_engine(kind.provider, realm)
    args = {"realm": realm.name, **kind.args, **needs}
    assert engine.up(**args) == "create"
    forget()
    yield Life(realm, engine, args, before)
    if engine.id:
        engine.destroy()


def asked(engine: Engine, args: dict[str, Any]) -> None:
    """What was read equals what was asked."""
    assert {key: engine.outputs.get(key) for key in args} == args


def test_reads_what_was_asked_and_wants_no_change(life: Life) -> None:
    assert life.engine.refresh()
    asked(life.engine, life.args)
    assert life.engine.up(**life.args) == "same"


def test_changes_in_place(life: Life, kind: Kind) -> None:
    id_, args = life.engine.id, {**life.args, **kind.change}
    assert life.engine.up(**args) == "update"
    forget()
    assert life.engine.refresh() and life.engine.id == id_
    asked(life.engine, args)
    assert life.engine.up(**args) == "same"


def test_is_replaced_where_it_cannot_change(life: Life, kind: Kind) -> None:
    args = {**life.args, **kind.replace}
    assert life.engine.up(**args) == "replace"
    forget()
    assert life.engine.refresh()
    asked(life.engine, args)
    life.engine.destroy()
    assert life.realm.export_but_for_permissions() == life.realm.without_permissions(life.before)


def test_shows_and_mends_what_others_changed(life: Life, kind: Kind) -> None:
    kind.drift(life.realm, life.engine)
    assert life.engine.refresh()
    assert {key: life.engine.outputs.get(key) for key in kind.shows} == kind.shows
    assert {key: life.engine.inputs.get(key) for key in kind.shows} == kind.shows
    forget()
    assert life.engine.up(**life.args) == "update"
    forget()
    assert life.engine.refresh()
    asked(life.engine, life.args)


def test_is_made_again_when_it_was_lost(life: Life, kind: Kind) -> None:
    kind.lose(life.realm, life.engine)
    assert not life.engine.refresh()
    forget()
    arranged = kind.arrange(life.realm) if kind.provider is TokenExchangePermissionProvider else {}
    assert life.engine.up(**{**life.args, **arranged}) == "create"
    forget()
    assert life.engine.refresh()


def test_destroy_leaves_the_realm_as_it_was(life: Life) -> None:
    assert life.realm.export() != life.before
    life.engine.destroy()
    assert life.realm.export_but_for_permissions() == life.realm.without_permissions(life.before)


def test_continues_after_a_kill_that_lost_the_answer(life: Life, kind: Kind) -> None:
    again = robot_engine(kind.provider, life.realm)
    forget()
    provider, realm = kind.provider(), realm_for(session_for(life.realm.connection), life.realm.name)
    foreseen = provider.continues(realm, provider.parse(life.engine.inputs))
    assert again.up(**life.args) == "create"
    assert again.id == life.engine.id
    assert again.outputs.get("continues") == (foreseen.number if foreseen else None)
    again.destroy()
    assert life.realm.export_but_for_permissions() == life.realm.without_permissions(life.before)


def test_deleting_what_is_gone_is_done(life: Life) -> None:
    outputs, id_ = dict(life.engine.outputs), life.engine.id
    life.engine.destroy()
    forget()
    life.engine.id, life.engine.outputs = id_, outputs
    life.engine.destroy()
