"""Guards of the whole realm: each lets one exchange through and stops another, on both exchanges; nothing else is lost."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import requests

from kcadmin.guards.marks import KIND, computed_mark, label_for
from kcadmin.guards.parts import MARK
from kcadmin.objects.claims import Claim
from kcadmin.objects.robot import GUARDS, STANDARD
from kcadmin.rest.connection import ClientSecretLogin, Connection
from kcadmin.rest.errors import KeycloakError, Refusal
from kcadmin.rest.tokens import EXCHANGE_GRANT, ClientCredentials, TokenEndpoint, TokenRefused
from providers.exchange_guards import ExchangeGuardsProvider
from tests.acceptance.test_two_processes import together
from tests.conftest import MakeRealm
from tests.support.engine import Engine, forget
from tests.support.in_process import Killed, Stack, interrupted
from tests.support.realms import PASSWORD, TestRealm
from tests.support.robots import robot_engine

pytestmark = pytest.mark.exchange_guards
EXCHANGES = pytest.mark.parametrize("exchange", ["standard", "legacy"])
POLICIES, PROFILES = "client-policies/policies", "client-policies/profiles"
NOT_DECLARED = "Required claim 'pulumi.exchange.requesters' is missing from the token"
OTHER_SOURCE = "Value for claim 'azp' not allowed"
ROUNDS = 3
ODD, ALIKE = "front.end (+x)|[a]", "frontXend (+x)|[a]"
ATTRIBUTE = json.dumps([{"key": "theirs", "value": "1"}])
STRANGERS: dict[str, Any] = {
    "profiles": [
        {
            "name": "a-strangers",
            "description": "d",
            "executors": [{"executor": "consent-required", "configuration": {}}],
        }
    ],
    "policies": [
        {
            "name": "z-strangers",
            "description": "[pulumi:0123456789abcdef]",
            "enabled": True,
            "mode": "STRICT",
            "conditions": [
                {
                    "condition": "client-attributes",
                    "configuration": {"is-negative-logic": False, "attributes": ATTRIBUTE},
                }
            ],
            "profiles": ["a-strangers"],
        },
        {"name": "off", "enabled": False, "conditions": [], "profiles": []},
    ],
}


@pytest.fixture(scope="module")
def one_realm(make_module_realm: MakeRealm) -> Iterator[TestRealm]:
    """A realm for all these tests, on a server with both exchanges, that ends as it was."""
    realm = make_module_realm("legacy", **{name: {} for name in ("frontend", "other", ODD, ALIKE, "api")})
    stranger(realm)
    before = realm.export()
    yield realm
    assert realm.export_but_for_permissions() == realm.without_permissions(before)


@pytest.fixture
def guarded(one_realm: TestRealm, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestRealm]:
    """The realm, without a guard before and after; one writer alone need not wait for others."""
    monkeypatch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0.01)
    yield one_realm
    assert lists(one_realm) == STRANGERS
    assert "pulumi.exchange" not in json.dumps(one_realm.get("clients"))


def stranger(realm: TestRealm) -> None:
    """Somebody's own policies, at both ends of the alphabet, with fields that we do not know."""
    for kind in ("profiles", "policies"):
        realm.session.put(realm.at("client-policies", kind), {kind: STRANGERS[kind]})


def lists(realm: TestRealm) -> dict[str, Any]:
    return {kind: realm.get("client-policies", kind)[kind] for kind in ("profiles", "policies")}


def guards(realm: TestRealm, **declared: Any) -> Engine:
    engine = robot_engine(ExchangeGuardsProvider, realm)
    engine.up(realm=realm.name, **declared)
    return engine


def granted(realm: TestRealm, exchange: str, *sources: str) -> Stack:
    """Grants in both flows."""
    stack = Stack(realm.robot)
    common = {"realm": realm.name, "exchange": exchange, "target": "api", "flows": ["recipient", "requester"]}
    stack.up(*({**common, "name": f"{source}-to-api", "sources": [source]} for source in sources))
    return stack


def refused(realm: TestRealm, *arguments: Any) -> str:
    with pytest.raises(TokenRefused) as refusal:
        realm.exchange(*arguments)
    return refusal.value.description


