"""Proofs: what a real exchange must show, and that nothing of it stays open or is asked for twice."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kcadmin.objects.client_secrets import ClientSecrets
from kcadmin.rest.errors import HttpError, InvalidSettings, KeycloakError, Refusal, Unreachable
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from reach.proof import Case, Prover, Subject, choose_subject, prove
from tests.unit.fake_token_endpoint import LEGACY, OTHER_KEY, STANDARD, USER, FakeRealm, sign

RECIPIENT = Case("g", "r", "standard", "recipient", "frontend", "api", "api")
REQUESTER = Case("g", "r", "standard", "requester", "frontend", "frontend", "api", audience="api")
ALICE = Subject("alice", "pw-alice")
SECRET = "s3cret"


def secrets(realm: str, client_id: str) -> str:
    return SECRET


def exchanged(token: str) -> dict[str, str]:
    return {"access_token": token}


@pytest.mark.parametrize(
    ("case", "claims"),
    [
        (RECIPIENT, {}),
        (RECIPIENT, {"aud": ["account", "api"]}),
        (REQUESTER, {"azp": "frontend"}),
        (replace(RECIPIENT, exchange="legacy"), LEGACY),
        (RECIPIENT, {"jti": "onltte:2", "sub": None}),
    ],
    ids=["aud text", "aud list", "requester", "legacy", "lightweight, same session"],
)
def test_proved(case: Case, claims: dict[str, Any]) -> None:
    realm = FakeRealm(exchanged=exchanged(sign({**STANDARD, **claims})))
    verdict = prove(realm.session, case, ALICE, secrets)
    assert (verdict.proved, verdict.reason, verdict.refused, verdict.left_open) == (True, None, False, ())
    assert verdict.subject_claims and verdict.subject_claims.azp == "frontend"
    assert verdict.exchanged_claims and "api" in verdict.exchanged_claims.aud


@pytest.mark.parametrize("claim", ["act", "may_act"])
def test_a_token_by_which_somebody_acts_for_the_user_is_not_exchanged(claim: str) -> None:
    subject = {"access_token": sign({**USER, claim: {"sub": "agent"}}), "refresh_token": "refresh"}
    realm = FakeRealm(subject=subject)
    verdict = prove(realm.session, RECIPIENT, ALICE, secrets)
    assert (verdict.proved, verdict.tried, verdict.is_wrong) == (False, False, True)
    assert (
        f"the subject token contains '{claim}', by which somebody acts for the user; by its documentation Keycloak 26.8"
        in str(verdict.reason)
    )
    assert not any("subject_token" in form for _, form in realm.asked)


def test_before_26_2_only_the_legacy_exchange_can_have_answered() -> None:
    subject, made = sign({**USER, "jti": str(uuid4())}), sign({**LEGACY, "jti": str(uuid4())})
    realm = FakeRealm(subject={"access_token": subject}, exchanged=exchanged(made))
    assert prove(realm.session, replace(RECIPIENT, exchange="legacy"), ALICE, secrets).proved
    verdict = prove(realm.session, RECIPIENT, ALICE, secrets)
    assert verdict.reason == "the legacy exchange answered: the standard one needs Keycloak 26.2 or later"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (lambda: sign({**STANDARD, "sub": "other", "sid": "t"}), "its sub is 'other' and the subject's is 'user-1'"),
        (lambda: sign({**STANDARD, "sub": None, "sid": "t"}), "its sub is '' and"),
        (lambda: sign({**STANDARD, "sub": None, "sid": None}), "its sub is '' and"),
        (lambda: sign({**STANDARD, "azp": "frontend"}), "its azp is 'frontend' and not the requester 'api'"),
        (lambda: sign({**STANDARD, "aud": "account"}), "its aud is 'account' without the target 'api'"),
        (lambda: sign({**STANDARD, "aud": "api-2"}), "without the target 'api'"),
        (lambda: sign({**STANDARD, "aud": None}), "without the target 'api'"),
        (lambda: sign(LEGACY), "the legacy exchange answered: the switch of 'api' (Standard token exchange) is off"),
        (lambda: sign({**STANDARD, "jti": "5f0a"}), "does not tell which exchange answered"),
        (lambda: sign({**STANDARD, "jti": str(uuid4())}), "does not tell which exchange answered"),
        (lambda: sign({**STANDARD, "jti": "onrtro:2"}), "does not tell which exchange answered"),
        (lambda: sign({**STANDARD, "iat": int(time.time()) + 30, "exp": int(time.time()) + 30}), "its lifetime is 0 s"),
        (lambda: sign(STANDARD, seconds=-3600), "the exchanged token is not valid: Signature has expired"),
        (lambda: sign(STANDARD, key=OTHER_KEY), "the exchanged token is not valid: Signature verification failed"),
        (
            lambda: sign(STANDARD, kid="unknown"),
            "the exchanged token is not valid: its key 'unknown' is none of realm 'r'",
        ),
        (
            lambda: sign({**STANDARD, "iss": "https://elsewhere/realms/r"}),
            "the exchanged token is not valid: Invalid issuer",
        ),
        (lambda: "no.jwt.here", "the exchanged token is not valid"),
    ],
)
def test_status_200_alone_proves_nothing(token: Callable[[], str], why: str) -> None:
    verdict = prove(FakeRealm(exchanged=exchanged(token())).session, RECIPIENT, ALICE, secrets)
    assert not verdict.proved and not verdict.refused
    assert verdict.reason and why in verdict.reason


@pytest.mark.parametrize(
    ("changes", "claims", "why"),
    [
        ({"lifespan": 60}, {}, None),
        ({"lifespan": 59}, {}, "its lifetime is 60 s and the grant's tokenLifespan 59 s"),
        ({"exchange_scope": "to-api"}, {"scope": "email to-api"}, None),
        ({"exchange_scope": "to-api"}, {}, "its scope is 'email' without 'to-api', which was asked for"),
        ({"narrow": True}, {}, None),
        (
            {"narrow": True},
            {"scope": "email phone address"},
            "its scope has 'address', 'phone', which the subject token has not, against noWiderScopes",
        ),
    ],
)
def test_lifetime_and_scopes(changes: dict[str, Any], claims: dict[str, Any], why: str | None) -> None:
    realm = FakeRealm(exchanged=exchanged(sign({**STANDARD, **claims})))
    verdict = prove(realm.session, replace(RECIPIENT, **changes), ALICE, secrets)
    assert (verdict.proved, verdict.reason, verdict.notes) == (why is None, why, ())


def test_scopes_that_nobody_asked_for_are_noted() -> None:
    realm = FakeRealm(exchanged=exchanged(sign({**STANDARD, "scope": "email phone"})))
    verdict = prove(realm.session, RECIPIENT, ALICE, secrets)
    assert verdict.proved and verdict.notes == ("wider than the subject token by scope 'phone'",)


def test_two_tokens_that_tell_no_user_prove_nothing() -> None:
    realm = FakeRealm(
        subject={"access_token": sign({**USER, "sub": None, "sid": None})},
        exchanged=exchanged(sign({**STANDARD, "sub": None, "sid": None})),
    )
    assert prove(realm.session, RECIPIENT, Subject(), secrets).reason == "its sub is '' and the subject's is ''"


def test_a_switch_that_is_on_shadows_the_legacy_grant() -> None:
    verdict = prove(FakeRealm().session, replace(RECIPIENT, exchange="legacy"), ALICE, secrets)
    assert verdict.reason and verdict.reason.startswith("the standard exchange answered: the switch of 'api'")


@pytest.mark.parametrize(
    ("step", "status", "error", "words", "reason"),
    [
        (
            "exchanged",
            403,
            "access_denied",
            "Client is not within the token audience",
            "403 access_denied: Client is not within the token audience",
        ),
        (
            "exchanged",
            400,
            "invalid_request",
            "Requested audience not available: api",
            "400 invalid_request: Requested audience not available: api",
        ),
        (
            "subject",
            401,
            "invalid_grant",
            "Invalid user credentials",
            "no token for user alice from 'frontend': 401 invalid_grant: Invalid user credentials; check the name, and the "
            "password in KEYCLOAK_USER_PASS",
        ),
    ],
)
def test_keycloaks_own_words(step: str, status: int, error: str, words: str, reason: str) -> None:
    realm = FakeRealm(status={step: status})
    setattr(realm, step, {"error": error, "error_description": words})
    verdict = prove(realm.session, RECIPIENT, ALICE, secrets)
    is_no = step == "exchanged"
    assert (verdict.proved, verdict.refused, verdict.tried, verdict.reason) == (False, is_no, is_no, reason)
    assert bool(verdict.subject_claims) == is_no


def test_what_is_sent() -> None:
    realm = FakeRealm()
    case = replace(REQUESTER, login_scope="at-login", exchange_scope="at-exchange")
    prove(realm.session, case, ALICE, secrets)
    login, exchange = realm.forms("token")
    assert login == {
        "grant_type": "password",
        "client_id": "frontend",
        "client_secret": SECRET,
        "scope": "at-login",
        "username": "alice",
        "password": "pw-alice",
    }
    assert exchange == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "client_id": "frontend",
        "client_secret": SECRET,
        "subject_token": realm.subject["access_token"],  # type: ignore[index]
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": "api",
        "scope": "at-exchange",
    }


def test_recipient_flow_sends_no_audience_and_no_scope() -> None:
    realm = FakeRealm()
    prove(realm.session, RECIPIENT, ALICE, secrets)
    assert not {"audience", "scope"} & set(realm.forms("token")[1])


def test_a_public_client_shows_no_secret() -> None:
    realm = FakeRealm()
    prove(realm.session, RECIPIENT, ALICE, lambda _, client_id: "" if client_id == "frontend" else SECRET)
    assert "client_secret" not in realm.forms("token")[0] and realm.forms("token")[1]["client_secret"] == SECRET


def test_a_private_key_signs_a_new_assertion_each_time() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    realm = FakeRealm()
    prove(realm.session, RECIPIENT, ALICE, lambda *_: pem)
    assertions = [form["client_assertion"] for form in realm.forms("token")]
    assert len(set(assertions)) == 2 and not any("client_secret" in form for form in realm.forms("token"))


def test_a_broken_private_key_is_named_and_not_shown() -> None:
    with pytest.raises(InvalidSettings, match="client 'frontend': its private key") as raised:
        prove(FakeRealm().session, RECIPIENT, ALICE, lambda *_: "-----BEGIN nothing-----")
    assert "nothing" not in str(raised.value)


def test_a_user_logs_in_once_for_all_and_is_logged_out_once() -> None:
    realm = FakeRealm()
    with Prover(realm.session, secrets) as prover:
        for case in (RECIPIENT, REQUESTER, replace(RECIPIENT, grant="h")):
            prover.prove(case, ALICE)
        assert not realm.forms("logout")
    assert [form["grant_type"] for form in realm.forms("token")].count("password") == 1
    assert [form["refresh_token"] for form in realm.forms("logout")] == ["refresh"]
    assert not realm.forms("revoke")
    assert realm.looked_up.count("certs") == realm.looked_up.count("openid-configuration") == 1


def test_a_wrong_password_is_tried_once() -> None:
    realm = FakeRealm(subject={"error": "invalid_grant"}, status={"subject": 401})
    with Prover(realm.session, secrets) as prover:
        reasons = {prover.prove(case, ALICE).reason for case in (RECIPIENT, REQUESTER)}
    assert len(realm.forms("token")) == 1
    assert reasons == {"no token for user alice from 'frontend': 401 invalid_grant: no description"}


def test_tokens_of_a_service_account_are_revoked_by_their_own_clients() -> None:
    realm = FakeRealm(subject={"access_token": sign(USER)})
    assert prove(realm.session, RECIPIENT, Subject(), secrets).proved
    assert realm.forms("token")[0]["grant_type"] == "client_credentials"
    assert [form["client_id"] for form in realm.forms("revoke")] == ["api", "frontend"]
    assert not realm.forms("logout")


def test_a_refused_exchange_and_an_invalid_token_are_ended_too() -> None:
    realm = FakeRealm(exchanged={"error": "access_denied"}, status={"exchanged": 403})
    prove(realm.session, RECIPIENT, ALICE, secrets)
    assert len(realm.forms("logout")) == 1
    realm = FakeRealm(subject={"access_token": sign(USER)}, exchanged=exchanged(sign(STANDARD, key=OTHER_KEY)))
    prove(realm.session, RECIPIENT, Subject(), secrets)
    assert len(realm.forms("revoke")) == 2


def test_what_could_not_be_ended_is_named() -> None:
    verdict = prove(FakeRealm(status={"logout": 400}).session, RECIPIENT, ALICE, secrets)
    assert verdict.proved
    assert verdict.left_open == (
        "a token of 'frontend' was not ended (400 invalid_request: no description); it lives until it expires.",
    )


@pytest.mark.parametrize(("endpoint", "status"), [("logout", 200), ("logout", 302), ("revoke", 204), ("revoke", 302)])
def test_what_keycloak_does_not_answer_ended_nothing(endpoint: str, status: int) -> None:
    realm = FakeRealm(status={endpoint: status})
    if endpoint == "revoke":
        realm.subject = {"access_token": sign(USER)}
    verdict = prove(realm.session, RECIPIENT, ALICE if endpoint == "logout" else Subject(), secrets)
    assert verdict.proved and verdict.left_open
    assert all("was not ended (Keycloak at" in each for each in verdict.left_open), verdict.left_open


@pytest.mark.parametrize(
    ("said", "is_ended"),
    [
        ("", True),
        ({"error": "invalid_token", "error_description": "Invalid token"}, True),
        ({"error": "unknown_error"}, False),
        ({"error": "invalid_token", "page": "of a proxy"}, False),
        ("<html>", False),
    ],
    ids=str,
)
def test_only_a_token_that_is_ended_already_may_be_called_invalid(said: object, is_ended: bool) -> None:
    realm = FakeRealm(subject={"access_token": sign(USER)}, revoked=said)
    assert bool(prove(realm.session, RECIPIENT, Subject(), secrets).left_open) is not is_ended


def test_a_connection_that_breaks_leaves_the_other_tokens_to_be_ended() -> None:
    realm = FakeRealm(subject={"access_token": sign(USER)})
    with Prover(realm.session, secrets) as prover:
        prover.prove(RECIPIENT, Subject())
        realm.breaks = 1
    assert prover.left_open == [
        "a token of 'api' may not be ended, since the connection broke; it lives until it expires."
    ]
    assert len(realm.forms("revoke")) == 1


def test_no_answer_ends_the_run() -> None:
    realm = FakeRealm()
    with pytest.raises(Unreachable), Prover(realm.session, secrets) as prover:
        prover.prove(replace(RECIPIENT, source="other"), ALICE)
        prover.prove(RECIPIENT, ALICE)
        realm.down = True
        prover.prove(REQUESTER, ALICE)
    assert prover.left_open == ["tokens of 'frontend' and others were not ended: the server no longer answers."]


@pytest.mark.parametrize("step", ["subject", "exchanged"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_away_refuses_nothing(step: str, status: int) -> None:
    realm = FakeRealm(**{step: {"error": "unknown_error"}}, status={step: status})
    verdict = prove(realm.session, RECIPIENT, ALICE, secrets)
    assert not verdict.proved and not verdict.refused
    assert verdict.reason and verdict.reason.endswith("run the same command again.")


def test_a_server_that_is_away_does_not_refuse_a_secret() -> None:
    endpoint = TokenEndpoint(FakeRealm(status={"introspect": 503}).session, "r")
    with pytest.raises(HttpError, match="503"):
        endpoint.knows(ClientCredentials("web", "s"))


def test_a_page_before_keycloak_is_named() -> None:
    with pytest.raises(KeycloakError, match="answered 502 with text/html"):
        prove(FakeRealm(subject="<html>", status={"subject": 502}).session, RECIPIENT, ALICE, secrets)


def test_no_secret_and_no_token_is_shown() -> None:
    realm = FakeRealm()
    verdict = prove(realm.session, RECIPIENT, ALICE, secrets)
    token = realm.exchanged["access_token"]  # type: ignore[index]
    assert ALICE.password not in repr(verdict) and token not in repr(verdict) and SECRET not in repr(verdict)


@pytest.mark.parametrize(
    ("environ", "client", "expected"),
    [
        ({"KEYCLOAK_USER": "alice", "KEYCLOAK_USER_PASS": "pw-alice"}, None, ALICE),
        ({}, {"serviceAccountsEnabled": True}, Subject()),
        (
            {"KEYCLOAK_USER": "alice"},
            None,
            "user 'alice' in realm 'r': is chosen without a password; set KEYCLOAK_USER_PASS.",
        ),
        (
            {},
            {"serviceAccountsEnabled": False},
            "has no service account whose token could be exchanged; set KEYCLOAK_USER",
        ),
        ({}, None, "client 'frontend' in realm 'r': does not exist"),
    ],
)
def test_choose_subject(environ: dict[str, str], client: dict[str, Any] | None, expected: Subject | str) -> None:
    session = FakeRealm(clients={"frontend": client} if client else {}).session
    if isinstance(expected, Subject):
        assert choose_subject(session, "r", "frontend", environ) == expected
    else:
        with pytest.raises(Refusal) as raised:
            choose_subject(session, "r", "frontend", environ)
        assert expected in str(raised.value)


def test_a_case_without_a_secret_says_so() -> None:
    verdict = prove(FakeRealm().session, RECIPIENT, ALICE, ClientSecrets(FakeRealm().session, {}, read=False))
    assert not verdict.proved and verdict.reason and "client 'frontend' in realm 'r': does not exist" in verdict.reason
