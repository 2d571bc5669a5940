"""What a stack's outputs say its grants open is what its plans said they open."""

from typing import Any

import pytest

from components.closure import declared as planned_exchanges
from components.closure import reach_of
from components.conditions import RequiredRole
from components.planning import plan
from components.token_exchange_grant import describe
from components.wiring import wire
from exchange.stack import cases_of
from kcadmin.declared_reach import declared, opened
from tests.unit.test_wiring import BOTH, facts, grant

GRANTS: tuple[dict[str, Any], ...] = (
    {},
    {"flows": ("requester",)},
    {"flows": ("recipient", "requester")},
    {"flows": ("recipient", "requester"), "audience": "optionalScope"},
    {"sources": ("frontend", "mobile"), "requester": "gateway", "flows": ()},
)


@pytest.mark.parametrize("guards", [(), ("requesters",), ("requesters", "sources")])
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("each", GRANTS)
def test_outputs_tell_what_plans_told(each: dict[str, Any], exchange: str, guards: tuple[str, ...]) -> None:
    second = grant("second", sources=("api",), target="billing", flows=("requester",), exchange=exchange)
    planned = plan([grant("first", exchange=exchange, **each), second], facts(BOTH))
    assert planned.faults == ()
    cases = [case for one in planned.grants for case in cases_of(one.spec.name, describe(one))]
    clients = ("frontend", "mobile", "api", "gateway", "billing")
    of_outputs = set(opened(cases, guards, legacy=True).exchanges(clients))
    assert of_outputs == set(reach_of(planned.grants, facts(BOTH), guards, legacy=True).exchanges(clients))
    assert of_outputs >= declared(cases) == planned_exchanges(planned.grants)


@pytest.mark.parametrize("flows", [("recipient",), ("requester",)])
@pytest.mark.parametrize(
    "conditions", [{"exact_audience": True}, {"required_roles": (RequiredRole("boss"),)}, {"audience": "optionalScope"}]
)
def test_conditions_of_legacy_grants_open_more(conditions: dict[str, Any], flows: tuple[str, ...]) -> None:
    wired = wire(grant("first", exchange="legacy", flows=flows, **conditions), "legacy", facts(BOTH))
    audiences = reach_of([wired], facts(BOTH), (), legacy=True).audiences
    assert opened(cases_of("first", describe(wired))).audiences == {
        name: each for name, each in audiences.items() if each
    }