def scoped(realm: TestRealm, requester: str, token: str, scope: str | None, audience: str | None = None) -> str:
    """The scopes of an exchanged token."""
    endpoint = TokenEndpoint(realm.session, realm.name)
    answer = endpoint.exchange(ClientCredentials(requester, "s"), token, scope=scope, audience=audience)
    return str(endpoint.claims(answer.access_token)["scope"])


@EXCHANGES
def test_only_declared_requesters_exchange(guarded: TestRealm, exchange: str) -> None:
    grant = granted(guarded, exchange, "frontend")
    engine = guards(guarded, requesters=["api"])
    token = guarded.user_token("frontend")
    assert "api" in guarded.exchange("api", token)["aud"]
    assert refused(guarded, "frontend", token, "api") == NOT_DECLARED
    assert engine.up(realm=guarded.name, requesters=["api", "frontend"]) == "update"
    assert "api" in guarded.exchange("frontend", token, "api")["aud"]
    engine.destroy()
    grant.destroy()


def test_nothing_but_exchanges_is_refused(guarded: TestRealm) -> None:
    """The executor ``reject-request`` would stop each of these for a client that is not declared."""
    engine = guards(guarded, requesters=["api"], sources={"api": ["frontend"]}, no_wider_scopes=["api"])
    url = f"{guarded.url}/realms/{guarded.name}/protocol/openid-connect"
    for name in ("other", "api"):
        client = {"client_id": name, "client_secret": "s"}
        login = {**client, "grant_type": "password", "username": guarded.user, "password": PASSWORD, "scope": "openid"}
        tokens = requests.post(f"{url}/token", data=login, timeout=120).json()
        access, refresh = tokens["access_token"], tokens["refresh_token"]
        assert requests.get(f"{url}/userinfo", headers={"Authorization": f"Bearer {access}"}, timeout=120).ok
        page = {"client_id": name, "response_type": "code", "redirect_uri": "http://localhost/", "scope": "openid"}
        assert requests.get(f"{url}/auth", params=page, timeout=120).status_code == 200
        code = {**client, "grant_type": "authorization_code", "code": "none", "redirect_uri": "http://localhost/"}
        assert requests.post(f"{url}/token", data=code, timeout=120).json()["error"] == "invalid_grant"
        for at, form in (
            ("token", {"grant_type": "refresh_token", "refresh_token": refresh}),
            ("token/introspect", {"token": access}),
            ("revoke", {"token": access}),
            ("logout", {"refresh_token": refresh}),
        ):
            assert requests.post(f"{url}/{at}", data={**client, **form}, timeout=120).ok, at
        guarded.change(name, attributes={"in the Admin Console": "1"})
        guarded.change(name, attributes={"in the Admin Console": ""})
    engine.destroy()


def test_the_legacy_requesters_hole_is_open_without_and_closed_with_sources(guarded: TestRealm) -> None:
    """A legacy requester may exchange any client's token, although it is not in its audience."""
    grant = granted(guarded, "legacy", "frontend")
    strangers = guarded.user_token("other")
    assert "api" in guarded.exchange("frontend", strangers, "api")["aud"]
    engine = guards(guarded, sources={"frontend": ["frontend"]})
    assert refused(guarded, "frontend", strangers, "api") == OTHER_SOURCE
    assert "api" in guarded.exchange("frontend", guarded.user_token("frontend"), "api")["aud"]
    without_type = {"grant_type": EXCHANGE_GRANT, "audience": "api", "client_id": "frontend", "client_secret": "s"}
    url = f"{guarded.url}/realms/{guarded.name}/protocol/openid-connect/token"
    answer = requests.post(url, data={**without_type, "subject_token": strangers}, timeout=120)
    assert answer.json()["error_description"] == "Parameter 'subject_token' should be access_token for the executor"
    engine.destroy()
    grant.destroy()


@EXCHANGES
def test_sources_are_names_not_patterns(guarded: TestRealm, exchange: str) -> None:
    grant = granted(guarded, exchange, ODD, ALIKE)
    engine = guards(guarded, sources={"api": [ODD]})
    assert "api" in guarded.exchange("api", guarded.user_token(ODD))["aud"]
    assert refused(guarded, "api", guarded.user_token(ALIKE)) == OTHER_SOURCE
    engine.destroy()
    grant.destroy()


