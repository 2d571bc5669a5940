"""A condition that a preview accepts binds: of random realms and grants, each exchange is tried by users who may and may not.

``make gates`` tries 100 realms a server; GATE_SEED and GATE_REALMS say which: ``GATE_SEED=17 GATE_REALMS=1 make gates`` tries one
again.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from components.own_parts import own
from grants.gating import gate, goes_away, ways_of
from grants.plan import EXCHANGE, LOGIN, Flow, GrantPlan, questions, scope_name, wire
from grants.planning import Plan, plan
from grants.spec import OPTIONAL_SCOPE, GrantSpec, read_grant
from providers.base.own_state import held_in
from reach import preflight
from reach.facts import Facts
from tests.support.engine import forget
from tests.support.in_process import NAME, Stack
from tests.support.random_realms import OWNER, RandomRealm, plain, random_grants, random_realm
from tests.support.random_users import Users
from tests.support.realms import TestRealm

Servers = Callable[[str], Any]
FIRST, NUMBER = int(os.environ.get("GATE_SEED", "1")), int(os.environ.get("GATE_REALMS", "1"))
REALMS = "realms"
ACCEPTED, TRIED, RIGHT, NEEDLESS = "grants accepted", "exchanges tried", "refusals that were right", "needless refusals"


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    """What the tests of this process came to: without accepted grants they would prove nothing."""
    counted: Counter[str] = Counter()
    yield counted
    print("\n" + "; ".join(f"{what}: {number}" for what, number in sorted(counted.items())))
    assert counted[REALMS] < 2 or (counted[ACCEPTED] > 0 and counted[TRIED] > 0)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + NUMBER))
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
def test_a_condition_that_is_accepted_binds(servers: Servers, exchange: str, seed: int, tally: Counter[str]) -> None:
    tally[REALMS] += 1
    server, made = servers(exchange), random_realm(seed, exchange)
    realm = made.make(server.url, server.admin_password)
    try:
        _try_grants(realm, made, exchange, tally)
    finally:
        realm.remove()


def _try_grants(realm: TestRealm, made: RandomRealm, exchange: str, tally: Counter[str]) -> None:
    users, stack = Users(realm, made), Stack(realm.connection, OWNER)
    grants = random_grants(made, realm.name, exchange)
    if made.seed % 2 and not _planned(realm, stack, [plain(grants[0])])[0].faults:
        stack.up(plain(grants[0]))  # which may become conditional in the next run
    accepted: list[dict[str, Any]] = []
    for grant in grants:
        if _planned(realm, stack, [*accepted, grant])[0].faults:
            _look_at_refusal(realm, stack, users, grant, tally)
        else:
            accepted.append(grant)
    stack.up(*accepted)
    tally[ACCEPTED] += len(accepted)
    planned, _ = _planned(realm, stack, accepted)
    assert not planned.faults
    users.forget()
    for grant_plan in planned.grants:
        _try_grant(users, grant_plan, tally)
    stack.up(*accepted)
    assert set(stack.changes.values()) <= {"same"}


def _try_grant(users: Users, planned: GrantPlan, tally: Counter[str]) -> None:
    spec = planned.spec
    required = {(role.client, role.role) for role in spec.required_roles}
    users.let_hold_others(required)
    for username in users.made.held:
        holds = not required or bool(users.held(username) & required)
        for flow in planned.flows:
            for asked in (True, False) if flow.scope_at else (True,):
                wanted = holds and asked
                passed, why = _passes(users, spec, flow, username, asked)
                assert passed is wanted, f"{flow}: {username}, who holds it: {holds}, asks: {asked}: {why}; {spec}"
                tally[TRIED] += 1
            if not holds:
                passed, _ = _passes(users, spec, flow, username, True, everything=True)
                assert not passed, f"{flow}: {username}, who holds it not, asks for everything; {spec}"
                tally[TRIED] += 1


def _passes(
    users: Users, spec: GrantSpec, flow: Flow, username: str, asked: bool, *, everything: bool = False
) -> tuple[bool, str]:
    """Whether an exchange passes, and Keycloak's reason if not."""

    def scope(at: str, client: str) -> str:
        mine = scope_name(spec) if asked and flow.scope_at == at else ""
        return users.optional(client) if everything else mine

    token = users.token(flow.source, username, scope(LOGIN, flow.source))
    assert token, f"no token of {flow.source}"
    return users.exchange(flow.requester, token, flow.audience, scope(EXCHANGE, flow.requester))


def _look_at_refusal(realm: TestRealm, stack: Stack, users: Users, grant: dict[str, Any], tally: Counter[str]) -> None:
    """A refusal because of open gates alone: the tokens would name the target for somebody who may not, or without asking."""
    alone, facts = _planned(realm, stack, [grant])
    if not alone.faults or not all(" without " in fault and ": by " in fault for fault in alone.faults):
        return
    spec, _ = read_grant(grant, {"owner": OWNER})
    assert spec is not None
    required = {(role.client, role.role) for role in spec.required_roles}
    users.let_hold_others(required)
    made, right = users.made, True
    for client in {*wire(spec, spec.exchange, facts).scope_clients} - {spec.target}:
        asked_about = gate(spec, client)
        on_request = spec.audience == OPTIONAL_SCOPE
        ways = [
            way
            for way in ways_of(spec, client, facts)
            if not way.is_within(required, on_request=on_request) and not goes_away(way, spec, client, facts)
        ]
        held = {scope.name for scope in made.scopes if client in scope.holders}
        renamed = any(
            "oidc-role-name-mapper" in each["protocolMapper"]
            for each in (
                *made.mappers[client],
                *(each for scope in made.scopes if scope.name in held for each in scope.mappers),
            )
        )
        if not ways or renamed or any("of type oidc-usermodel" in way.by for way in ways):
            continue  # the value is the user's: it may be any client; and a role that is renamed may name its client no more
        full = realm.client(client)["fullScopeAllowed"]
        if asked_about.full_scope_goes and full:
            realm.change(client, fullScopeAllowed=False)
        users.forget()
        found = (required and users.names(client, "holds-others", spec.target, users.optional(client))) or (
            on_request and users.names(client, "holds-all", spec.target)
        )
        if asked_about.full_scope_goes and full:
            realm.change(client, fullScopeAllowed=True)
        if not found:
            print(f"needless? {grant} {alone.faults}")
            right = False
    tally[RIGHT if right else NEEDLESS] += 1


def _planned(realm: TestRealm, stack: Stack, grants: list[dict[str, Any]]) -> tuple[Plan, Facts]:
    specs = []
    for grant in grants:
        spec, faults = read_grant(grant, {"owner": OWNER})
        assert spec is not None, faults
        specs.append(spec)
    forget()
    facts = preflight.ask_server(realm.connection, questions(specs))
    facts = replace(facts, own=own(specs, facts, lambda: held_in(stack.held()), NAME))
    return plan(specs, facts), facts
