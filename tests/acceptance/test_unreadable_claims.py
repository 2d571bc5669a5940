"""What a mapper writes to a claim, and whether Keycloak takes the token: known before any exchange, and told alike."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from exchange.inventory.grants import inventory
from grants.plan import questions
from grants.spec import read_grant
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, STANDARD, read_features
from providers.checks.judge import judge
from reach import preflight
from reach.allowed import realm_reach
from reach.failing import ALGORITHM, as_source, failing
from reach.prediction import Predictor
from reach.proof import prove
from reach.readable_claims import SHAPES, claim_rules, may_fail
from reach.roles import RoleFacts, survey_roles
from reach.survey import survey
from reach.verdict import RECIPIENT, THIRD, Case, Subject
from reach.written_audiences import ROLE_MAPPER
from tests.acceptance.test_gates import NUMBER
from tests.acceptance.test_one_answer import against_inventory, against_keycloak, let_through
from tests.conftest import MakeRealm
from tests.support.engine import forget
from tests.support.mapper_kinds import kind
from tests.support.random_realms import OWNER, SWITCH, RandomRealm
from tests.support.random_users import Users
from tests.support.realms import PASSWORD, TestRealm

VALUES: tuple[Any, ...] = (
    "x", "", "5", " 5 ", "5.0", "null", "true", "tRUE", 5, -5, 1.5, 2**70, 99999999999, True, None, [], ["x"], [{}], [None],
    {}, {"roles": ["x"]}, {"roles": "x"}, {"verify_caller": "true"}, {"a": {}}, {"a": {"roles": [1, None]}}, {"a": 1},
    {"a": None}, {"permissions": [{}]}, {"permissions": "x"}, {"jkt": "x"}, {"jkt": []},
)  # fmt: skip
TAKEN = ("address", "groups", "act", "nonce", "acr", "auth_time", "iat", "exp", "typ", "sub", "scope", "jti", "iss")
"""Claims that take any value, or that Keycloak writes itself whatever a mapper says."""
EACH = 13
"""Of all values of all claims, each so many is tried in a usual run."""
NAMES = ("web", "api", "old", "gateway", "fifth")
STANDARD_TRIPLE, LEGACY_TRIPLE = ("api", "web", None), ("old", "web", "gateway")
Put = Callable[..., None]


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    """``api`` exchanges by the standard exchange, ``old`` by the legacy one. ``web`` has no scope with claims of the user."""
    realm = make_module_realm("legacy", **{name: {} for name in NAMES} | {"api": {"attributes": {SWITCH: "true"}}})
    for name in ("api", "old"):
        add(realm, "web", kind("oidc-audience-mapper", included_client_audience=name), f"aud {name}")
    add(realm, "api", kind("oidc-audience-mapper", included_client_audience="api"), "aud api")
    let_through(realm, "gateway", "old")
    scopes = {each["name"]: each["id"] for each in realm.get("client-scopes")}
    for scope in ("profile", "email"):
        realm.session.delete(realm.at("clients", realm.uuid("web"), "default-client-scopes", scopes[scope]))
    return realm


def add(realm: TestRealm, client: str, mapper: Mapping[str, Any], name: str) -> str:
    at = realm.at("clients", realm.uuid(client), "protocol-mappers", "models")
    return realm.session.create(at, {**mapper, "name": name})


def fixed(claim: str, value: Any) -> dict[str, Any]:
    """A mapper that writes one value of JSON."""
    made = kind("oidc-hardcoded-claim-mapper", claim_name=claim, claim_value=json.dumps(value))
    return {**made, "config": {**made["config"], "jsonType.label": "JSON"}}


@pytest.fixture
def put(home: TestRealm) -> Iterator[Put]:
    """Gives a client one mapper, in the place of the last one."""
    ids: dict[str, str] = {}

    def put(made: Mapping[str, Any], client: str = "web") -> None:
        if client in ids:
            at = home.at("clients", home.uuid(client), "protocol-mappers", "models", ids[client])
            home.session.put(at, {**made, "id": ids[client], "name": "theirs"})
        else:
            ids[client] = add(home, client, made, "theirs")

    yield put
    for client in ids:
        home.delete_mapper(client, "theirs")


def users_of(home: TestRealm) -> Users:
    return Users(home, RandomRealm(0, clients={name: {"publicClient": False} for name in NAMES}))


def passes(users: Users) -> dict[str, bool]:
    """Whether each exchange takes a new token of ``web``."""
    users.forget()
    token = users.token("web", users.realm.user)
    assert token
    triples = {STANDARD: STANDARD_TRIPLE, LEGACY: LEGACY_TRIPLE}
    return {exchange: users.exchange(asks, token, to)[0] for exchange, (asks, _, to) in triples.items()}


def test_what_keycloak_does_not_read_is_known(home: TestRealm, put: Put) -> None:
    """``make gates``: each value of each claim."""
    users, web, wrong = users_of(home), home.client("web"), []
    rules = claim_rules(read_features(home.session))
    pairs = [(claim, value) for claim in sorted({*SHAPES, *TAKEN}) for value in VALUES]
    for claim, value in pairs if NUMBER >= EACH else pairs[::EACH]:
        made = fixed(claim, value)
        put(made)
        client = Client(web["id"], "web", {"clientId": "web"}, ({**made, "name": "theirs"},))
        found = [*failing(client, {}, (), RoleFacts(), rules)]
        expected = {each: not any(as_source(found, each, foreign=True)) for each in (STANDARD, LEGACY)}
        if (got := passes(users)) != expected:
            wrong.append(f"{claim} = {value!r}: Keycloak {got}, computed {expected}")
    assert not wrong, "\n".join(wrong)


def test_keycloaks_own_client_scopes_spoil_nothing(home: TestRealm) -> None:
    scopes = home.get("client-scopes")
    assert {"profile", "email", "phone", "roles"} <= {each["name"] for each in scopes}
    assert not [mapper for scope in scopes for mapper in scope.get("protocolMappers") or () if may_fail(mapper)]


MAPPERS = {
    "a time": fixed("nbf", "x"),
    "another session": fixed("sid", "x"),
    "a part of a claim": kind("oidc-hardcoded-claim-mapper", claim_name="realm_access.x", claim_value="x"),
    "a part within a part": kind("oidc-hardcoded-claim-mapper", claim_name="resource_access.api", claim_value="x"),
    "roles of a client": kind("oidc-hardcoded-claim-mapper", claim_name="resource_access.api.roles", claim_value="x"),
    "a key": kind("oidc-hardcoded-claim-mapper", claim_name="cnf.jkt", claim_value="x"),
    "another client": kind("oidc-hardcoded-claim-mapper", claim_name="azp", claim_value="gateway"),
    "of the user": kind("oidc-usermodel-property-mapper", claim_name="updated_at", user_attribute="username"),
    "nothing of the user": kind("oidc-usermodel-attribute-mapper", claim_name="updated_at", user_attribute="none"),
    "a session of the user": kind("oidc-usermodel-property-mapper", claim_name="sid", user_attribute="username"),
    "what is read": fixed("allowed-origins", ["x"]),
}


def test_all_commands_say_what_keycloak_does(home: TestRealm, put: Put) -> None:
    users, triples = users_of(home), [STANDARD_TRIPLE, LEGACY_TRIPLE]
    wrong: list[str] = []
    for name, mapper in MAPPERS.items():
        put(mapper)
        users.forget()
        forget()
        found = survey(home.session, home.name)
        facts = survey_roles(home.session, found)
        reach = realm_reach(found, facts)
        told = [*against_inventory(reach, inventory(found, facts, {}), users.made, [*triples])]
        for triple in triples:
            told += against_keycloak(home, reach, users, triple, home.user)
        wrong += [f"{name}: {each}" for each in told]
    assert not wrong, "\n".join(wrong)


@pytest.mark.standard_exchange
def test_of_two_that_write_a_claim_one_comes_last(home: TestRealm, put: Put) -> None:
    """No token shows which: what may be refused is no fault, and is told."""
    put(fixed("email", {}))
    second = add(home, "web", fixed("email", "x"), "second")
    try:
        forget()
        found = survey(home.session, home.name)
        said = realm_reach(found, survey_roles(home.session, found)).verdict(*STANDARD_TRIPLE)
        assert said.allowed and any("'second'" in each and "does not replace it" in each for each in said.conditions)
        assert refused(home, "api", STANDARD) == ()
    finally:
        home.session.delete(home.at("clients", home.uuid("web"), "protocol-mappers", "models", second))


def refused(home: TestRealm, requester: str, exchange: str) -> tuple[str, ...]:
    """Why a new grant is."""
    grant = {"name": "g", "realm": home.name, "sources": ["web"], "requester": requester, "target": "fifth"}
    spec, _ = read_grant({**grant, "exchange": exchange}, {"owner": OWNER})
    assert spec
    forget()
    return judge([spec], home.connection, preflight.ask_server(home.connection, questions([spec]))).faults


@pytest.mark.standard_exchange
def test_a_new_grant_is_refused_where_no_exchange_works(home: TestRealm, put: Put) -> None:
    """The source's tokens count in both. The new token is made of the requester or, by the legacy one, of the target."""
    users = users_of(home)
    exchanges = {STANDARD: ("api", None), LEGACY: ("old", "fifth")}
    mappers = {
        "not made": (kind(ROLE_MAPPER), kind(ROLE_MAPPER, role="offline_access")),
        "not taken": (fixed("nbf", "x"), fixed("nbf", 1)),
    }

    def each_mapper() -> Iterator[tuple[str, str]]:
        for (name, (mapper, harmless)), client in itertools.product(mappers.items(), NAMES):
            put(mapper, client)
            yield name, client
            put(harmless, client)

    said = {
        (*where, exchange): refused(home, requester, exchange)
        for where in each_mapper()
        for exchange, (requester, _) in exchanges.items()
    }
    let_through(home, "fifth", "old")  # from here on the legacy grant is not new
    fail = set()
    for where in each_mapper():
        users.forget()
        token = users.token("web", home.user)
        for exchange, (requester, audience) in exchanges.items():
            if token is None or not users.exchange(requester, token, audience)[0]:
                fail.add((*where, exchange))
    of_source = {(name, "web", exchange) for name in mappers for exchange in exchanges}
    assert fail == {*of_source, ("not made", "api", STANDARD), ("not made", "fifth", LEGACY)}
    assert {where for where, faults in said.items() if faults} == fail
    for where in fail:
        (fault,) = said[where]
        assert f"tokens of '{where[1]}'" in fault and "the mapper 'theirs'" in fault