@EXCHANGES
def test_users_by_a_claim(guarded: TestRealm, exchange: str) -> None:
    grant = granted(guarded, exchange, "frontend")
    token = guarded.user_token("frontend")
    engine = guards(
        guarded, user_claims={"api": {"preferred_username": "testuser2|alice", "email": ".*@example[.]com"}}
    )
    assert "api" in guarded.exchange("api", token)["aud"]
    engine.up(realm=guarded.name, user_claims={"api": {"preferred_username": "testuser|alice"}})
    assert refused(guarded, "api", token) == "Value for claim 'preferred_username' not allowed"
    assert "api" in guarded.exchange("frontend", token, "api")["aud"]
    engine.destroy()
    grant.destroy()


@EXCHANGES
def test_no_wider_scopes(guarded: TestRealm, exchange: str) -> None:
    grant = granted(guarded, exchange, "frontend")
    token = guarded.user_token("frontend")
    if exchange == "standard":
        assert "phone" in scoped(guarded, "api", token, "phone")
    engine = guards(guarded, no_wider_scopes=["api"])
    with pytest.raises(TokenRefused, match=r"Scopes \[phone\] not present in the initial access token"):
        scoped(guarded, "api", token, "phone")
    assert "phone" not in scoped(guarded, "api", token, None)
    engine.destroy()
    grant.destroy()


def test_no_wider_scopes_needs_audiences_in_client_scopes(guarded: TestRealm) -> None:
    """Keycloak leaves the requester's own mappers out of a narrowed token, so that its audience is not available."""
    grant = granted(guarded, "standard", "frontend")
    engine = guards(guarded, no_wider_scopes=["frontend"])
    token = guarded.user_token("frontend")
    assert refused(guarded, "frontend", token, "api") == "Requested audience not available: api"
    mapper = guarded.client("frontend")["protocolMappers"][0]
    body = {key: value for key, value in mapper.items() if key != "id"}
    scope = {"name": "to-api", "protocol": "openid-connect", "attributes": {"include.in.token.scope": "false"}}
    at = guarded.at("client-scopes")
    uuid = guarded.session.create(at, {**scope, "protocolMappers": [body]})
    guarded.session.put(guarded.at("clients", guarded.uuid("frontend"), "default-client-scopes", uuid), {})
    assert guarded.exchange("frontend", token, "api")["aud"] == ["api"]
    guarded.session.delete(f"{at}/{uuid}")
    engine.destroy()
    grant.destroy()


def test_a_guarded_scope_that_somebody_deletes_stops_others_writes(guarded: TestRealm) -> None:
    """Until it is back, or the guard is gone."""
    at, scope = guarded.at("client-scopes"), {"name": "to-api", "protocol": "openid-connect"}
    uuid = guarded.session.create(at, scope)
    guarded.session.put(guarded.at("clients", guarded.uuid("api"), "optional-client-scopes", uuid), {})
    engine = guards(guarded, scopes={"api": {"to-api": ["frontend"]}})
    guarded.session.delete(f"{at}/{uuid}")
    held = {"policies": lists(guarded)["policies"]}
    with pytest.raises(KeycloakError, match=r"400 .*Client scopes not allowed"):
        guarded.session.put(guarded.at(*POLICIES.split("/")), held)
    uuid = guarded.session.create(at, scope)
    guarded.session.put(guarded.at(*POLICIES.split("/")), held)
    guarded.session.delete(f"{at}/{uuid}")
    engine.destroy()
    guarded.session.put(guarded.at(*POLICIES.split("/")), {"policies": STRANGERS["policies"]})


def test_what_two_stacks_declare_adds_up(guarded: TestRealm) -> None:
    grant = granted(guarded, "standard", "frontend", "other")
    token, others = guarded.user_token("frontend"), guarded.user_token("other")
    one = guards(guarded, owner="one", requesters=["api"], sources={"api": ["frontend"]})
    two = guards(guarded, owner="two", requesters=["api", "frontend"], sources={"api": ["other"]})
    assert all("api" in guarded.exchange("api", each)["aud"] for each in (token, others))
    assert "api" in guarded.exchange("frontend", token, "api")["aud"]
    assert refused(guarded, "other", others, "api") == NOT_DECLARED
    clash = {"api": {"email": "a@example.com"}}
    one.up(realm=guarded.name, owner="one", requesters=["api"], sources={"api": ["frontend"]}, user_claims=clash)
    with pytest.raises(Refusal, match=r"'one' has 'a@example[.]com' for the same requester; agree on one"):
        guards(guarded, owner="three", user_claims={"api": {"email": "b@example.com"}})
    two.destroy()
    assert refused(guarded, "frontend", token, "api") == NOT_DECLARED
    assert refused(guarded, "api", others) == OTHER_SOURCE
    assert one.refresh() and one.outputs["drift"] == []
    one.destroy()
    grant.destroy()


