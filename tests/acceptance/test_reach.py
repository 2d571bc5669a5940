"""Of eight clients and a dozen grants, the server allows exactly the exchanges that are computed: nothing unexpected."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from grants.implied import declared_exchanges, implied
from grants.plan import GrantPlan, questions
from grants.planned_guards import asked_scopes
from grants.planned_realm import holds_scope_of, planned_realm
from grants.planning import plan
from grants.spec import read_grant
from kcadmin.objects.robot import GUARDS, LEGACY
from kcadmin.rest.tokens import TokenRefused
from reach import preflight
from reach.allowed import RealmReach, realm_reach
from reach.exchanges import Exchange
from reach.surroundings import Surroundings, known_clients, surroundings
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
    renewed: Callable[..., TestRealm], exchange: str, guards: tuple[str, ...]
) -> None:
    realm = renewed("legacy", **{client: {} for client in CLIENTS})
    grants = [{"name": name, "realm": realm.name, "exchange": exchange, **each} for name, each in GRANTS.items()]
    stack = Stack(realm.robot, guards=guards)
    before = planned(realm, grants, guards)
    reach = reach_after(around(realm, before), before, guards)
    stack.up(*grants)

    computed = {
        Exchange(requester, source, to)
        for requester, source, to in itertools.product(CLIENTS, CLIENTS, (None, *CLIENTS))
        if reach.verdict(requester, source, to).allowed
    }
    allowed = allowed_by_server(realm)
    assert {*allowed - computed} == set() and {*computed - allowed} == set()
    assert declared_exchanges(before) <= allowed
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
    renewed: Callable[..., TestRealm], exchange: str, shape: dict[str, dict[str, Any]]
) -> None:
    """Where each requester has one target and one set of sources, or asks for each target by a scope."""
    clients = sorted({"stranger"}.union(*({*each["sources"], each["target"]} for each in shape.values())))
    realm = renewed("legacy", **{client: {} for client in clients})
    grants = [{"name": name, "realm": realm.name, "exchange": exchange, **each} for name, each in shape.items()]
    stack = Stack(realm.robot, guards=GUARDED)
    before = planned(realm, grants, GUARDED)
    found = around(realm, before)
    by_roles = (
        "may also turn the tokens that they may exchange into tokens for any client of which the user has a role."
    )
    guarded = [each.whole for each in implied(before, before, found, GUARDED)]
    assert [line.endswith(by_roles) for line in guarded] == [True] * (exchange == "standard")
    assert len(implied(before, before, found)) > len(guarded) or exchange == "legacy"
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
            assert Exchange(requester, source, target) in declared_exchanges(before) or (source, target) == (
                requester,
                None,
            )


def planned(realm: TestRealm, grants: list[dict[str, Any]], guards: tuple[str, ...]) -> list[GrantPlan]:
    specs = []
    for grant in grants:
        spec, faults = read_grant(grant, {"owner": "org/project/stack"})
        assert spec is not None, faults
        specs.append(spec)
    forget()
    found = plan(specs, preflight.ask_server(realm.robot(*purposes_of(specs)), questions(specs)), guards)
    assert not found.faults
    return list(found.grants)


def around(realm: TestRealm, grants: list[GrantPlan]) -> Surroundings:
    """The realm as it is."""
    forget()
    login = realm.robot(LEGACY, GUARDS)
    names = {client for grant in grants for client in grant.uuids}
    known = known_clients(login, realm.name, names)
    return surroundings(login, realm.name, known, names, also=lambda client: holds_scope_of(grants, client))


def reach_after(found: Surroundings, grants: list[GrantPlan], guards: tuple[str, ...]) -> RealmReach:
    after = planned_realm(found.survey, found.roles, grants, guards, found.composites)
    return realm_reach(after.survey, after.roles)
