"""Proofs, predictions and denials against a real server, of what a whole stack exports."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from exchange.stack.stack import StackOutputs as Outputs
from exchange.verify.deny import IMPLIED, NOT_TRIED, REFUSED, UNDECLARED, Denial, attempts, deny
from exchange.verify.verify import verify
from kcadmin.objects.features import SWITCH, read_features
from kcadmin.objects.robot import GUARDS, LEGACY
from kcadmin.rest.errors import Forbidden, Refusal
from kcadmin.rest.session import Session
from reach.declared import declared, opened_by
from reach.exchanges import Exchange
from reach.prediction import Predictor
from reach.proof import Case, Subject, Verdict, prove
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.realms import PASSWORD, TestRealm

SERVICE = {"serviceAccountsEnabled": True}
CLIENTS: Mapping[str, dict[str, object]] = {
    "shop": {**SERVICE},
    "orders": {"directAccessGrantsEnabled": False},
    "bills": {**SERVICE},
    "desk": {"directAccessGrantsEnabled": False},
}
BOSS, OTHER = "testuser2", "somebody"


def grants(realm: TestRealm, exchange: str) -> list[dict[str, Any]]:
    """Every flow, with conditions and without."""
    each = {"realm": realm.name, "exchange": exchange}
    return [
        {"name": "plain", "sources": ["shop"], "target": "orders", "flows": ["recipient", "requester"], **each},
        {"name": "third", "sources": ["shop"], "requester": "orders", "target": "bills", **each},
        {
            "name": "bosses",
            "sources": ["bills"],
            "target": "desk",
            "requiredRoles": ["boss"],
            "tokenLifespan": 77,
            **each,
        },
    ]


def outputs(realm: TestRealm, stack: Stack, *guards: str) -> Outputs:
    return Outputs(stack.exported, realm.url, realm.name, {"guards": json.dumps(guards)})


def secrets(realm: str, client_id: str) -> str:
    return "s"


def no_secrets(realm: str, client_id: str) -> str:
    raise Refusal(f"client '{client_id}': its secret is not known.")


def tried(realm: TestRealm, cases: list[Case], user: Subject | None, **how: Any) -> list[Verdict]:
    forget()
    left_open: list[str] = []
    its = how.pop("secrets", secrets)
    verdicts = verify(Session(realm.connection), cases, user, its, left_open=left_open, **how)
    assert left_open == []
    return verdicts


def what_tokens_say(verdict: Verdict) -> list[object]:
    claims = (verdict.subject_claims, verdict.exchanged_claims)
    return [each and (each.sub, each.azp, sorted(each.aud), sorted(each.scopes), each.lifetime) for each in claims]


def denied(realm: TestRealm, stack: Outputs, user: Subject | None, **how: Any) -> dict[Exchange, Denial]:
    forget()
    session = Session(realm.connection)
    todo = attempts(session, stack.cases(), stack.cases(), stack.guards)
    left_open: list[str] = []
    denials = deny(session, todo, user, how.get("secrets", secrets), left_open=left_open)
    assert left_open == []
    return {denial.exchange: denial for denial in denials}


def with_result(denials: Mapping[Exchange, Denial], result: str) -> set[Exchange]:
    return {exchange for exchange, denial in denials.items() if denial.result == result}


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_what_is_predicted_is_what_happens(make_realm: Callable[..., TestRealm], exchange: str) -> None:
    realm = make_realm("legacy", **CLIENTS)
    realm.add_role("boss", BOSS)
    realm.add_user(OTHER)
    stack = Stack(realm.robot)
    stack.up(*grants(realm, exchange))
    cases = outputs(realm, stack).cases()
    for name in (BOSS, OTHER):
        proved = tried(realm, cases, Subject(name, PASSWORD))
        dry = tried(realm, cases, Subject(name), dry_run=True, secrets=no_secrets)
        assert [verdict.outlook for verdict in dry] == [verdict.proved for verdict in proved]
        assert all(verdict.proved for verdict in proved) == (name == BOSS)
        for foreseen, real in zip(dry, proved, strict=True):
            assert foreseen.dry and not foreseen.proved and not real.dry
            if real.proved:
                assert what_tokens_say(foreseen) == what_tokens_say(real)
    bosses = next(each for each in tried(realm, cases, Subject(BOSS, PASSWORD)) if each.case.grant == "bosses")
    assert bosses.exchanged_claims and bosses.exchanged_claims.lifetime == bosses.case.lifespan == 77

    without = {(each.case.grant, each.case.flow): each for each in tried(realm, cases, None)}
    assert without["plain", "recipient"].proved and without["third", "third"].proved
    needs_user = without["bosses", "recipient"]
    assert needs_user.dry and needs_user.outlook is None and not needs_user.proved
    assert needs_user.reason == "only if the user has the role 'boss'"
    assert needs_user.notes[0].endswith("requires boss of users, so a service account proves nothing; give --as-user")
    dry = tried(realm, cases, None, secrets=no_secrets)
    assert all(each.dry and "its secret is not known" in each.notes[0] for each in dry if each.case.grant != "bosses")
    assert [each.outlook for each in dry if each.case.grant != "bosses"] == [True, True, True]

    realm.change("orders", enabled=False)  # as requester, and as target, which not each server minds
    proved, dry = tried(realm, cases, Subject(BOSS, PASSWORD)), tried(realm, cases, Subject(BOSS), dry_run=True)
    assert [verdict.outlook for verdict in dry] == [verdict.proved for verdict in proved]
    assert not any(verdict.proved for verdict in proved if verdict.case.requester == "orders")
    realm.change("orders", enabled=True)

    break_by_hand(realm, exchange)
    proved = tried(realm, cases, Subject(BOSS, PASSWORD))
    dry = tried(realm, cases, Subject(BOSS), dry_run=True)
    assert [verdict.outlook for verdict in dry] == [verdict.proved for verdict in proved]
    reasons = " ".join(str(verdict.reason) for verdict in dry)
    if exchange == "standard":
        assert "the legacy exchange would answer: the switch of 'orders'" in reasons
    else:
        assert "no token-exchange permission of 'bills' lets 'orders' through" in reasons
        switched = "the standard exchange would answer: the switch of 'shop'" in reasons
        assert switched == read_features(realm.session).standard_exchange
    assert "the subject token's aud is 'account' without the requester 'desk'" not in reasons


def break_by_hand(realm: TestRealm, exchange: str) -> None:
    """A switch that is off, or one that is on; a permission without policies."""
    switch = SWITCH.removeprefix("attributes.")
    if exchange == "standard":
        realm.change("orders", attributes={switch: "false"})
        return
    realm.change("shop", attributes={switch: "true"})
    at = realm.at("clients", realm.uuid("bills"), "management", "permissions")
    realm.session.put_json(at, {"enabled": False})


def hides_tokens(realm: TestRealm, robot: Session) -> bool:
    """Whether the server shows tokens of others only to who has view-users; older ones show them to each manager of clients."""
    user = realm.get("clients", realm.uuid("shop"), "service-account-user")["id"]
    at = realm.at("clients", realm.uuid("shop"), "evaluate-scopes", "generate-example-access-token")
    try:
        return not robot.get(at, userId=user)
    except Forbidden:
        return True


def test_a_dry_run_says_what_it_may_not_see(make_realm: Callable[..., TestRealm]) -> None:
    realm = make_realm("legacy", shop=SERVICE, bills={})
    stack = Stack(realm.robot)
    grant = {"realm": realm.name, "sources": ["shop"], "target": "bills", "flows": ["recipient", "requester"]}
    stack.up({"name": "new", **grant})
    cases = outputs(realm, stack).cases()
    forget()
    with pytest.raises(Refusal, match=r"user 'testuser2' .*cannot be read by this login \(403\); .*view-users"):
        verify(Session(realm.robot(LEGACY, GUARDS)), cases, Subject(BOSS), no_secrets, dry_run=True)
    forget()
    with pytest.raises(Refusal, match=r"user 'nobody' .*does not exist"):
        verify(Session(realm.connection), cases, Subject("nobody"), no_secrets, dry_run=True)
    forget()
    robot = Session(realm.robot(LEGACY, GUARDS))
    verdicts = verify(robot, cases, None, no_secrets)
    hidden, standard = hides_tokens(realm, robot), read_features(realm.session).standard_exchange
    for verdict in verdicts:
        assert verdict.outlook and ("view-users" in " ".join(verdict.unknown)) == hidden
        assert verdict.subject_claims and "bills" in verdict.subject_claims.aud
        basis = [*verdict.basis]
        assert not standard or basis.pop(0).endswith("is on")
        permitted = not standard and verdict.case.flow == "requester"
        assert ("token-exchange permission" if permitted else "audience mapper") in basis[0]
    mappers = [each["name"] for each in realm.client("shop")["protocolMappers"] if "audience" in each["name"]]
    realm.delete_mapper("shop", *mappers)
    assert [each.outlook for each in tried(realm, cases, None, secrets=no_secrets)] == [False, not standard]


@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_what_no_grant_declares_is_refused_or_implied(make_realm: Callable[..., TestRealm], exchange: str) -> None:
    realm = make_realm("legacy", **CLIENTS)
    realm.add_role("boss", BOSS)
    stack = Stack(realm.robot)
    stack.up(*grants(realm, exchange))
    out, user = outputs(realm, stack), Subject(BOSS, PASSWORD)
    before = denied(realm, out, user)
    assert with_result(before, UNDECLARED) == set()
    assert {each.exchange.source for each in before.values() if each.result == NOT_TRIED} == set()
    reach = opened_by(out.cases(), legacy=True)
    named = declared(out.cases())
    implied = {each for each in reach.exchanges(CLIENTS) if each not in named and each.audience != each.requester}
    assert with_result(before, IMPLIED) == {
        each for each in implied if (each.source, each.audience) != (each.requester, None)
    }
    assert with_result(before, REFUSED) and Exchange("orders", "shop", "bills") not in before

    realm.mapper("bills", "by-hand", "shop")
    realm.change("shop", attributes={SWITCH.removeprefix("attributes."): "true"})
    realm.mapper("shop", "by-hand-too", "desk")
    after = denied(realm, out, user)
    holes = with_result(after, UNDECLARED)
    assert all("shop" in each or each.source == "shop" for each in holes)
    hole, by_hand = Exchange("shop", "bills", None), "the audience mapper 'by-hand' of 'bills'"
    assert hole in holes and by_hand in after[hole].why
    wider = {Exchange("shop", source, "desk") for source in ("shop", "bills")}
    if not read_features(realm.session).standard_exchange:
        assert not wider & holes and not any("switch" in each for each in after[hole].why)
        return
    assert wider <= holes
    denial = after[Exchange("shop", "bills", "desk")]
    assert str(denial) == "'shop' turns a token of 'bills' into one for 'desk'"
    assert denial.why == ("the switch of 'shop' is on", by_hand, "the audience mapper 'by-hand-too' of 'shop'")


@pytest.mark.exchange_guards
def test_what_guards_close_is_tried_too(make_realm: Callable[..., TestRealm]) -> None:
    realm = make_realm("legacy", shop=SERVICE, orders={"directAccessGrantsEnabled": False}, bills=SERVICE)
    guards = ("requesters", "sources")
    stack = Stack(realm.robot, guards=guards)
    grant = {"realm": realm.name, "exchange": "legacy", "flows": ["requester"]}
    stack.up({"name": "one", "sources": ["shop"], "target": "bills", **grant})
    out = outputs(realm, stack, *guards)
    denials = denied(realm, out, None)
    assert {each.result for each in denials.values()} == {REFUSED} and len(denials) == 5
    realm.session.put(realm.at("client-policies", "policies"), {"policies": []})
    open_ = with_result(denied(realm, out, None), UNDECLARED)
    assert Exchange("shop", "bills", "bills") in open_

    untried = denied(realm, out, None, secrets=no_secrets)
    assert with_result(untried, UNDECLARED) == open_ and not with_result(untried, REFUSED)
    assert untried[Exchange("shop", "bills", "bills")].why[0] == "computed and not tried"


@pytest.mark.standard_exchange
def test_a_token_that_names_an_actor_is_not_exchanged(realm: TestRealm) -> None:
    """As any administrator of the source can write one. Keycloak itself exchanges it, up to 26.7."""
    realm.change("api", attributes={SWITCH.removeprefix("attributes."): "true"})
    for holder in ("frontend", "api"):
        realm.mapper(holder, "to-api", "api")
    config = {
        "claim.name": "act",
        "claim.value": '{"sub":"agent"}',
        "jsonType.label": "JSON",
        "access.token.claim": "true",
    }
    mapper = {"name": "actor", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper"}
    at = realm.at("clients", realm.uuid("frontend"), "protocol-mappers", "models")
    case = Case("g", realm.name, "standard", "recipient", "frontend", "api", "api")
    user = Subject(realm.user, PASSWORD)

    def both() -> list[Verdict]:
        forget()
        predictor = Predictor(realm.session, [case], realm.user)
        return [prove(realm.session, case, user, secrets), predictor.predict(case)]

    proved, predicted = both()
    assert proved.proved and predicted.outlook
    realm.session.post(at, {**mapper, "config": config})
    for found in both():
        assert found.is_wrong and "the subject token contains 'act', by which somebody acts" in str(found.reason), found
