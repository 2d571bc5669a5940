"""Conditions of a grant: how they are read, what they need, and what stands against them; tables without a server."""

from dataclasses import replace
from typing import Any

import pytest

from grants.conditions import RequiredRole, TimeWindow
from grants.plan import GrantPlan, questions, scope_name
from grants.planning import plan
from grants.spec import GrantSpec, read_grant
from reach.facts import Facts, Gate, Own
from reach.gates import Opening, Openings
from tests.unit.test_wiring import LEGACY, OWNER, STANDARD, facts, grant

PAYER = RequiredRole("payer")
BOTH_FLOWS = ("recipient", "requester")


def one(spec: GrantSpec, known: Facts | None = None) -> GrantPlan:
    found = plan([spec], known or facts())
    assert found.faults == ()
    return found.grants[0]


def faults(*specs: GrantSpec, known: Facts | None = None) -> tuple[str, ...]:
    return plan(list(specs), known or facts()).faults


# Reading


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("requiredRoles", ["b", {"client": "api", "role": "a"}, "b"], (RequiredRole("a", "api"), RequiredRole("b"))),
        ("timeWindow", {"start": "20:00", "end": "06:00"}, TimeWindow("20:00", "06:00")),
        ("timeWindow", {"notBefore": "2026-01-01 00:00:00"}, TimeWindow(not_before="2026-01-01 00:00:00")),
        ("tokenLifespan", 60, 60),
        ("audience", "optionalScope", "optionalScope"),
    ],
)
def test_read(key: str, value: Any, read: Any) -> None:
    raw = {"name": "g", "sources": ["a"], "target": "b", "flows": ["requester"], "exchange": "legacy", key: value}
    spec, wrong = read_grant(raw, {"realm": "r", "owner": OWNER})
    assert spec is not None, wrong
    field = {"requiredRoles": "required_roles", "timeWindow": "time_window", "tokenLifespan": "token_lifespan"}.get(
        key, key
    )
    assert getattr(spec, field) == read


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"requiredRoles": []}, "requiredRoles is empty; name a role, or leave it out"),
        ({"requiredRoles": "payer"}, "requiredRoles is 'payer'; give a list of realm roles and {client, role}"),
        ({"requiredRoles": [{"client": "api"}]}, "give a list of realm roles and {client, role}"),
        ({"audience": "scope"}, "audience is 'scope'; choose mapper or optionalScope"),
        ({"tokenLifespan": 0}, "tokenLifespan is 0; give seconds, 1 to 2147483647"),
        ({"tokenLifespan": "60"}, "tokenLifespan is '60'; give a whole number"),
        ({"tokenLifespan": True}, "tokenLifespan is True; give a whole number"),
        (
            {"restrictFullScope": True},
            "restrictFullScope, which serves requiredRoles, audience: optionalScope and exactAudience",
        ),
        ({"timeWindow": {"start": "20:00"}}, "only one of start and end is set; give both"),
        ({"timeWindow": {"hours": "9-17"}}, "give start, end, notBefore, notOnOrAfter, or some of them"),
        (
            {"timeWindow": {"notBefore": "2026-01-01T00:00:00Z"}},
            "give it as YYYY-MM-DD HH:MM:SS, by the server's clock",
        ),
        (
            {"timeWindow": {"start": "09:00", "end": "17:00"}, "flows": ["recipient"]},
            "the legacy exchange evaluates no policy",
        ),
        ({"timeWindow": {"start": "09:00", "end": "17:00"}, "exchange": "standard"}, "has no condition on time"),
    ],
)
def test_refused(changes: dict[str, Any], fault: str) -> None:
    raw = {"name": "g", "sources": ["a"], "target": "b", "flows": ["requester"], "exchange": "legacy", **changes}
    spec, wrong = read_grant(raw, {"realm": "r", "owner": OWNER})
    assert spec is None and any(fault in each for each in wrong), wrong


# Wiring


@pytest.mark.parametrize(
    ("exchange", "changes", "holders"),
    [
        ("standard", {"flows": BOTH_FLOWS}, ("frontend",)),
        ("standard", {"requester": "gateway"}, ("gateway",)),
        ("legacy", {"flows": ("requester",)}, ("frontend",)),
        ("legacy", {"requester": "gateway"}, ("frontend",)),  # it looks at the token that it is given
    ],
)
def test_who_holds_the_scope_of_required_roles(exchange: str, changes: dict[str, Any], holders: Any) -> None:
    found = one(grant(exchange=exchange, required_roles=(PAYER,), **changes))
    assert found.scope_clients == holders
    assert not any(audience == "api" and client in holders for client, audience in found.mappers)


def test_on_request() -> None:
    standard = one(grant(exchange="standard", audience="optionalScope", flows=BOTH_FLOWS))
    assert {flow.flow: flow.scope_at for flow in standard.flows} == {"recipient": "login", "requester": "exchange"}
    legacy = one(grant(exchange="legacy", audience="optionalScope", flows=("requester",)))
    assert legacy.scope_clients == () and legacy.flows[0].scope_at is None  # its source's tokens never name the target