def test_what_somebody_changes_shows_and_is_mended(guarded: TestRealm) -> None:
    declared: dict[str, Any] = {"requesters": ["api", "frontend"], "sources": {"api": ["frontend"]}}
    engine = guards(guarded, **declared)
    declared["realm"] = guarded.name
    for kind, change in (
        ("policies", lambda each: {**each, "enabled": False}),
        ("policies", lambda each: {**each, "conditions": each["conditions"][:1]}),
        ("policies", lambda each: {**each, "description": "mine now"}),
        ("profiles", lambda each: {**each, "executors": []}),
        ("policies", lambda each: None),
    ):
        now = lists(guarded)[kind]
        changed = [change(each) if each["name"].startswith("pulumi.") else each for each in now]
        guarded.session.put(guarded.at("client-policies", kind), {kind: [each for each in changed if each]})
        forget()
        assert engine.refresh() and len(engine.outputs["drift"]) == 2, (kind, engine.outputs)
        assert engine.up(**declared) == "update" and engine.outputs["drift"] == []
        assert {each["name"]: each for each in lists(guarded)[kind]} == {each["name"]: each for each in now}
    guarded.change("api", attributes={MARK: ""})
    forget()
    engine.refresh()
    assert engine.outputs["drift"] == [f"client 'api' has lost its mark '{MARK}'"]
    assert refused(guarded, "api", guarded.user_token("api")) == NOT_DECLARED  # what has no mark is not let through
    assert engine.up(**declared) == "update"
    assert guarded.client("api")["attributes"][MARK]
    engine.destroy()


def by_its_owner(realm: TestRealm, client_id: str, **fields: Any) -> dict[str, Any]:
    """What a client registration access token can write and read of its own client."""
    uuid = realm.uuid(client_id)
    token = realm.session.post_json(realm.at("clients", uuid, "registration-access-token"), {})[
        "registrationAccessToken"
    ]
    at = f"{realm.url}/realms/{realm.name}/clients-registrations/default/{client_id}"
    found: dict[str, Any] = {}
    for how in ("get", "put", "get"):
        body = {**found, **fields} if how == "put" else None
        answer = requests.request(how, at, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=120)
        assert answer.ok, answer.text
        found = answer.json()
        token = found.pop("registrationAccessToken")
    return found


def test_a_client_that_owns_itself_gives_itself_no_mark_that_counts(guarded: TestRealm) -> None:
    """The attack: a mark computed from what state and authorization codes show; and a mark that its bearer lends."""
    grant = granted(guarded, "standard", "frontend")
    engine = guards(guarded, requesters=["api"], sources={"api": ["frontend"]})
    guarded.add_client("mallory")
    guarded.mapper("frontend", "to-mallory", "mallory")
    token = guarded.user_token("frontend")
    uuids = engine.outputs["management_uuid"], engine.outputs["client_uuids"]["api"]
    switch = {"standard.token.exchange.enabled": "true"}
    by_its_owner(guarded, "mallory", attributes={**switch, MARK: computed_mark(*uuids)})
    assert refused(guarded, "mallory", token) == NOT_DECLARED
    mark = guarded.client("api")["attributes"][MARK]
    assert mark.partition("-")[2] not in json.dumps([engine.outputs, by_its_owner(guarded, "mallory")])
    by_its_owner(guarded, "mallory", attributes={**switch, MARK: mark})  # "api" gave it away
    assert guarded.exchange("mallory", token)["azp"] == "mallory"
    forget()
    engine.refresh()
    assert engine.outputs["drift"] == ["client 'mallory' has a mark that was made for another client"]
    assert engine.up(realm=guarded.name, requesters=["api"], sources={"api": ["frontend"]}) == "update"
    assert refused(guarded, "mallory", token) == NOT_DECLARED
    assert "api" in guarded.exchange("api", token)["aud"]
    guarded.session.delete(guarded.at("clients", guarded.uuid("mallory")))
    guarded.delete_mapper("frontend", "to-mallory")
    engine.destroy()
    grant.destroy()


