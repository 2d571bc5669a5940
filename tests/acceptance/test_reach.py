"""Nothing unexpected: of eight clients and a dozen grants, the server allows exactly the exchanges that are computed."""

from collections.abc import Callable
from typing import Any

import pytest

from components.closure import declared, reach_of
from components.grant_spec import read_grant
from components.planning import plan
from components.wiring import GrantPlan, questions
from kcadmin.reach import Exchange
from kcadmin.robot import STANDARD
from kcadmin.tokens import TokenRefused
from providers import preflight
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


def asked(realm: TestRealm, grants: list[GrantPlan]) -> preflight.Facts:
    forget()
    asked_for = questions([grant.spec for grant in grants])
    return preflight.ask(realm.robot(STANDARD), preflight.Questions(asked_for.clients, ask_features=True))