def test_settings_of_clients() -> None:
    asked = {"token_lifespan": 60, "flows": BOTH_FLOWS}
    assert one(grant(exchange="standard", **asked)).lifespans == ("api", "frontend")
    assert one(grant(exchange="legacy", **asked)).lifespans == ("api",)
    service = facts(gateway={"logs_users_in": False})
    assert one(grant(exchange="legacy", requester="gateway"), service).refresh_off == ("gateway",)
    assert one(grant(exchange="legacy", requester="gateway", allow_refresh=True), service).refresh_off == ()
    assert one(grant(exchange="legacy", requester="gateway")).refresh_off == ()  # it logs users in: said, not done
    assert one(grant(exchange="standard", requester="gateway"), service).refresh_off == ()


def test_exact_audience() -> None:
    standard = one(grant(exchange="standard", exact_audience=True))
    assert [flow.audience for flow in standard.flows] == ["api"]
    narrow = facts(api={"full_scope": False})
    legacy = one(grant(exchange="legacy", exact_audience=True, flows=("requester",)), narrow)
    assert ("api", "api") in legacy.mappers and legacy.full_scope_off == ()
    switched = one(grant(exchange="legacy", exact_audience=True, restrict_full_scope=True, flows=("requester",)))
    assert switched.full_scope_off == ("api",)


def test_a_scope_has_a_name_that_callers_can_ask_for() -> None:
    spec = grant(name='grant "1" für a/b', required_roles=(PAYER,))
    assert scope_name(spec).startswith("grant--1--f-r-a/b-api-")
    assert scope_name(spec) != scope_name(replace(spec, owner="org/project/other"))
    assert len(scope_name(grant(target="t" * 255))) < 255


# What stands against it


def test_what_is_asked() -> None:
    asked = questions([grant(required_roles=(PAYER, RequiredRole("clerk", "api")), restrict_full_scope=True)])
    assert asked.roles == {("r", "", "payer"), ("r", "api", "clerk")}
    assert asked.gates == {Gate("r", "frontend", "api", True, received=True)} and asked.named_in == {("r", "frontend")}
    assert questions([grant()]).gates == frozenset()


HELD = frozenset({("", "payer")})
OURS = Own(mappers=frozenset({("r", "uuid-frontend", "api", "n")}))
"""A mapper that the state holds."""
CLERK = Opening("roles of 'api' that its users may hold (clerk)", (frozenset({("api", "clerk")}),), by_roles=True)


@pytest.mark.parametrize(
    ("way", "roles", "asked"),
    [
        (Opening("a mapper"), True, True),
        (Opening("a mapper that says to be the stack's", owner=OWNER), True, True),
        (Opening("a mapper that is given back", mapper="id", owner=OWNER, adopted=True), True, True),
        (Opening("a mapper of another stack", mapper="id", owner="org/project/other"), True, True),
        (Opening("our own mapper, which the run takes away", mapper="id", owner=OWNER, number="n"), False, False),
        (Opening("a mapper that says to be ours", mapper="id", owner=OWNER, number="other"), True, True),
        (Opening("a scope for the same roles", (HELD,)), False, True),
        (Opening("a scope for wider roles", (HELD | {("", "guest")},)), True, True),
        (Opening("two scopes, of which one asks for the role", (HELD | {("", "guest")}, HELD)), False, True),
        (Opening("an optional scope", on_request=True), True, False),
        (Opening("an optional scope for the same roles", (HELD,), True), False, False),
        (CLERK, True, True),
        (Opening("a role of that name of another holder", (frozenset({("api", "payer")}),)), True, True),
    ],
)
def test_gates_that_are_open(way: Opening, roles: bool, asked: bool) -> None:
    """roles, asked: whether a way opens a grant for holders of a role, and one on request."""
    ways = Openings((way,))
    asking = {Gate("r", "frontend", "api", on_request=each, received=True): ways for each in (False, True)}
    known = replace(facts(), openings=asking, own=OURS)
    by_role = grant(exchange="standard", required_roles=(PAYER,))
    by_request = grant(exchange="standard", audience="optionalScope")
    for spec, opens, without in ((by_role, roles, "the required roles"), (by_request, asked, "asking for the scope")):
        found = faults(spec, known=known)
        assert bool(found) is opens and all(f"without {without}: by {way.by}" in each for each in found), found
    both = replace(by_role, audience="optionalScope")
    assert bool(faults(both, known=known)) is (roles or asked)
    legacy = grant(exchange="legacy", required_roles=(PAYER,), flows=("requester",))
    assert faults(legacy, known=known) == ()  # its policy looks at the scope


