"""Tokens that are bound to a key (DPoP, mTLS): preflight, graph, dry run, doctor and inventory say what Keycloak does."""

import itertools
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import jwt
import pulumi
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from exchange.inventory.grants import inventory
from grants.plan import questions
from grants.planning import plan
from grants.spec import read_grant
from kcadmin.objects.features import LEGACY, STANDARD
from local import keycloak
from local.layout import keycloak_version
from reach import preflight
from reach.allowed import realm_reach
from reach.prediction import Predictor
from reach.roles import survey_roles
from reach.survey import survey
from reach.verdict import RECIPIENT, REQUESTER, THIRD, Case
from tests.acceptance.test_one_answer import let_through
from tests.conftest import NEEDS
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.realms import PASSWORD, TOKEN_EXCHANGE, TestRealm

DPOP = {"attributes": {"dpop.bound.access.tokens": "true"}}
MTLS = {"attributes": {"tls.client.certificate.bound.access.tokens": "true"}}
CLIENTS: dict[str, dict[str, Any]] = {"bff": DPOP, "cert": MTLS, "web": {}, "api": {}, "hop": {}}
SWITCH = "standard.token.exchange.enabled"
REJECTED = "Sender-constrained token exchange rejected as the token was not issued for the requesting client"
NO_PROOF = "DPoP proof is missing"