TWO = (
    {"owner": "one", "requesters": ["api"], "sources": {"api": ["frontend"]}},
    {"owner": "two", "requesters": ["api"], "sources": {"api": ["other"]}},
)


def of_an_earlier_version(realm: TestRealm) -> list[Engine]:
    """Two stacks' guards on "api", as versions with computed marks left them."""
    engines = [guards(realm, **declared) for declared in TWO]
    uuid = realm.uuid("api")
    mark, computed = realm.client("api")["attributes"][MARK], computed_mark(realm.uuid("realm-management"), uuid)
    for kind, now in lists(realm).items():
        text = json.dumps({kind: now}).replace(mark, computed).replace(f".{label_for(uuid)}", f".{computed}")
        if kind == "profiles":
            renamed = {kind: [*json.loads(text)[kind], *(each for each in now if each["name"].startswith("pulumi."))]}
            text = json.dumps({kind: list({each["name"]: each for each in reversed(renamed[kind])}.values())})
        realm.session.put(realm.at("client-policies", kind), json.loads(text))
    old = {f"attributes.{MARK}": computed}
    claims = [Claim(declared["owner"], KIND, old, {f"attributes.{MARK}": None}) for declared in TWO]
    realm.change("api", attributes={MARK: computed, **{claim.key: claim.text() for claim in claims}})
    profiles = [each for each in lists(realm)["profiles"] if not each["name"].endswith(label_for(uuid))]
    realm.session.put(realm.at("client-policies", "profiles"), {"profiles": profiles})
    assert mark not in json.dumps([lists(realm), realm.client("api")])
    forget()
    return engines


def test_computed_marks_are_replaced_without_a_refused_exchange(guarded: TestRealm) -> None:
    grant = granted(guarded, "standard", "frontend", "other")
    engines = of_an_earlier_version(guarded)
    tokens = [guarded.user_token(name) for name in ("frontend", "other")]
    strangers = guarded.user_token("api")
    done = threading.Event()

    def answered(token: str) -> str:
        try:
            guarded.exchange("api", token)
        except TokenRefused as refusal:
            return refusal.description
        return ""

    def exchanging() -> set[tuple[str, ...]]:
        found = set()
        while not done.is_set():
            found.add(tuple(answered(token) for token in (*tokens, strangers)))
        return found

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(exchanging) for _ in range(2)]
        try:
            for engine, declared, did in zip(engines, TWO, ("update", "same"), strict=True):
                forget()
                assert engine.up(realm=guarded.name, **declared) == did  # the first one replaces them for both
        finally:
            done.set()
        assert [each.result() for each in running] == [{("", "", OTHER_SOURCE)}] * 2
    computed = computed_mark(guarded.uuid("realm-management"), guarded.uuid("api"))
    assert computed not in json.dumps([lists(guarded), guarded.client("api")["attributes"][MARK]])
    for engine in engines:
        engine.refresh()
        assert engine.outputs["drift"] == []
        engine.destroy()
    grant.destroy()


def test_killed_while_marks_are_replaced(guarded: TestRealm) -> None:
    grant = granted(guarded, "standard", "frontend", "other")
    tokens = [guarded.user_token(name) for name in ("frontend", "other")]
    for at in range(20):
        engines = of_an_earlier_version(guarded)
        try:
            with interrupted(at, after=True) as made:
                engines[0].up(realm=guarded.name, **TWO[0])
        except Killed:
            forget()
        for token in tokens:
            assert "api" in guarded.exchange("api", token)["aud"], at
        for engine, declared in zip(
            reversed(engines) if at % 2 else engines, reversed(TWO) if at % 2 else TWO, strict=True
        ):
            engine.up(realm=guarded.name, **declared)
            assert all("api" in guarded.exchange("api", token)["aud"] for token in tokens)
        for engine in engines:
            engine.refresh()
            assert engine.outputs["drift"] == []
            engine.destroy()
        assert lists(guarded) == STRANGERS
        if len(made) <= at:
            break
    assert len(made) == 6
    engines = of_an_earlier_version(guarded)
    for engine in engines:
        engine.destroy()  # without an up before
    grant.destroy()


