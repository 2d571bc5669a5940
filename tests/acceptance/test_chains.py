"""Whole chains of exchanges are proved for a user, bound tokens too; what cannot be tried is not called refused."""

from collections.abc import Callable
from typing import Any

import pytest

from exchange.verify.command import _code
from exchange.verify.report import NOT_PROVED, PROVED, REFUSED, result
from reach.proof import Case, Subject, Verdict
from tests.acceptance.test_verify import denied, outputs, tried
from tests.support.in_process import Stack
from tests.support.realms import PASSWORD, TestRealm

SERVICE: dict[str, object] = {"directAccessGrantsEnabled": False, "standardFlowEnabled": False}
CLIENTS: dict[str, dict[str, object]] = {
    "web": {},
    "spa": {"attributes": {"dpop.bound.access.tokens": "true"}},
    **dict.fromkeys(("a", "b", "c", "d", "m", "lone", "left", "right"), SERVICE),
}
GRANTS = {
    "one": {"sources": ["web"], "target": "a"},
    "two": {"sources": ["a"], "target": "b"},
    "three": {"sources": ["b"], "target": "c"},
    "back": {"sources": ["c"], "target": "a"},
    "third": {"sources": ["web"], "requester": "m", "target": "d"},
    "fourth": {"sources": ["m"], "target": "d"},
    "bound": {"sources": ["spa"], "target": "b", "flows": ["requester"]},
    "lonely": {"sources": ["lone"], "target": "b"},
    "to-left": {"sources": ["right"], "target": "left"},
    "to-right": {"sources": ["left"], "target": "right"},
}


def stack_of(realm: TestRealm, exchange: str) -> Stack:
    stack = Stack(realm.robot)
    stack.up(*({"name": name, "realm": realm.name, "exchange": exchange, **each} for name, each in GRANTS.items()))
    return stack


def by_grant(realm: TestRealm, cases: list[Case]) -> dict[str, Verdict]:
    user = Subject(realm.user, PASSWORD)
    return {each.case.grant: each for each in tried(realm, cases, user, givers=cases)}


@pytest.mark.dpop
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_a_chain_is_proved_for_a_user(make_realm: Callable[..., TestRealm], exchange: str) -> None:
    realm = make_realm("standard" if exchange == "standard" else "legacy", **CLIENTS)
    stack = stack_of(realm, exchange)
    cases = outputs(realm, stack).cases()
    found = by_grant(realm, cases)
    results = {name: result(each) for name, each in found.items()}
    untried = ("lonely", "to-left", "to-right")
    reasons = {name: each.reason for name, each in found.items()}
    assert results == {name: NOT_PROVED if name in untried else PROVED for name in GRANTS}, reasons
    assert {name: each.via for name, each in found.items() if each.via} == {
        "two": ("one",),
        "three": ("one", "two"),
        "back": ("one", "two", "three"),
        "fourth": ("third",),
    }
    subs = {each.exchanged_claims.sub for each in found.values() if each.exchanged_claims}
    assert len(subs) == 1
    lonely = found["lonely"]
    assert (lonely.tried, lonely.outlook, lonely.notes[:1]) == (False, True, ("predicted: would work",))
    assert lonely.reason and lonely.reason.endswith(
        "Client not allowed for direct access grants; let a grant of this stack give 'lone' its token, switch on its Direct "
        "access grants for the proof, or prove it by hand"
    )
    assert "grant 'to-right' gives 'right' no token: no token for user testuser2 from 'left'" in str(
        found["to-left"].reason
    )
    assert _code([*found.values()], ()) == 3
    denials = denied(realm, outputs(realm, stack), Subject(realm.user, PASSWORD))
    assert {each.exchange.source for each in denials.values() if each.result == "not tried"} == {
        "lone",
        "left",
        "right",
        "m",  # what it has names 'd' alone
    }

    realm.change("a", enabled=False)
    found = by_grant(realm, cases)
    assert {name: result(found[name]) for name in ("one", "two")} == {"one": NOT_PROVED, "two": NOT_PROVED}
    assert "'a' is enabled" in str(found["one"].reason) and found["one"].outlook is False
    assert _code([found["one"]], ()) == 1
    realm.change("a", enabled=True)
    if exchange == "standard":
        realm.change("a", attributes={"standard.token.exchange.enabled": "false"})
        found = by_grant(realm, cases)
        assert {name: result(found[name]) for name in ("one", "two")} == {"one": REFUSED, "two": NOT_PROVED}
        assert "grant 'one' gives 'a' no token: 400 " in str(found["two"].reason)


@pytest.mark.standard_exchange
def test_a_circle_is_entered_where_a_user_can_log_in(make_realm: Callable[..., TestRealm]) -> None:
    realm = make_realm("standard", web={}, left={}, right=SERVICE)
    stack = Stack(realm.robot)
    circle: list[dict[str, Any]] = [
        {"name": name, **GRANTS[name], "realm": realm.name} for name in ("to-left", "to-right")
    ]
    stack.up(*circle)
    found = by_grant(realm, outputs(realm, stack).cases())
    assert {name: (result(each), each.via) for name, each in found.items()} == {
        "to-left": (PROVED, ("to-right",)),
        "to-right": (PROVED, ()),
    }
