"""The doctor names the right cause first of each way in which a working grant was broken, with and without the server's words.

Each break is real: the server refuses the exchange, or gives a token that is not as it must be.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jwt
import pytest
from typer.testing import CliRunner

from exchange.cli import app
from exchange.doctor.doctor import Asked, Diagnosis, Doctor
from exchange.doctor.finding import REFRESH
from exchange.doctor.realm_reader import AnswerCache
from exchange.stack.stack import StackOutputs
from kcadmin.objects import robot
from kcadmin.objects.client_secrets import variable
from kcadmin.objects.features import Features, read_features
from kcadmin.rest.session import Session
from local import keycloak
from local.layout import keycloak_version
from reach.proof import Case, Claims, check
from tests.conftest import Servers
from tests.support import breaks
from tests.support.breaks import (
    Break,
    Permission,
    answer,
    attribute,
    client,
    guard,
    in_scope,
    instead,
    mapper,
    settings,
)
from tests.support.in_process import Stack
from tests.support.realms import LIGHTWEIGHT, TESTER, TESTER_SECRET, TestRealm

BOTH, STANDARD, LEGACY = ("standard", "legacy"), ("standard",), ("legacy",)
RECIPIENT, REQUESTER = "recipient", "requester"
SWITCH = "standard.token.exchange.enabled"
SOON = int(time.time()) + breaks.HOUR
ALWAYS = {"notBefore": "2001-01-01 00:00:00"}
OVER = "2001-01-01 00:00:00"


@dataclass(frozen=True)
class Broken:
    """A break and the cause that is to be named. asked: what differs from the grant as people ask about it.

    on: whose finding it is, if that matters. stale: the token is from before the break. form: what the caller sends besides.
    secret: what the caller has. words: only the error text leads to it. silent: nothing is asked of the server.
    """

    cause: str
    do: Break
    flow: str = RECIPIENT
    exchanges: tuple[str, ...] = BOTH
    on: str = ""
    stale: bool = False
    asked: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    words: bool = False
    silent: bool = False


BREAKS: dict[str, Broken] = {
    # Clients, realm, users
    "realm disabled": Broken("realm-disabled", settings({"enabled": True}, enabled=False), stale=True),
    "realm misspelled": Broken("realm-missing", breaks.nothing, asked={"realm": "no-such-realm"}, silent=True),
    "requester disabled": Broken("requester-disabled", client("api", enabled=False)),
    "requester public": Broken(
        "requester-public", client("api", {"publicClient": False, "secret": "s"}, publicClient=True), form={"client_secret": ""}
    ),
    "requester bearer-only": Broken(
        "requester-bearer-only", client("api", {"bearerOnly": False, "secret": "s"}, bearerOnly=True)
    ),
    "requester misspelled": Broken("requester-missing", breaks.nothing, asked={"target": "apy"}, form={"client_id": "apy"}),
    "requester shows a JWT": Broken(
        "requester-authenticator",
        client("api", {"clientAuthenticatorType": "client-secret"}, clientAuthenticatorType="client-jwt"),
        secret="s",
    ),
    "secret rotated": Broken("requester-secret", client("api", {"secret": "s"}, secret="another"), secret="s"),
    "secret mistyped": Broken("requester-secret", breaks.nothing, secret="wrong", form={"client_secret": "wrong"}),
    "source disabled": Broken("source-disabled", client("frontend", enabled=False), stale=True),
    "source misspelled": Broken("source-missing", breaks.nothing, asked={"source": "fronted"}, silent=True),
    "source's tokens revoked": Broken(
        "source-not-before", client("frontend", {"notBefore": 0}, notBefore=SOON), stale=True
    ),
    "realm's tokens revoked": Broken("realm-not-before", settings({"notBefore": 0}, notBefore=SOON), stale=True),
    "target disabled": Broken("target-disabled", client("api", enabled=False), REQUESTER),
    "target misspelled": Broken(
        "target-missing", breaks.nothing, REQUESTER, asked={"target": "apy"}, form={"audience": "apy"}
    ),
    "requester speaks SAML": Broken("requester-protocol", client("api", {"protocol": "openid-connect"}, protocol="saml")),
    "user disabled": Broken(
        "user-disabled", breaks.user({}, enabled=False), stale=True, asked={"as_user": "testuser2"}
    ),
    "user misspelled": Broken("user-missing", breaks.nothing, asked={"as_user": "testuser3"}, silent=True),
    "user logged out": Broken(
        "user-logged-out", breaks.logged_out, stale=True, asked={"as_user": "testuser2"}, words=True
    ),
    "requester demands consent": Broken(
        "requester-consent", client("frontend", consentRequired=True), REQUESTER, STANDARD, stale=True
    ),
    "target demands consent": Broken("target-consent", client("api", consentRequired=True), REQUESTER, LEGACY),
    # Switches
    "switched off": Broken("switch-off", attribute("api", SWITCH, "false", "true"), exchanges=STANDARD),
    "switched off, requester": Broken(
        "switch-off", attribute("frontend", SWITCH, "", "true"), REQUESTER, STANDARD, on="frontend"
    ),
    "switched on": Broken("switch-on", attribute("frontend", SWITCH, "true", ""), REQUESTER, LEGACY, on="frontend"),
    "refresh token wanted": Broken(
        "refresh-off", breaks.nothing, exchanges=STANDARD, words=True,
        form={"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
    ),
    # Audiences
    "mapper deleted": Broken("mapper-missing", breaks.no_mapper("frontend"), on="frontend"),
    "mapper deleted, requester": Broken(
        "mapper-missing", breaks.no_mapper("frontend"), REQUESTER, STANDARD, on="frontend"
    ),
    "target's own mapper deleted": Broken("mapper-missing", breaks.no_mapper("api"), on="api"),
    "mapper not for access tokens": Broken("mapper-off", mapper("frontend", access_token_claim="false")),
    "mapper names another": Broken("mapper-names-another", mapper("frontend", included_client_audience="third")),
    "mapper names nobody": Broken("mapper-names-nobody", mapper("frontend", included_client_audience="apy")),
    "target renamed": Broken(
        "mapper-names-nobody", breaks.renamed("api", "api-2"), asked={"target": "api-2"}, form={"client_id": "api-2"}
    ),
    "lightweight tokens": Broken(
        "mapper-lightweight",
        breaks.together(attribute("frontend", LIGHTWEIGHT, "true"), mapper("frontend", lightweight_claim=None)),
    ),
    "audience on request": Broken("scope-on-request", in_scope("frontend", "api", "optional")),
    "audience's scope taken away": Broken("scope-not-held", in_scope("frontend", "api", None)),
    "audience's scope switched off": Broken(
        "mapper-off", in_scope("frontend", "api", "default", **{"access.token.claim": "false"})
    ),
    "user without the role": Broken(
        "user-role", in_scope("frontend", "api", "default", "clerk"), asked={"as_user": "testuser2"}
    ),
    "full scope off": Broken("full-scope-off", breaks.only_by_roles),
    # Guards
    "rejected by a client policy": Broken("guard-rejects", guard({"executor": "reject-request", "configuration": {}})),
    "only declared requesters": Broken("guard-requester", guard(breaks.enforces("pulumi.exchange.requesters", "(?!)"))),
    "only other sources": Broken("guard-source", guard(breaks.enforces("azp", "^(third)$"))),
    "only other users": Broken(
        "guard-user", guard(breaks.enforces("preferred_username", "^boss$")), asked={"as_user": "testuser2"}
    ),
    "no wider scopes": Broken(
        "guard-scopes", guard({"executor": "downscope-assertion-grant-enforcer", "configuration": {}}), REQUESTER, STANDARD
    ),
    # The request
    "unknown scope": Broken(
        "scope-not-held-by-requester", breaks.nothing, exchanges=STANDARD, form={"scope": "nonesuch"}, words=True
    ),
    "damaged token": Broken("subject-token-stale", breaks.nothing, form={"subject_token": "x.y.z"}, words=True),
    "an ID token": Broken(
        "subject-token-of-another-type", breaks.nothing, words=True,
        form={"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
    ),
    # The legacy exchange's permission
    "permissions off": Broken("permission-off", breaks.permission_off, REQUESTER, LEGACY),
    "last policy deleted": Broken("permission-gone", breaks.permission_gone, REQUESTER, LEGACY),
    "permission renamed": Broken("permission-renamed", breaks.permission(name="may exchange"), REQUESTER, LEGACY),
    "no policy": Broken("permission-empty", breaks.permission(policies=[]), REQUESTER, LEGACY),
    "scope taken out": Broken("permission-without-scope", breaks.permission(scopes=["view"]), REQUESTER, LEGACY),
    "two permissions": Broken("permission-beside-another", breaks.second_permission, REQUESTER, LEGACY),
    "unanimous with a stranger's": Broken(
        "permission-unanimous",
        instead("client", "UNANIMOUS", beside=True, clients=breaks.client_uuids("third")), REQUESTER, LEGACY,
    ),
    "policy for another client": Broken(
        "policy-other-client", instead("client", clients=breaks.client_uuids("third")), REQUESTER, LEGACY
    ),
    "policy without a client": Broken("policy-no-client", instead("client", clients=[]), REQUESTER, LEGACY),
    "policy negative": Broken(
        "policy-negative", instead("client", logic="NEGATIVE", clients=breaks.client_uuids("frontend")), REQUESTER, LEGACY
    ),
    "user policy": Broken("policy-never-matches", instead("user", users=breaks.the_user), REQUESTER, LEGACY),
    "policy on an address": Broken(
        "policy-never-matches",
        instead("regex", targetClaim="kc.client.network.ip_address", pattern="127.*", targetContextAttributes=True),
        REQUESTER, LEGACY,
    ),
    "time over": Broken("policy-time-closed", instead("time", notOnOrAfter=OVER), REQUESTER, LEGACY),
    "hour that is none": Broken("policy-time-closed", instead("time", hour="99", hourEnd="99"), REQUESTER, LEGACY),
    "date in another form": Broken("policy-broken", instead("time", notBefore="2020-01-01T00:00:00Z"), REQUESTER, LEGACY),
    "role policy": Broken("policy-service-account", instead("role", roles=breaks.some_role), REQUESTER, LEGACY),
    "group policy": Broken(
        "policy-service-account",
        breaks.together(client("frontend", serviceAccountsEnabled=True), instead("group", groups=breaks.some_group)),
        REQUESTER, LEGACY,
    ),
    "group policy without a service account": Broken(
        "policy-broken", instead("group", beside=True, groups=breaks.some_group), REQUESTER, LEGACY
    ),
    "client-scope policy": Broken(
        "policy-scope" if keycloak.number(keycloak_version()) >= (26, 0) else "policy-broken",
        instead("client-scope", clientScopes=breaks.some_scope), REQUESTER, LEGACY,
    ),
    "client-scope policy beside": Broken(
        "policy-broken", instead("client-scope", beside=True, clientScopes=breaks.some_scope), REQUESTER,
        LEGACY if keycloak.number(keycloak_version()) < (26, 0) else (),
    ),
    "time within an aggregate": Broken("policy-time-closed", breaks.aggregate, REQUESTER, LEGACY),
    "on the target's own resource server": Broken(
        "guide-objects", breaks.together(breaks.permission_off, breaks.guide_objects), REQUESTER, LEGACY
    ),
}  # fmt: skip
NEEDS = {
    "switch-on": pytest.mark.standard_exchange,
    "target-disabled": pytest.mark.refused_targets,
    **{f"guard-{what}": pytest.mark.exchange_guards for what in ("rejects", "requester", "source", "user", "scopes")},
}
"""Causes that not each server knows."""
CASES = [
    pytest.param(exchange, broken, id=f"{name}-{exchange}", marks=NEEDS.get(broken.cause, ()))
    for name, broken in BREAKS.items()
    for exchange in broken.exchanges
]


def grant(realm: TestRealm, exchange: str) -> dict[str, Any]:
    flows = [RECIPIENT, REQUESTER]
    clients = {"sources": ["frontend"], "target": "api"}
    return {"name": "g", "realm": realm.name, **clients, "flows": flows, "exchange": exchange}


@dataclass
class Working:
    """A realm with one grant, and what the doctor is told of it."""

    realm: TestRealm
    stack: Stack
    outputs: StackOutputs

    @cached_property
    def features(self) -> Features:
        return read_features(self.realm.session)

    def case(self, flow: str) -> Case:
        return next(case for case in self.outputs.cases() if case.flow == flow)

    def looks(self, session: Session | None = None) -> AnswerCache:
        """What a diagnosis reads, each thing once."""
        return AnswerCache(session or self.realm.session, self.features)  # which stay, and are a long answer

    def diagnose(
        self,
        flow: str,
        error: str | None = None,
        secret: str | None = None,
        session: Session | None = None,
        looks: AnswerCache | None = None,
        **asked: Any,
    ) -> Diagnosis:
        realm = asked.pop("realm", self.realm.name)
        told = {"source": "frontend", "target": "api", "flow": flow, **asked}
        requester = told["source"] if flow == REQUESTER else told["target"]
        environ = {} if secret is None else {variable(requester): secret}
        exchange = self.case(flow).exchange
        doctor = Doctor(looks or self.looks(session), Asked(error=error, exchange=exchange, **told), environ)
        found = doctor.examine(doctor.cases(self.outputs, realm))
        assert len(found) == 1
        return found[0]

    def assert_well(self) -> None:
        """Nothing is found in either flow, though all is looked at."""
        for found in (self.diagnose(flow) for flow in (RECIPIENT, REQUESTER)):
            assert (found.findings, found.notes, found.unseen) == ((), (), ()) and len(found.in_order) >= 8

    def exchanged(self, case: Case, token: str, form: Mapping[str, str]) -> tuple[str | None, list[str]]:
        """The server's refusal, or what is wrong with the token that it gives."""
        asked = {"audience": case.audience or "", "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}
        sent = {"subject_token": token, **asked, **form}
        requester = sent.pop("client_id", case.requester)
        subject = sent.pop("subject_token")
        refused, given = answer(self.realm, requester, subject, **sent)
        return refused, [] if given is None else check(case, _claims(token), _claims(given))


def _claims(token: str) -> Claims:
    return Claims.read(jwt.decode(token, options={"verify_signature": False}))


@pytest.fixture(scope="module")
def working(servers: Servers) -> Iterator[Callable[[str], Working]]:
    made: dict[str, Working] = {}

    def make(exchange: str) -> Working:
        if exchange not in made:
            server = servers("legacy")
            realm = TestRealm.make(server.url, server.admin_password, {"frontend": {}, "api": {}, "third": {}})
            stack = Stack(realm.connection)
            stack.up(grant(realm, exchange))
            outputs = StackOutputs(stack.exported, realm.url, realm.name, {})
            made[exchange] = Working(realm, stack, outputs)
            made[exchange].assert_well()
        return made[exchange]

    yield make
    for each in made.values():
        each.assert_well()  # each break was undone
        each.realm.remove()


@pytest.mark.parametrize(("exchange", "broken"), CASES)
def test_the_right_cause_comes_first(working: Callable[[str], Working], exchange: str, broken: Broken) -> None:
    its = working(exchange)
    case = its.case(broken.flow)
    old = its.realm.user_token("frontend") if broken.stale else ""
    with broken.do(its.realm):
        asked = {"secret": broken.secret, **broken.asked}
        error = None
        if not broken.silent:
            token = old or its.realm.user_token("frontend")
            error, faults = its.exchanged(case, token, broken.form)
            assert error or faults, "the break breaks nothing"
        looks = its.looks()
        found = its.diagnose(broken.flow, looks=looks, **asked)
        told = its.diagnose(broken.flow, error, looks=looks, **asked) if error else found
    if broken.words:
        assert found.findings == ()
    else:
        _named(found, broken)
    _named(told, broken)
    assert not error or told.reading, error


def _named(found: Diagnosis, broken: Broken) -> None:
    causes = [each.cause for each in found.findings]
    assert causes[:1] == [broken.cause], [each.sentence for each in (*found.findings, *found.notes)]
    first = found.findings[0]
    assert first.name == (broken.on or first.name)
    assert first.field or first.cause.endswith("-missing") or broken.words


@pytest.mark.parametrize("exchange", BOTH)
def test_what_a_run_is_said_to_mend_it_mends(working: Callable[[str], Working], exchange: str) -> None:
    its = working(exchange)
    for each in its.realm.client("api")["protocolMappers"]:
        its.realm.delete_mapper("api", each["name"])
    at = its.realm.at("clients", its.realm.uuid("frontend"), "protocol-mappers", "models")
    for each in its.realm.client("frontend")["protocolMappers"]:
        off = {**each["config"], "access.token.claim": "false"}
        its.realm.session.put(f"{at}/{each['id']}", {**each, "config": off})
    if exchange == "standard":
        its.realm.change("frontend", attributes={SWITCH: "false"})
    else:
        Permission(its.realm).put(policies=[])
    found = [*its.diagnose(RECIPIENT).findings, *its.diagnose(REQUESTER).findings]
    expected = ["mapper-off", "mapper-missing"]
    expected += ["switch-off", "mapper-off"] if exchange == "standard" else ["permission-empty"]
    assert [each.cause for each in found] == expected
    assert {each.remedy for each in found} == {REFRESH}
    its.stack.refresh()
    its.stack.up(grant(its.realm, exchange))
    assert [*its.diagnose(RECIPIENT).findings, *its.diagnose(REQUESTER).findings] == []


@pytest.mark.standard_exchange
def test_what_no_grant_declares(working: Callable[[str], Working]) -> None:
    its = working("standard")
    found = its.diagnose(RECIPIENT, source="third").findings
    assert [each.cause for each in found] == ["mapper-missing"]
    assert "declare a grant (sources: [third], target: api, flows: [recipient]) and run `pulumi up`" in found[0].remedy
    asked = {"source": "frontend", "target": "api", "requester": "third"}
    found = its.diagnose(REQUESTER, **asked).findings
    causes = [(each.cause, each.name, each.token) for each in found]
    assert causes == [
        ("switch-off", "third", ""),
        ("mapper-missing", "frontend", "subject"),
        ("mapper-missing", "third", "exchanged"),
    ]
    error = "400 invalid_request: Requested audience not available: api"
    assert its.diagnose(REQUESTER, error, **asked).findings[0].name == "third"
    error = "403 access_denied: Client is not within the token audience"
    assert its.diagnose(REQUESTER, error, **asked).findings[0].name == "frontend"


@pytest.mark.parametrize("exchange", BOTH)
def test_what_the_guide_makes_is_noted_where_it_does_nothing(working: Callable[[str], Working], exchange: str) -> None:
    its = working(exchange)
    with breaks.guide_objects(its.realm):
        found = its.diagnose(RECIPIENT)
        assert (found.findings, [each.cause for each in found.notes]) == ((), ["guide-objects"])
        told = its.diagnose(RECIPIENT, "Scope not found")
        assert [(each.cause, each.name) for each in told.findings] == [("guide-objects", "token-exchange.permission")]


@pytest.mark.standard_exchange
def test_a_login_that_may_not_see_everything(working: Callable[[str], Working]) -> None:
    its, fresh, events = (
        working("standard"),
        ["a fresh token of 'frontend'", "a fresh token of 'api'"],
        "events of the last hour",
    )
    session = Session(its.realm.robot(robot.LEGACY, robot.GUARDS))
    found = its.diagnose(RECIPIENT, session=session)
    assert found.findings == ()
    assert [what for what, _ in found.unseen] == [*fresh, events]
    assert all("403" in why for _, why in found.unseen)
    with breaks.no_mapper("frontend")(its.realm):
        assert its.diagnose(RECIPIENT, session=session).findings[0].cause == "mapper-missing"
    its = working("legacy")
    session = Session(its.realm.robot(robot.LEGACY, robot.GUARDS))
    found = its.diagnose(REQUESTER, session=session)
    assert (found.findings, [what for what, _ in found.unseen]) == ((), [events])
    with breaks.permission(policies=[])(its.realm):
        assert its.diagnose(REQUESTER, session=session).findings[0].cause == "permission-empty"


@pytest.mark.standard_exchange
def test_the_last_refusal_is_told(working: Callable[[str], Working]) -> None:
    its = working("standard")
    events = settings({"eventsEnabled": False}, eventsEnabled=True)
    with events(its.realm):
        assert its.diagnose(RECIPIENT).in_order[-1] == "no refusal of it among the events of the last hour"
        with breaks.no_mapper("frontend")(its.realm):
            refused, _ = its.exchanged(its.case(RECIPIENT), its.realm.user_token("frontend"), {})
            assert refused
        found = its.diagnose(RECIPIENT)
    assert found.findings == () and found.refused
    assert (found.refused.error, found.refused.reason) == ("not_allowed", "client is not within the token audience")
    assert found.refused.says == "Client is not within the token audience"
    assert abs(found.refused.time / 1000 - time.time()) < breaks.HOUR


@pytest.mark.standard_exchange
def test_nothing_is_written(working: Callable[[str], Working]) -> None:
    for exchange in BOTH:
        its = working(exchange)
        before = its.realm.export()
        with recorded() as requests:
            its.diagnose(RECIPIENT, session=Session(its.realm.connection))
            its.diagnose(REQUESTER, session=Session(its.realm.connection), secret="s")
        assert {method for method, _ in requests} == {"GET", "POST"}
        assert {at.rsplit("/", 1)[-1] for method, at in requests if method == "POST"} == {"introspect", "token"}
        assert its.realm.export() == before


@contextmanager
def recorded() -> Iterator[list[tuple[str, str]]]:
    """The requests that sessions send meanwhile."""
    sent: list[tuple[str, str]] = []
    original = Session._send

    def send(self: Session, method: str, at: str, **more: Any) -> Any:
        sent.append((method, at))
        return original(self, method, at, **more)

    Session._send = send  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        Session._send = original  # type: ignore[method-assign]


@pytest.mark.standard_exchange
def test_the_command_without_a_stack(working: Callable[[str], Working], monkeypatch: pytest.MonkeyPatch) -> None:
    its = working("standard")
    monkeypatch.setenv("KEYCLOAK_CLIENT_SECRET", TESTER_SECRET)
    where = ["--url", its.realm.url, "--realm", its.realm.name, "--client-id", TESTER]
    pair = ["--source", "frontend", "--target", "api"]
    healthy = CliRunner().invoke(app, ["doctor", *where, *pair])
    assert healthy.exit_code == 0, healthy.output
    assert "in order: flow=recipient exchange=standard source=frontend" in healthy.stdout
    with attribute("api", SWITCH, "false", "true")(its.realm):
        ill = CliRunner().invoke(app, ["doctor", *where, *pair, "--json", "--error", "-"], input='{"error":"nonesuch"}')
    assert ill.exit_code == 1 and "warning: the error text is not one of Keycloak's known texts" in ill.stderr
    found = json.loads(ill.stdout)["exchanges"][0]["findings"]
    place = {"kind": "client", "name": "api", "realm": its.realm.name}
    assert [each["cause"] for each in found] == ["switch-off"]
    assert (found[0]["object"], found[0]["field"], found[0]["value"]) == (place, f"attributes.{SWITCH}", "false")


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", BOTH)
def test_grants_with_conditions_and_guards(servers: Servers, exchange: str) -> None:
    server = servers("legacy")
    realm = TestRealm.make(server.url, server.admin_password, {client: {} for client in "abcdefghijkx"})
    realm.add_user("somebody")
    realm.add_role("payer", realm.user)
    both = {"flows": [RECIPIENT, REQUESTER]}
    grants: list[dict[str, Any]] = [
        {"name": "roles", "sources": ["a"], "target": "b", **both, "requiredRoles": ["payer"]},
        {"name": "request", "sources": ["c"], "target": "d", **both, "audience": "optionalScope"},
        {"name": "exact", "sources": ["e"], "target": "f", "exactAudience": True, "restrictFullScope": True},
        {"name": "third", "sources": ["g"], "requester": "h", "target": "i"},
        *(
            [{"name": "night", "sources": ["j"], "target": "k", "flows": [REQUESTER], "timeWindow": ALWAYS}]
            if exchange == "legacy"
            else []
        ),
    ]
    stack = Stack(realm.connection, guards=("requesters", "sources"))
    stack.up(*({**each, "realm": realm.name, "exchange": exchange} for each in grants))
    outputs = StackOutputs(stack.exported, realm.url, realm.name, {})

    def diagnose(**asked: Any) -> list[Diagnosis]:
        doctor = Doctor(AnswerCache(realm.session), Asked(**{"exchange": exchange, **asked}))
        return doctor.examine(doctor.cases(outputs, realm.name))

    anybody, holder = diagnose(), diagnose(as_user=realm.user)
    assert [(each.findings, each.unseen) for each in anybody] == [((), ())] * (7 if exchange == "legacy" else 6)
    assert [(each.findings, each.notes) for each in holder] == [((), ())] * len(anybody)
    notes = [(each.case.grant, note.cause) for each in anybody for note in each.notes]
    gate = "policy-scope" if exchange == "legacy" else "user-role"
    assert notes == [("roles", "user-role"), ("roles", gate)]
    ill = [(each.case.grant, each.findings[0].cause) for each in diagnose(as_user="somebody") if each.findings]
    assert ill == [("roles", "user-role"), ("roles", gate)]

    assert "guard-source" in [each.cause for each in diagnose(source="a", target="d")[0].findings]
    assert "guard-requester" in [each.cause for each in diagnose(source="a", target="x")[0].findings]
    realm.remove()
