"""What becomes possible on a real server with ``up``, beyond what grants declare, is what was told before: no less, no more."""

import itertools
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from components.own_parts import own
from grants.implied import declared_exchanges, implied, undeclared
from grants.plan import GrantPlan, questions
from grants.planning import plan
from grants.spec import read_grant
from kcadmin.rest.errors import TokenRefused
from providers.base.own_state import held_in
from providers.checks.openings import openings
from reach import preflight
from reach.exchanges import Exchange
from reach.newly_allowed import NewlyAllowed
from reach.reasons import ANY_CLIENT
from tests.acceptance.test_reach import GUARDED, around, planned
from tests.support import hand_made
from tests.support.engine import forget
from tests.support.in_process import NAME, Stack
from tests.support.realms import TestRealm
from tests.support.robots import purposes_of

NAMES = ("shop", "orders", "portal", "hop", "billing", "other")
FINDING: dict[str, dict[str, Any]] = {
    "shop-orders": {"sources": ["shop"], "target": "orders", "flows": ["recipient"]},
    "shop-portal": {"sources": ["shop"], "requester": "hop", "target": "portal"},
}
SEEDS = (1, 2, 3)
MakeRealm = Callable[..., TestRealm]


def tried(realm: TestRealm, names: Collection[str]) -> set[Exchange]:
    """Every exchange that the server allows to the user."""
    tokens = {source: realm.user_token(source) for source in names}
    found = set()
    for requester, source, to in itertools.product(names, names, (None, *names)):
        if to == requester or (source, to) == (requester, None):
            continue
        try:
            realm.exchange(requester, tokens[source], to)
        except TokenRefused:
            continue
        found.add(Exchange(requester, source, to))
    return found


def told(found: Sequence[NewlyAllowed], names: Collection[str], *, exactly: bool = False) -> set[Exchange]:
    """The exchanges that are told; exactly: those that are told by name and under no condition."""
    result = set()
    for each in found:
        if exactly and (each.when or each.carriers or each.carried or each.joined):
            continue
        sources = names if each.carriers or ANY_CLIENT in each.sources else each.sources & {*names}
        audiences = (*each.audiences, *(names if each.carried else ()))
        result |= {Exchange(each.requester, source, to) for source, to in itertools.product(sources, audiences)}
    return result


def opened(
    realm: TestRealm, names: Collection[str], grants: dict[str, dict[str, Any]], guards: tuple[str, ...], exchange: str
) -> tuple[set[Exchange], list[str]]:
    """Brings grants up; what is possible then and was not before, beyond them, and the sentences that told it."""
    specs = [{"name": name, "realm": realm.name, "exchange": exchange, **each} for name, each in grants.items()]
    plans = planned(realm, specs, guards)
    surrounding = around(realm, plans)
    found = undeclared(plans, plans, surrounding, guards)
    before = tried(realm, names)
    Stack(realm.robot, guards=guards).up(*specs)
    after = tried(realm, names)
    new = after - before - declared_exchanges(plans) - warned(plans, guards)
    assert new - told(found, names) == set()
    assert told(found, names, exactly=True) & {*after & before} == set()
    assert {each for each in told(found, names, exactly=True) if is_tried(each, names)} <= after
    assert surrounding.unread == ()
    return new, [each.whole for each in implied(plans, plans, surrounding, guards)]


def warned(plans: Sequence[GrantPlan], guards: Collection[str]) -> set[Exchange]:
    """A legacy requester's way to any client's token has a warning of its own."""
    pairs = {(name, plan.spec.target) for plan in plans for name in plan.policy_clients if "sources" not in guards}
    return {Exchange(name, source, target) for name, target in pairs for source in (*NAMES, *"abcde")}


def is_tried(exchange: Exchange, names: Collection[str]) -> bool:
    return {exchange.requester, exchange.source, exchange.audience or exchange.source} <= {*names}