def test_what_to_do_about_an_open_gate() -> None:
    spec = grant(exchange="standard", required_roles=(PAYER,))
    gate = Gate("r", "frontend", "api", received=True)
    assert (
        "(clerk); set restrictFullScope: true"
        in faults(spec, known=replace(facts(), openings={gate: Openings((CLERK,))}))[0]
    )
    many = replace(facts(), openings={gate: Openings(tuple(Opening(f"m{number}") for number in range(1000)))})
    assert "by m0 and by m1 and by m2 and by m3 and by m4 and 995 more; " in faults(spec, known=many)[0]
    both = replace(facts(), openings={gate: Openings((CLERK, Opening("m")))})
    assert "by m; take these away, and set restrictFullScope: true for the roles" in faults(spec, known=both)[0]
    adopted = Opening("m", mapper="id", owner=OWNER, adopted=True)
    assert (
        "by m, which would be given back; take"
        in faults(spec, known=replace(facts(), openings={gate: Openings((adopted,))}))[0]
    )
    replaced = replace(facts(), replacing={("r", "frontend"): ("the mapper 'h'",)})
    assert (
        "the mapper 'h' may write aud itself, and so take out what this grant adds" in faults(spec, known=replaced)[0]
    )


def test_a_mapper_of_the_time_without_a_condition_is_taken_away() -> None:
    ours = Opening("our own", mapper="id", owner=OWNER, number="n")
    ways = {Gate("r", "frontend", "api", received=True): Openings((ours, Opening("s", (HELD,))))}
    known = replace(facts(), openings=ways, own=OURS)
    planned = plan([grant(exchange="standard", required_roles=(PAYER,))], known)
    assert planned.grants[0].takes_away == {"frontend": ("id",)}
    assert plan([grant(exchange="standard")], known).grants[0].takes_away == {}


def test_a_composite_role_is_none_that_can_be_required() -> None:
    parts = {("r", "", "payer"): frozenset({("", "guest"), ("api", "clerk")})}
    spec = grant(exchange="standard", required_roles=(PAYER,))
    found = faults(spec, known=replace(facts(), role_parts=parts))
    assert (
        "'payer' is composite, and Keycloak lets users through who hold only a part of it (guest, api/clerk)"
        in found[0]
    )
    whole = replace(spec, required_roles=(PAYER, RequiredRole("guest"), RequiredRole("clerk", "api")))
    assert faults(whole, known=replace(facts(), role_parts=parts)) == ()


def test_a_required_role_of_the_target_may_name_it() -> None:
    spec = grant(exchange="standard", required_roles=(RequiredRole("clerk", "api"),))
    known = replace(facts(), openings={Gate("r", "frontend", "api", received=True): Openings((CLERK,))})
    assert faults(spec, known=known) == ()


def test_a_role_that_the_standard_exchange_does_not_check() -> None:
    spec = grant(exchange="standard", required_roles=(RequiredRole("clerk", "billing"),), flows=("requester",))
    assert "require a realm role, or a role of 'api'" in faults(spec)[0]
    assert faults(replace(spec, flows=("recipient",))) == ()


def test_a_server_that_fails_at_client_scope_policies() -> None:
    old = facts(replace(LEGACY, scope_policies=False))
    spec = grant(exchange="legacy", required_roles=(PAYER,), flows=BOTH_FLOWS)
    assert "cannot judge in the legacy requester flow: it answers 500; use Keycloak 26.0" in faults(spec, known=old)[0]
    assert faults(replace(spec, flows=("recipient",)), known=old) == ()
    assert faults(replace(spec, required_roles=()), known=old) == ()


def test_a_role_that_does_not_exist() -> None:
    known = replace(facts(), missing_roles=frozenset({("r", "", "payer")}))
    assert "required role 'payer' does not exist" in faults(grant(required_roles=(PAYER,)), known=known)[0]


@pytest.mark.parametrize("features", [STANDARD, LEGACY])
def test_time_needs_the_legacy_exchange(features: Any) -> None:
    spec = grant(time_window=TimeWindow("09:00", "17:00"), flows=("requester",))
    found = faults(spec, known=facts(features))
    assert bool(found) is (features is STANDARD) and all("has no condition on time" in each for each in found)


@pytest.mark.parametrize(
    ("ours", "theirs", "fault"),
    [
        ({"required_roles": (PAYER,)}, {}, "'api' in aud always, grant 'g' for payer"),
        ({"required_roles": (PAYER,)}, {"audience": "optionalScope"}, "'api' in aud on request, grant 'g' for payer"),
        ({"token_lifespan": 60}, {"token_lifespan": 90}, "wants tokenLifespan 90 for client 'api'"),
    ],
)
def test_two_grants_that_do_not_agree(ours: dict[str, Any], theirs: dict[str, Any], fault: str) -> None:
    found = faults(grant(exchange="standard", **ours), grant("h", exchange="standard", **theirs))
    assert len(found) == 1 and fault in found[0], found


def test_a_lifespan_of_one_grant_alone_is_no_quarrel() -> None:
    assert faults(grant(token_lifespan=60, exchange="standard"), grant("h", exchange="standard")) == ()
