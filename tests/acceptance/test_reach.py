"""Of eight clients and a dozen grants, the server allows exactly the exchanges that are computed: nothing unexpected."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from components.closure import declared, implied, reach_of
from components.grant_spec import read_grant
from components.planning import plan
from components.wiring import GrantPlan, asked_scopes, questions
from kcadmin.reach import Exchange
from kcadmin.robot import STANDARD
from kcadmin.tokens import TokenRefused
from providers import preflight
from providers.facts import Facts, Questions
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm
from tests.support.robots import purposes_of

CLIENTS = "abcdefgh"
GUARDED = ("requesters", "sources")
# name: sources, target, and who asks
GRANTS: dict[str, dict[str, Any]] = {
    "one": {"sources": ["a"], "target": "b"},
    "two": {"sources": ["b"], "target": "c", "flows": ["requester"]},
    "three": {"sources": ["c"], "target": "d", "flows": ["recipient", "requester"]},
    "four": {"sources": ["d"], "target": "a"},  # a ring
    "five": {"sources": ["a"], "requester": "e", "target": "f"},
    "six": {"sources": ["e"], "target": "f", "flows": ["requester"]},
    "seven": {"sources": ["f"], "target": "b", "flows": ["requester"]},
    "eight": {"sources": ["a", "g"], "target": "h"},
    "nine": {"sources": ["h"], "requester": "b", "target": "g"},
    "ten": {"sources": ["g"], "target": "a", "flows": ["requester"]},
    "eleven": {"sources": ["b", "c"], "requester": "h", "target": "e"},
    "twelve": {"sources": ["d"], "target": "h", "flows": ["requester"]},
}


def allowed_by_server(realm: TestRealm) -> set[Exchange]:
    tokens = {source: realm.user_token(source) for source in CLIENTS}
    found = set()
    for requester in CLIENTS:
        for source, token in tokens.items():
            for audience in (None, *CLIENTS):
                try:
                    realm.exchange(requester, token, audience)
                except TokenRefused:
                    continue
                found.add(Exchange(requester, source, audience))
    return found


@pytest.mark.parametrize(
    ("exchange", "guards"), [("standard", ()), ("legacy", ()), ("standard", GUARDED), ("legacy", GUARDED)]
)
def test_the_server_allows_what_is_computed(
    make_realm: Callable[..., TestRealm], exchange: str, guards: tuple[str, ...]
) -> None:
    realm = make_realm("legacy", **{client: {} for client in CLIENTS})
    grants = [{"name": name, "realm": realm.name, "exchange": exchange, **each} for name, each in GRANTS.items()]
    stack = Stack(realm.robot, guards=guards)
    before = planned(realm, grants, guards)
    stack.up(*grants)

    reach = reach_of(before, facts := asked(realm, before), guards, legacy=True)
    assert facts.features is not None and facts.features.legacy_exchange
    computed, allowed = set(reach.exchanges(CLIENTS)), allowed_by_server(realm)
    assert {*allowed - computed} == set() and {*computed - allowed} == set()
    assert declared(before) <= allowed
    if guards:
        own = {(flow.requester, flow.source) for grant in before for flow in grant.flows}
        assert {(each.requester, each.source) for each in allowed} <= own


SIMPLE: dict[str, dict[str, Any]] = {
    "one": {"sources": ["a", "b"], "target": "c", "flows": ["recipient", "requester"]},
    "two": {"sources": ["d"], "target": "e", "flows": ["requester"]},
}
CHAIN: dict[str, dict[str, Any]] = {
    "one": {"sources": ["a"], "target": "b", "flows": ["recipient", "requester"]},
    "two": {"sources": ["b"], "target": "c", "flows": ["requester"], "audience": "optionalScope"},
    "three": {"sources": ["d"], "target": "b"},
}


@pytest.mark.exchange_guards
@pytest.mark.parametrize(
    ("exchange", "shape"), [("standard", SIMPLE), ("legacy", SIMPLE), ("standard", CHAIN)], ids=["new", "old", "chain"]
)
def test_guards_leave_nothing_implied(
    make_realm: Callable[..., TestRealm], exchange: str, shape: dict[str, dict[str, Any]]
) -> None:
    """Where each requester has one target and one set of sources, or asks for each target by a scope."""
    clients = sorted({"stranger"}.union(*({*each["sources"], each["target"]} for each in shape.values())))
    realm = make_realm("legacy", **{client: {} for client in clients})
    grants = [{"name": name, "realm": realm.name, "exchange": exchange, **each} for name, each in shape.items()]
    stack = Stack(realm.robot, guards=GUARDED)
    before = planned(realm, grants, GUARDED)
    facts = asked(realm, before)
    assert list(implied(before, facts, GUARDED)) == []
    assert list(implied(before, facts)) or exchange == "legacy"
    stack.up(*grants)
    tokens = {source: realm.user_token(source) for source in clients}
    scopes = {requester: " ".join(names) for requester, names in asked_scopes(before).items()}
    for requester, source in itertools.product(clients, clients):
        for audience, scope in itertools.product((None, *clients), {None, scopes.get(requester)}):
            try:
                realm.exchange(requester, tokens[source], audience, **({"scope": scope} if scope else {}))
            except TokenRefused:
                continue
            target = None if audience == requester else audience
            assert Exchange(requester, source, target) in declared(before) or (source, target) == (requester, None)


def planned(realm: TestRealm, grants: list[dict[str, Any]], guards: tuple[str, ...]) -> list[GrantPlan]:
    specs = []
    for grant in grants:
        spec, faults = read_grant(grant, {"owner": "org/project/stack"})
        assert spec is not None, faults
        specs.append(spec)
    forget()
    found = plan(specs, preflight.ask(realm.robot(*purposes_of(specs)), questions(specs)), guards)
    assert not found.faults
    return list(found.grants)


def asked(realm: TestRealm, grants: list[GrantPlan]) -> Facts:
    forget()
    asked_for = questions([grant.spec for grant in grants])
    return preflight.ask(realm.robot(STANDARD), Questions(asked_for.clients, ask_features=True))