@pytest.mark.standard_exchange
@pytest.mark.parametrize("guards", [(), GUARDED], ids=["open", "guarded"])
def test_clients_scopes_and_roles_that_no_grant_names(renewed: MakeRealm, guards: tuple[str, ...]) -> None:
    realm = renewed("standard", **{name: {} for name in NAMES})
    realm.mapper("other", "by-hand", "orders")
    realm.mapper("hop", "by-hand", "billing")
    hand_made.scope(realm, "for-orders", "orders", "portal")
    realm.add_role("clerk", realm.user, "orders")
    new, lines = opened(realm, NAMES, FINDING, guards, "standard")
    assert {Exchange("hop", "shop", "billing"), Exchange("hop", "shop", "orders"), Exchange("hop", "shop", None)} <= new
    here = f"in realm '{realm.name}'"
    through_hop = f"implied by grant 'shop-portal' {here}: 'hop' may also"
    assert f"{through_hop} turn tokens of 'hop', 'shop' into tokens for 'billing'." in lines or guards
    assert f"{through_hop} turn tokens of 'shop' into tokens for 'billing'." in lines or not guards
    assert lines[-1] == (
        f"implied by grants 'shop-portal' and 'shop-orders' {here}: 'hop' and 'orders' may also turn the tokens that they "
        "may exchange into tokens for any client of which the user has a role."
    )
    by_hand = {Exchange("orders", each, None) for each in ("other", "portal", "billing", "hop")}
    if guards:
        assert not by_hand & new and not any("'other'" in line for line in lines)
        return
    assert by_hand <= new
    assert (
        f"implied by grant 'shop-orders' {here}: 'orders' may also exchange tokens of 'other', 'portal' for itself."
        in lines
    )
    assert (
        f"implied by grant 'shop-orders' {here}: 'orders' may also exchange for itself tokens of every client with full "
        "scope, or with roles of 'orders' mapped to it, whose user has a role of 'orders'." in lines
    )


@pytest.mark.standard_exchange
def test_a_client_that_no_grant_names_holds_the_scope_of_one(renewed: MakeRealm) -> None:
    """The grant goes to another target: so do the tokens of all that hold its scope. It gives full scope back, too."""
    names = ("shop", "orders", "billing", "other")
    realm = renewed("standard", **{name: {"fullScopeAllowed": name == "shop"} for name in names})
    realm.add_role("vip", realm.user)
    realm.add_role("clerk", realm.user, "orders")
    finding = {"name": "g", "realm": realm.name, "exchange": "standard", "sources": ["shop"], "requiredRoles": ["vip"]}
    first, then = (
        {**finding, "scope": "shared", "flows": ["requester"], "target": name} for name in ("orders", "billing")
    )
    stack = Stack(realm.robot)
    stack.up({**first, "restrictFullScope": True})
    (shared,) = (each["id"] for each in realm.get("client-scopes") if each["name"] == "shared")
    realm.session.put(realm.at("clients", realm.uuid("other"), "default-client-scopes", shared), None)
    hand_made.switch(realm, "other")
    (spec,) = (read_grant(then, {"owner": stack.owner})[0],)
    assert spec is not None
    forget()
    login = realm.robot(*purposes_of([spec]))
    facts = preflight.ask_server(login, questions([spec]))
    facts = replace(facts, own=own([spec], facts, lambda: held_in(stack.held()), NAME))
    found = openings(login, plan([spec], facts).grants, facts)
    before = tried(realm, names)
    stack.up(then)
    new = {("other", "other", "billing"), ("shop", "shop", "billing")}
    assert tried(realm, names) - before == {Exchange(*each) for each in new}
    assert found.notes[-1].endswith(
        "'shop' may also turn tokens of 'shop' into tokens for any client of which the user has a role."
    )
    assert (
        f"implied by grant 'g' in realm '{realm.name}': 'other' may also turn tokens of 'other' into tokens for 'billing', "
        "if the user has the role 'vip'."
    ) in found.notes


@pytest.mark.exchange_guards
@pytest.mark.parametrize("seed", SEEDS)
def test_random_realms(renewed: MakeRealm, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311
    names = "abcde"
    realm = renewed("legacy", **{name: {"fullScopeAllowed": draw.random() < 0.4} for name in names})
    realm.session.post(realm.at("roles"), {"name": "nobody"})
    for name in names:
        if draw.random() < 0.4:
            realm.mapper(name, "by-hand", draw.choice(names))
        if draw.random() < 0.3:
            hand_made.switch(realm, name)
        if draw.random() < 0.3:
            realm.add_role("clerk", realm.user, name)
        if draw.random() < 0.3:
            hand_made.scope(realm, f"of-{name}", draw.choice(names), name, role=draw.choice(("", "nobody")))
    guards = draw.choice(((), GUARDED, ("requesters",)))
    exchange = draw.choice(("standard", "legacy"))
    grants = {}
    switched = {name for name in names if realm.client(name)["attributes"].get(hand_made.SWITCH) == "true"}
    for number in range(draw.randint(1, 3)):
        source, target, third = draw.sample(names, 3)
        who = draw.choice(({"flows": ["recipient"]}, {"flows": ["requester"]}, {"requester": third}))
        asking = {"recipient": target, "requester": source}.get(who.get("flows", [""])[0], third)
        if exchange == "standard" or asking not in switched:  # a switched requester has no legacy grant
            grants[f"g{number}"] = {"sources": [source], "target": target, **who}
    if grants:
        opened(realm, names, grants, guards, exchange)
