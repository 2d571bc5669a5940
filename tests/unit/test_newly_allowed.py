"""What a change of a realm opens: told by requester, and the same as every exchange judged by itself before and after."""

import itertools
import random
import time
from collections.abc import Iterable
from typing import Any

import pytest

from grants.implied import declared_exchanges, implied, shortened, undeclared
from grants.plan import GrantPlan
from grants.planned_realm import planned_realm
from grants.planning import plan
from kcadmin.guards.entries import Guards, guard_parts, merged
from kcadmin.guards.parts import MARK
from reach.allowed import RealmReach, realm_reach
from reach.exchanges import Exchange
from reach.facts import Facts
from reach.newly_allowed import NewlyAllowed
from reach.reasons import ANY_CLIENT, Reasoning
from reach.roles import RoleFacts
from reach.surroundings import Surroundings
from reach.survey import Survey
from tests.support.surveys import BOTH, STANDARD_ONLY, client, mapper, policy, survey
from tests.unit.test_wiring import client as facts_of
from tests.unit.test_wiring import grant

CLIENTS = "abcdefg"
SEEDS, SECONDS = range(60), 15


def some(draw: random.Random, share: float, among: Iterable[str] = CLIENTS) -> list[str]:
    return [each for each in among if draw.random() < share]


def a_realm(draw: random.Random) -> Surroundings:
    """Clients with random switches, mappers, scopes, roles, permissions and guards."""
    scopes = {
        name: {
            "id": name,
            "name": name,
            "protocol": "openid-connect",
            "protocolMappers": [mapper(draw.choice(CLIENTS))],
        }
        for name in ("always", "for-vips", "on-request")
    }
    clients = [
        client(
            name,
            *some(draw, 0.2),
            switch=draw.random() < 0.3,
            fullScopeAllowed=draw.random() < 0.4,
            consentRequired=draw.random() < 0.1,
            enabled=draw.random() < 0.95,
            publicClient=draw.random() < 0.1,
            defaultClientScopes=[*some(draw, 0.2, ("always", "for-vips")), *some(draw, 0.7, ("roles",))],
            optionalClientScopes=some(draw, 0.3, ("on-request",)),
            attributes={MARK: f"mark-{name}"},
        )
        for name in CLIENTS
    ]
    defining = some(draw, 0.5)
    roles = RoleFacts(
        dict.fromkeys(defining, ("clerk",)),
        {"for-vips": ("vip",)},
        {"always": frozenset(some(draw, 0.3, defining))},
        {each.client_id: frozenset(some(draw, 0.3, defining)) for each in clients},
    )
    features = draw.choice((BOTH, STANDARD_ONLY))
    found = survey(
        *clients,
        scopes=scopes,
        policies=(policy("client", "p", *some(draw, 0.3)),),
        permissions=dict.fromkeys(some(draw, 0.2), ("p",)),
        features=features,
        **guarded(draw),
    )
    return Surroundings(found, roles)


def guarded(draw: random.Random) -> dict[str, Any]:
    """Guards of another stack, in some realms."""
    if draw.random() < 0.6:
        return {}
    others = Guards.read(
        {
            "requesters": some(draw, 0.7) if draw.random() < 0.5 else None,
            "sources": {name: some(draw, 0.5) or ["a"] for name in some(draw, 0.3)},
            "scopes": {name: {"on-request": some(draw, 0.5) or ["b"]} for name in some(draw, 0.2)},
        }
    )
    held = guard_parts(others, {name: f"mark-{name}" for name in CLIENTS})
    return {f"client_{kind}": tuple(merged(kind, [], held, "another/stack")) for kind in ("policies", "profiles")}


def some_grants(draw: random.Random, around: Surroundings, guards: tuple[str, ...]) -> list[GrantPlan]:
    """What a plan makes of random grants, faults left aside: they are about the very clients, and not about what is opened."""
    clients = {
        ("r", name): facts_of(name, switch_on=each.is_on("attributes.standard.token.exchange.enabled"))
        for name, each in around.survey.clients.items()
        if each.is_on("enabled") and not each.is_on("publicClient")
    }
    named = sorted(name for _, name in clients)
    made: list[GrantPlan] = []
    for number in range(draw.randint(1, 3)):
        source, target, third = draw.sample(named, 3)
        flows = draw.choice(((), ("recipient",), ("requester",), ("recipient", "requester")))
        spec = grant(
            f"g{number}",
            sources=(source,),
            target=target,
            flows=flows,
            requester=None if flows else third,
            exchange=draw.choice(("standard", "legacy")) if around.survey.features.legacy_exchange else "standard",
            audience=draw.choice(("mapper", "mapper", "optionalScope")),
        )
        made += plan([spec], Facts(around.survey.features, clients), guards).grants
    return made


def ways_through(said: Reasoning) -> list[frozenset[str]]:
    """What must hold for each way on which an exchange is allowed."""
    if not said.allowed:
        return []
    to = said.audience_ways or (None,)
    return [
        frozenset((*said.when, *source.when, *(audience.when if audience else ())))
        for source, audience in itertools.product(said.source_ways, to)
    ]