def told(home: TestRealm, user: str | None = None) -> tuple[list[bool | None], bool]:
    """What dry runs say, and whether the doctor finds a sure reason."""
    forget()
    cases = [
        Case("g", home.name, STANDARD, RECIPIENT, "web", "api", "api"),
        Case("g", home.name, LEGACY, THIRD, "web", "old", "gateway", "gateway"),
    ]
    predictor, doctor = Predictor(home.session, cases, user), Doctor(AnswerCache(home.session), Asked(as_user=user))
    outlooks = [predictor.predict(case).outlook for case in cases]
    return outlooks, all(any(each.sure for each in found.findings) for found in doctor.examine(cases))


@pytest.mark.standard_exchange
def test_who_and_what_is_switched_off(home: TestRealm) -> None:
    """A disabled user, a disabled realm, tokens that are called back, a signature that the server cannot make."""
    users = users_of(home)
    user = home.get("users", username=home.user)[0]
    at = home.at("users", user["id"])
    token = users.token("web", home.user)
    assert token and told(home, home.user) == ([True, True], False)

    def refused_now() -> bool:
        return not any(users.exchange(asks, token, to)[0] for asks, to in (("api", None), ("old", "gateway")))

    home.session.put(at, {**user, "enabled": False})
    try:
        assert refused_now() and told(home, home.user) == ([False, False], True)
    finally:
        home.session.put(at, {**user, "enabled": True})
    home.session.put(home.at(), {"enabled": False})
    try:
        assert refused_now() and told(home) == ([False, False], True)
    finally:
        home.session.put(home.at(), {"enabled": True})
    home.change("web", notBefore=int(time.time()) + 3600)
    try:
        assert passes(users) == {STANDARD: False, LEGACY: False} and told(home) == ([False, False], True)
    finally:
        home.change("web", notBefore=0)
    home.change("api", attributes={ALGORITHM: "none"})
    home.change("gateway", attributes={ALGORITHM: "none"})
    try:
        assert passes(users) == {STANDARD: False, LEGACY: False} and told(home) == ([False, False], True)
    finally:
        home.change("api", attributes={ALGORITHM: ""})
        home.change("gateway", attributes={ALGORITHM: ""})
    assert passes(users) == {STANDARD: True, LEGACY: True}


@pytest.mark.standard_exchange
def test_a_subject_of_each_client_is_of_the_same_user(home: TestRealm, put: Put) -> None:
    """Of clients with a pairwise ``sub`` the exchanged token has another one, in the same session."""
    put(kind("oidc-sha256-pairwise-sub-mapper", pairwiseSubAlgorithmSalt="x"))
    case = Case("g", home.name, STANDARD, RECIPIENT, "web", "api", "api")
    verdict = prove(home.session, case, Subject(home.user, PASSWORD), lambda realm, client: "s")
    assert verdict.subject_claims and verdict.exchanged_claims and verdict.proved, verdict
    assert verdict.subject_claims.sub != verdict.exchanged_claims.sub
