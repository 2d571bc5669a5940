"""A grant on its way from legacy to standard: what it is wired to in each phase, and what cannot be migrated."""

from typing import Any

import pytest

from grants.plan import GrantPlan, in_token_scope
from grants.planning import plan
from grants.spec import read_grant
from kcadmin.objects.features import Features
from tests.unit.test_wiring import BOTH, LEGACY, OWNER, STANDARD, facts, grant

STACK = {"realm": "r", "exchange": "legacy", "owner": OWNER}
SHAPES: dict[str, dict[str, Any]] = {
    "recipient": {},
    "requester": {"flows": ("requester",)},
    "both flows": {"flows": ("recipient", "requester")},
    "three clients": {"requester": "gateway"},
    "exact": {"flows": ("requester",), "exact_audience": True, "restrict_full_scope": True},
    "lifespan": {"flows": ("requester",), "token_lifespan": 60},
}


def one(exchange: str, migration: str | None = None, **shape: Any) -> GrantPlan:
    found = plan([grant(exchange=exchange, migration=migration, **shape)], facts())
    assert found.faults == ()
    return found.grants[0]


@pytest.mark.parametrize("exchange", ["auto", "legacy"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_each_phase_adds_before_anything_goes(shape: dict[str, Any], exchange: str) -> None:
    legacy, standard = one("legacy", **shape), one("standard", **shape)
    mappers, both = one(exchange, "mappers", **shape), one(exchange, "both", **shape)
    assert [each.exchange for each in (mappers, both)] == ["legacy", "standard"]
    assert (mappers.flows, both.flows) == (legacy.flows, standard.flows)
    assert (mappers.switches, both.switches) == ((), standard.switches)
    for phase in (mappers, both):
        assert set(phase.mappers) == {*legacy.mappers, *standard.mappers}
        assert phase.policy_clients == legacy.policy_clients and phase.refresh_off == legacy.refresh_off
        assert set(phase.full_scope_off) == {*legacy.full_scope_off, *standard.full_scope_off}
    assert mappers.lifespans == legacy.lifespans  # else the requester's own tokens would change before the switch
    assert set(both.lifespans) == {*legacy.lifespans, *standard.lifespans}


def test_a_scope_that_legacy_checks_stays_in_tokens() -> None:
    shape = {"requester": "gateway", "required_roles": ("buyer",), "realm": "r"}
    read, faults = read_grant(
        {"name": "g", "sources": ["frontend"], "target": "api", "requester": "gateway", "requiredRoles": ["buyer"]},
        STACK,
    )
    assert read and not faults
    shape["required_roles"] = read.required_roles
    assert [
        in_token_scope(one(each, phase, **shape)) for each, phase in (("legacy", "mappers"), ("legacy", "both"))
    ] == [
        True,
        True,
    ]
    assert in_token_scope(one("standard", **shape)) is False
    assert set(one("legacy", "both", **shape).scope_clients) == {"frontend", "gateway"}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"migration": "half"}, "migration is 'half'; choose mappers or both, or leave it out"),
        ({"migration": "both", "exchange": "standard"}, "which ends with exchange: standard; leave migration out"),
        ({"migration": "both", "exchange": "auto", "manageSwitch": False}, "manageSwitch is false"),
        (
            {"migration": "mappers", "flows": ["requester"], "timeWindow": {"notBefore": "2026-01-01 00:00:00"}},
            "timeWindow",
        ),
    ],
    ids=str,
)
def test_nonsense_is_refused(raw: dict[str, Any], words: str) -> None:
    spec, faults = read_grant({"name": "g", "sources": ["frontend"], "target": "api", **raw}, STACK)
    assert spec is None and len(faults) == 1 and words in faults[0]


@pytest.mark.parametrize(("features", "words"), [(LEGACY, "no standard exchange"), (STANDARD, "no legacy exchange")])
@pytest.mark.parametrize("phase", ["mappers", "both"])
def test_both_exchanges_are_needed(phase: str, features: Features, words: str) -> None:
    found = plan([grant(exchange="auto", migration=phase)], facts(features)).faults
    assert len(found) == 1 and f"the server has {words}; start Keycloak with --features=" in found[0]


def test_a_requester_is_switched_for_all_its_grants_or_for_none() -> None:
    asking = {"flows": ("requester",), "exchange": "legacy"}
    grants = [grant("g", migration="both", **asking), grant("h", target="billing", **asking)]
    (fault,) = plan(grants, facts()).faults
    assert "requester 'frontend' is switched to the standard exchange by grant 'g'" in fault
    assert plan([grants[0], grant("h", target="billing", migration="both", **asking)], facts()).faults == ()


def test_people_are_told_of_a_migration() -> None:
    (note,) = [
        each
        for each in plan([grant(exchange="auto", migration="both")], facts(BOTH)).notes
        if "is being migrated" in each
    ]
    assert "standard answers now; `python -m exchange migrate apply` continues" in note