def told_of(found: Iterable[NewlyAllowed], after: RealmReach) -> set[Exchange]:
    """Every exchange that was told, groups written out."""
    told = set()
    for each in found:
        sources = set(CLIENTS) if ANY_CLIENT in each.sources else set(each.sources)
        audiences: set[str | None] = set(each.audiences)
        if each.carriers:
            sources |= after.roles.naming(each.requester)
        if each.carried:
            audiences |= after.roles.named_by(each.requester)
        told |= {Exchange(each.requester, source, to) for source, to in itertools.product(sources, audiences)}
    return told


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_told_is_what_becomes_possible(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311
    around = a_realm(draw)
    guards = draw.choice(
        ((), (), ("requesters",), ("requesters", "sources"), ("requesters", "sources", "noWiderScopes"))
    )
    grants = some_grants(draw, around, guards)
    if not grants:
        return
    planned = planned_realm(around.survey, around.roles, grants, guards)
    before, after = realm_reach(around.survey, around.roles), realm_reach(planned.survey, planned.roles)
    found = undeclared(grants, grants, around, guards)
    told = told_of(found, after)
    named = declared_exchanges(grants)
    warned = {(name, grant.spec.target) for grant in grants for name in grant.policy_clients}
    for exchange in (Exchange(*each) for each in itertools.product(CLIENTS, CLIENTS, (None, *CLIENTS))):
        if exchange.audience == exchange.requester or (exchange.source, exchange.audience) == (
            exchange.requester,
            None,
        ):
            continue
        by_legacy = after.exchange_of(exchange.requester) == "legacy" and exchange.requester not in after.guards.sources
        if exchange in named or (by_legacy and (exchange.requester, exchange.audience) in warned):
            continue
        was, now = (ways_through(reach.verdict(*exchange)) for reach in (before, after))
        opened = any(not any(old <= new for old in was) for new in now)
        assert exchange in told or not opened, (exchange, was, now, found)
        by_name = [
            each
            for each in found
            if each.requester == exchange.requester
            and exchange.source in each.sources
            and exchange.audience in each.audiences
            and not (each.carriers or each.carried or each.joined)
        ]
        if exchange.requester not in after.guards.asked:  # then whose token it is decides which condition counts
            assert opened or not by_name, (exchange, was, now, by_name)


def changed(one: Survey, other: Survey) -> bool:
    return one.clients != other.clients or one.permissions != other.permissions


def test_grants_that_are_there_open_nothing() -> None:
    draw = random.Random(0)  # noqa: S311
    around = Surroundings(survey(*(client(name) for name in CLIENTS), features=BOTH), RoleFacts())
    grants = some_grants(draw, around, ())
    planned = planned_realm(around.survey, around.roles, grants, ())
    assert undeclared(grants, grants, around) and changed(planned.survey, around.survey)
    assert undeclared(grants, grants, Surroundings(planned.survey, planned.roles)) == []


def test_what_needed_a_scope_and_needs_none_any_more_is_told() -> None:
    scope = {"id": "s", "name": "on-request", "protocol": "openid-connect", "protocolMappers": [mapper("c")]}
    asking = client("b", switch=True, optionalClientScopes=["on-request"])
    found = survey(client("a", "b"), asking, client("c"), scopes={"on-request": scope})
    grants = plan(
        [grant(sources=("b",), target="c", flows=("requester",))], Facts(STANDARD_ONLY, named("b", "c"))
    ).grants
    told = undeclared(grants, grants, Surroundings(found, RoleFacts()))
    assert told == [NewlyAllowed("b", frozenset({"a"}), ("c",))]


def named(*names: str) -> dict[tuple[str, str], Any]:
    return {("r", name): facts_of(name) for name in names}


@pytest.mark.parametrize("hub", [False, True])
def test_a_thousand_grants_are_quick(hub: bool) -> None:
    number = 1000
    names = [f"{kind}{each}" for each in range(number) for kind in ("source", "target")] + ["hub"]
    specs = [
        grant(
            f"g{each}",
            sources=(f"source{each}",),
            target=f"target{each}",
            flows=() if hub else ("recipient", "requester"),
            requester="hub" if hub else None,
        )
        for each in range(number)
    ]
    grants = plan(specs, Facts(STANDARD_ONLY, named(*names)), ("requesters",)).grants
    full = {"fullScopeAllowed": True}
    around = Surroundings(
        survey(*(client(name, **full) for name in names)), RoleFacts(dict.fromkeys(names, ("clerk",)))
    )
    began = time.process_time()
    short, whole = shortened(implied(grants, grants, around, ("requesters",)), "r")
    assert time.process_time() - began < SECONDS
    assert len("".join(short)) < 100_000 and len("".join(whole)) < 1_000_000
    joined = "into tokens for 'target0'"
    assert (
        not hub or [joined in line and "beyond the pairs that grants name" in line for line in short].count(True) == 1
    )