class Caller:
    """Somebody with a key who may send a proof of it."""

    def __init__(self, realm: TestRealm) -> None:
        self._realm = realm
        self._url = f"{realm.url}/realms/{realm.name}/protocol/openid-connect/token"

    def post(self, client: str, key: ec.EllipticCurvePrivateKey | None, **form: str) -> dict[str, Any]:
        headers = {"DPoP": self._proof(key)} if key else {}
        form = {"client_id": client, "client_secret": "s", **form}
        return dict(requests.post(self._url, data=form, headers=headers, timeout=120).json())

    def token(self, client: str, key: ec.EllipticCurvePrivateKey | None = None) -> str:
        answer = self.post(client, key, grant_type="password", username=self._realm.user, password=PASSWORD)
        return str(answer["access_token"])

    def exchange(self, client: str, token: str, audience: str | None, key: ec.EllipticCurvePrivateKey | None) -> str:
        """What the token is bound to, or the refusal."""
        kind = "urn:ietf:params:oauth:token-type:access_token"
        asked = {"audience": audience} if audience else {}
        answer = self.post(
            client, key, grant_type=TOKEN_EXCHANGE, subject_token=token, subject_token_type=kind, **asked
        )
        if "access_token" not in answer:
            return str(answer["error_description"])
        return "bound" if "cnf" in jwt.decode(answer["access_token"], options={"verify_signature": False}) else "free"

    def _proof(self, key: ec.EllipticCurvePrivateKey) -> str:
        claims = {"jti": secrets.token_hex(8), "htm": "POST", "htu": self._url, "iat": int(time.time())}
        public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
        return jwt.encode(claims, key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": public})


def set_scene(realm: TestRealm, exchange: str) -> None:
    for source in ("bff", "cert", "web"):
        for audience in ("api", "hop", "bff", "cert"):
            if audience != source:
                realm.mapper(source, f"to {audience}", audience)
    for client in ("hop", "api"):
        realm.mapper(client, "to api", "api")
    for name in CLIENTS:
        if exchange == STANDARD:
            realm.change(name, attributes={**CLIENTS[name].get("attributes", {}), SWITCH: "true"})
        elif name != "api":
            let_through(realm, "api", name)


# By requester, source and audience: what the standard and the legacy exchange answer without a proof, and with one.
ANSWERS: dict[tuple[str, str, str | None], tuple[tuple[str, str], tuple[str, str]]] = {
    ("api", "bff", None): ((REJECTED, REJECTED), ("free", "bound")),
    ("hop", "bff", "api"): ((REJECTED, REJECTED), ("free", "bound")),
    ("bff", "bff", "api"): ((NO_PROOF, "bound"), (NO_PROOF, "bound")),
    ("bff", "web", "api"): ((NO_PROOF, "bound"), (NO_PROOF, "bound")),
    ("cert", "web", "api"): (("free", "bound"), ("free", "bound")),
    ("web", "web", "api"): (("free", "bound"), ("free", "bound")),
}


@pytest.mark.dpop
@pytest.mark.parametrize("exchange", [STANDARD, LEGACY])
def test_all_say_what_keycloak_answers(make_realm: Callable[..., TestRealm], exchange: str) -> None:
    realm = make_realm("standard" if exchange == STANDARD else "legacy", **CLIENTS)
    set_scene(realm, exchange)
    caller, key, other = Caller(realm), *(ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    tokens = {"bff": caller.token("bff", key), "web": caller.token("web")}
    forget()
    found = survey(realm.session, realm.name)
    facts = survey_roles(realm.session, found)
    reach = realm_reach(found, facts)
    rules = {
        (rule.requester, *pair) for rule in reach.rules() for pair in itertools.product(rule.sources, rule.audiences)
    }
    for (requester, source, audience), answers in ANSWERS.items():
        without, with_proof = answers[exchange == LEGACY]
        about = (requester, source, audience)
        assert caller.exchange(requester, tokens[source], audience, None) == without, about
        assert caller.exchange(requester, tokens[source], audience, key) == with_proof, about
        said = reach.verdict(requester, source, audience)
        assert said.allowed == (with_proof != REJECTED), (about, said)
        assert (f"'{requester}' sends a DPoP proof" in said.conditions) == (without == NO_PROOF), (about, said)
        if exchange == STANDARD:
            assert (about in rules) == said.allowed, about
        flow = RECIPIENT if audience is None else REQUESTER if requester == source else THIRD
        case = Case("g", realm.name, exchange, flow, source, requester, audience or requester, audience)
        dry = Predictor(realm.session, [case]).predict(case)
        assert dry.outlook is {REJECTED: False, NO_PROOF: None, "free": True}[without], (about, dry.reason)
        diagnosis = Doctor(AnswerCache(realm.session), Asked(as_user=realm.user)).examine([case])[0]
        assert [each.cause for each in diagnosis.findings] == (["source-bound"] if without == REJECTED else []), about
        assert ("requester-needs-proof" in {each.cause for each in diagnosis.notes}) == (without == NO_PROOF), about
    assert (caller.exchange("bff", tokens["bff"], "api", other) == "bound") == (exchange == LEGACY)
    own = reach.verdict("cert", "cert", "api")
    assert own.conditions == (
        ("'cert' shows the certificate that its token is bound to",) if exchange == STANDARD else ()
    )
    third = reach.verdict("hop", "cert", "api")
    assert third.allowed == (exchange == LEGACY)
    granted = {(grant.sources, grant.target, grant.flows) for grant in inventory(found, facts, {}).grants}
    recipients = {
        each for sources, target, flows in granted if target == "api" and RECIPIENT in flows for each in sources
    }
    assert "web" in recipients and ("bff" in recipients) == (exchange == LEGACY), granted


def told(realm: TestRealm, *grants: dict[str, Any]) -> list[str]:
    """What the preview says of grants."""
    specs = [spec for grant in grants for spec in read_grant(grant, {"owner": "org/project/stack"})[:1] if spec]
    forget()
    return list(plan(specs, preflight.ask_server(realm.connection, questions(specs))).notes)


@pytest.mark.dpop
def test_a_grant_of_a_bound_source(make_realm: Callable[..., TestRealm]) -> None:
    realm = make_realm("legacy", **CLIENTS)
    stack = Stack(realm.robot)
    grants = [
        {"name": "one", "sources": ["bff", "cert"], "target": "api", "flows": ["recipient"]},
        {"name": "two", "sources": ["bff"], "requester": "hop", "target": "api"},
        {"name": "own", "sources": ["bff"], "target": "api", "flows": ["requester"]},
    ]
    grants = [{**each, "realm": realm.name, "exchange": STANDARD} for each in grants]
    with pytest.raises(pulumi.RunError) as refused:
        stack.up(*grants)
    assert sorted(str(refused.value).splitlines()) == [
        f"grant '{name}' in realm '{realm.name}': tokens of source '{source}' are bound to its caller's key ({kind}), and the "
        f"standard exchange takes them only from '{source}', not from '{asks}'; let '{source}' ask with flows: [requester], "
        "or switch the binding off there."
        for name, source, kind, asks in (
            ("one", "bff", "DPoP", "api"),
            ("one", "cert", "mTLS", "api"),
            ("two", "bff", "DPoP", "hop"),
        )
    ]
    notes = told(realm, {**grants[2], "name": "old", "exchange": LEGACY}, {**grants[0], "exchange": LEGACY})
    at = f"in realm '{realm.name}'"
    assert f"note on grant 'old' {at}: Keycloak refuses the exchange unless 'bff' sends a DPoP proof." in notes
    for source in ("bff", "cert"):
        taken = f"grant 'one' {at}: the legacy exchange takes bound tokens of source '{source}' from 'api' without their key"
        assert [note for note in notes if note.startswith(taken)], notes
    stack.up(grants[2])
    caller, key = Caller(realm), ec.generate_private_key(ec.SECP256R1())
    assert caller.exchange("bff", caller.token("bff", key), "api", key) == "bound"
    stack.destroy()


@pytest.mark.standard_exchange
@pytest.mark.skipif(keycloak.number(keycloak_version()) >= keycloak.number(NEEDS["dpop"][0]), reason="it has DPoP")
def test_a_setting_that_the_server_does_not_heed_binds_nothing(make_realm: Callable[..., TestRealm]) -> None:
    realm = make_realm("standard", web=DPOP, api={})
    grant = {"name": "g", "realm": realm.name, "sources": ["web"], "target": "api", "exchange": STANDARD}
    Stack(realm.robot).up(grant)
    assert realm.exchange("api", realm.user_token("web"))["azp"] == "api"
    forget()
    found = survey(realm.session, realm.name)
    verdict = realm_reach(found, survey_roles(realm.session, found)).verdict("api", "web", None)
    assert verdict.allowed and not verdict.conditions
    case = Case("g", realm.name, STANDARD, RECIPIENT, "web", "api", "api")
    assert not Doctor(AnswerCache(realm.session), Asked(as_user=realm.user)).examine([case])[0].findings