def test_another_owner_name_takes_its_own_parts_along(guarded: TestRealm) -> None:
    engine = guards(guarded, owner="old", requesters=["api"], no_wider_scopes=["api"])
    assert engine.up(realm=guarded.name, owner="new", requesters=["api"]) == "update"
    assert "old" not in json.dumps([lists(guarded), guarded.client("api")["attributes"]])
    assert [each["name"] for each in lists(guarded)["policies"]][2:] == ["pulumi.exchange.requesters"]
    engine.destroy()


DECLARED = {"requesters": ["api"], "user_claims": {"api": {"email": ".*"}}}


@pytest.mark.parametrize("what", ["create", "destroy"])
def test_killed_anywhere(guarded: TestRealm, what: str) -> None:
    """Before and after each write: the next run continues, and destroy gives everything back."""
    writes = 0
    for at in range(20):
        for after in (False, True):
            engine = robot_engine(ExchangeGuardsProvider, guarded)
            forget()
            if what == "destroy":
                engine.up(realm=guarded.name, **DECLARED)
            try:
                with interrupted(at, after=after) as made:
                    engine.up(realm=guarded.name, **DECLARED) if what == "create" else engine.destroy()
            except Killed:
                forget()
                if what == "create":
                    assert engine.up(realm=guarded.name, **DECLARED) == "create"
                    assert "pulumi.exchange.requesters" in [each["name"] for each in lists(guarded)["policies"]]
                engine.destroy()
            else:
                writes = len(made)
                if what == "create":
                    engine.destroy()
            assert lists(guarded) == STRANGERS
        if writes:
            break
    assert writes == 3


def come_and_go(number: int, connection: Connection, realm_name: str) -> int:
    """How many rounds ended with a part of ours missing."""
    lost = 0
    for _ in range(ROUNDS):
        forget()
        engine = Engine(ExchangeGuardsProvider, connection)
        client = f"client-{number}"
        engine.up(realm=realm_name, owner=f"team-{number}", requesters=[client, "api"], sources={client: ["api"]})
        forget()
        engine.refresh()
        lost += engine.outputs["drift"] != []
        engine.destroy()
    return lost


def test_four_processes_beside_another_writer(guarded: TestRealm) -> None:
    for number in range(4):
        guarded.add_client(f"client-{number}")
    assert sum(together(come_and_go, guarded.robot(STANDARD, GUARDS), guarded.name)) == 0
    assert "pulumi." not in json.dumps([lists(guarded)["profiles"], guarded.get("clients")])
    for number in range(4):
        guarded.session.delete(guarded.at("clients", guarded.uuid(f"client-{number}")))


def test_two_stacks_in_one_process(guarded: TestRealm) -> None:
    def once(owner: str) -> None:
        guards(guarded, owner=owner, requesters=["api"]).destroy()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(once, ["a", "b", "c", "d"]))


def test_a_login_that_may_not_is_told_the_role(guarded: TestRealm) -> None:
    guarded.add_client("robot", serviceAccountsEnabled=True)
    account = guarded.get("clients", guarded.uuid("robot"), "service-account-user")["id"]
    management = guarded.uuid("realm-management")
    roles = [guarded.get("clients", management, "roles", role) for role in ("manage-clients", "view-realm")]
    guarded.session.post(guarded.at("users", account, "role-mappings", "clients", management), roles)
    login = replace(guarded.connection, login=ClientSecretLogin("robot", "s"), login_realm=guarded.name)
    with pytest.raises(
        Refusal, match=r"not let this login write them \(403\); give it the role manage-realm of the client 'realm-man"
    ):
        Engine(ExchangeGuardsProvider, login).up(realm=guarded.name, requesters=["api"])
    forget()
    engine = guards(guarded, requesters=["api"])
    engine.destroy()
    guarded.session.delete(guarded.at("clients", guarded.uuid("robot")))


def test_what_does_not_exist_is_named_together(guarded: TestRealm) -> None:
    with pytest.raises(Refusal) as refusal:
        guards(
            guarded, requesters=["api", "apo"], sources={"api": ["fronted"]}, scopes={"api": {"to-nowhere": ["api"]}}
        )
    assert [line.split(":")[0] for line in str(refusal.value).splitlines()] == [
        f"{what} in realm '{guarded.name}'"
        for what in ("client 'apo'", "client 'fronted'", "client scope 'to-nowhere'")
    ]
