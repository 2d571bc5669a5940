"""The doctor names the right cause first of each way in which a working grant was broken, with and without the server's words.

Each break is real: the server refuses the exchange, or gives a token that is not as it must be.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from exchange.doctor import Asked, Diagnosis, Doctor
from exchange.stack import Stack as StackOutputs
from kcadmin.client_secrets import variable
from kcadmin.close_look import Looks
from kcadmin.proof import Case, Claims, check
from kcadmin.session import Session
from tests.conftest import Servers
from tests.support import breaks
from tests.support.breaks import Break, answer, attribute, client, guard, in_scope, instead, mapper, settings
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

BOTH, STANDARD, LEGACY = ("standard", "legacy"), ("standard",), ("legacy",)
RECIPIENT, REQUESTER = "recipient", "requester"
SWITCH, LIGHTWEIGHT = "standard.token.exchange.enabled", "client.use.lightweight.access.token.enabled"
SOON = int(time.time()) + breaks.HOUR
OVER = "2001-01-01 00:00:00"


@dataclass(frozen=True)
class Broken:
    """A break and the cause that is to be named. asked: what differs from the grant as people ask about it.

    on: whose finding it is, if that matters. stale: the token is from before the break. form: what the caller sends besides.
    refused: whether the server refuses, or gives a wrong token. secret: what the caller has. words: cause only with the text.
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
    "requester bearer-only": Broken("requester-bearer-only", client("api", bearerOnly=True)),
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
    "client-scope policy": Broken("policy-scope", instead("client-scope", clientScopes=breaks.some_scope), REQUESTER, LEGACY),
    "time within an aggregate": Broken("policy-time-closed", breaks.aggregate, REQUESTER, LEGACY),
    "on the target's own resource server": Broken("guide-objects", breaks.as_the_guide_does, REQUESTER, LEGACY),
}  # fmt: skip
GUARDS = pytest.mark.exchange_guards
CASES = [
    pytest.param(exchange, broken, id=f"{name}-{exchange}", marks=[GUARDS] if broken.cause.startswith("guard") else [])
    for name, broken in BREAKS.items()
    for exchange in broken.exchanges
]


@dataclass
class Working:
    """A realm with one grant, and what the doctor is told of it."""

    realm: TestRealm
    stack: Stack
    outputs: StackOutputs

    def grant(self) -> dict[str, Any]:
        return {
            "name": "g",
            "realm": self.realm.name,
            "sources": ["frontend"],
            "target": "api",
            "flows": [RECIPIENT, REQUESTER],
            "exchange": self.outputs.grants["g"]["exchange"] if self.outputs else "",
        }

    def case(self, flow: str) -> Case:
        return next(case for case in self.outputs.cases() if case.flow == flow)

    def diagnose(
        self,
        flow: str,
        error: str | None = None,
        secret: str | None = None,
        session: Session | None = None,
        **asked: Any,
    ) -> Diagnosis:
        realm = asked.pop("realm", self.realm.name)
        told = {"source": "frontend", "target": "api", "flow": flow, **asked}
        requester = told["source"] if flow == REQUESTER else told["target"]
        environ = {} if secret is None else {variable(requester): secret}
        exchange = self.case(flow).exchange
        doctor = Doctor(Looks(session or self.realm.session), Asked(error=error, exchange=exchange, **told), environ)
        found = doctor.look_at(doctor.cases(self.outputs, realm))
        assert len(found) == 1
        return found[0]

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
            flows = [RECIPIENT, REQUESTER]
            grant = {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "flows": flows}
            stack.up({**grant, "exchange": exchange})
            outputs = StackOutputs(stack.exported, realm.url, realm.name, {})
            made[exchange] = Working(realm, stack, outputs)
        return made[exchange]

    yield make
    for each in made.values():
        each.realm.remove()


@pytest.mark.parametrize(("exchange", "broken"), CASES)
def test_the_right_cause_comes_first(working: Callable[[str], Working], exchange: str, broken: Broken) -> None:
    its = working(exchange)
    case = its.case(broken.flow)
    before = its.diagnose(broken.flow)
    assert (before.findings, before.notes, before.unseen) == ((), (), ()) and len(before.in_order) >= 8
    old = its.realm.user_token("frontend") if broken.stale else ""
    with broken.do(its.realm):
        asked = {"secret": broken.secret, **broken.asked}
        error = None
        if not broken.silent:
            token = old or its.realm.user_token("frontend")
            error, faults = its.exchanged(case, token, broken.form)
            assert error or faults, "the break breaks nothing"
        found = its.diagnose(broken.flow, **asked)
        told = its.diagnose(broken.flow, error, **asked) if error else found
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
