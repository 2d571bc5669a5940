"""What a stack's outputs say its grants open is what its plans said they open."""

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from components.token_exchange_grant import describe
from exchange.stack.stack import cases_of
from grants.conditions import RequiredRole
from grants.implied import declared_exchanges as planned_exchanges
from grants.plan import GrantPlan, wire
from grants.planned_realm import planned_realm
from grants.planning import plan
from reach.allowed import realm_reach
from reach.declared import declared, opened_by
from reach.exchanges import Reach
from reach.roles import RoleFacts
from tests.support.surveys import client, simplified, survey
from tests.unit.test_wiring import BOTH, facts, grant

GRANTS: tuple[dict[str, Any], ...] = (
    {},
    {"flows": ("requester",)},
    {"flows": ("recipient", "requester")},
    {"flows": ("recipient", "requester"), "audience": "optionalScope"},
    {"sources": ("frontend", "mobile"), "requester": "gateway", "flows": ()},
)


def reach_of(grants: Sequence[GrantPlan], guards: Collection[str] = ()) -> Reach:
    """What grants allow in a realm that holds their clients and nothing else."""
    names = ("frontend", "mobile", "api", "gateway", "billing")
    empty = survey(*map(client, names), features=BOTH)
    planned = planned_realm(empty, RoleFacts(), grants, guards)
    return simplified(realm_reach(planned.survey, planned.roles))


@pytest.mark.parametrize("guards", [(), ("requesters",), ("requesters", "sources")])
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("each", GRANTS)
def test_outputs_tell_what_plans_told(each: dict[str, Any], exchange: str, guards: tuple[str, ...]) -> None:
    second = grant("second", sources=("api",), target="billing", flows=("requester",), exchange=exchange)
    planned = plan([grant("first", exchange=exchange, **each), second], facts(BOTH))
    assert planned.faults == ()
    cases = [case for one in planned.grants for case in cases_of(one.spec.name, describe(one))]
    clients = ("frontend", "mobile", "api", "gateway", "billing")
    of_outputs = set(opened_by(cases, guards, legacy=True).exchanges(clients))
    assert of_outputs == set(reach_of(planned.grants, guards).exchanges(clients))
    assert of_outputs >= declared(cases) == planned_exchanges(planned.grants)


@pytest.mark.parametrize("flows", [("recipient",), ("requester",)])
@pytest.mark.parametrize(
    "conditions", [{"exact_audience": True}, {"required_roles": (RequiredRole("boss"),)}, {"audience": "optionalScope"}]
)
def test_conditions_of_legacy_grants_open_more(conditions: dict[str, Any], flows: tuple[str, ...]) -> None:
    wired = wire(grant("first", exchange="legacy", flows=flows, **conditions), "legacy", facts(BOTH))
    audiences = reach_of([wired]).audiences
    assert opened_by(cases_of("first", describe(wired))).audiences == {
        name: each for name, each in audiences.items() if each
    }
