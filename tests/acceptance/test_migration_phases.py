"""A grant goes from legacy to standard in phases: at each of them all of its exchanges work, and unmanaged objects stay."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.exchanges import as_it_was, both_flows, exchanged, grant, neither_flow
from tests.support.exports import but_for_numbers
from tests.support.in_process import Stack
from tests.support.realms import TestRealm, hang_on

pytestmark = pytest.mark.standard_exchange

PHASES: list[tuple[dict[str, str], str]] = [
    ({"exchange": "legacy"}, "legacy"),
    ({"exchange": "legacy", "migration": "mappers"}, "legacy"),
    ({"exchange": "legacy", "migration": "both"}, "standard"),
    ({"exchange": "legacy", "migration": "mappers"}, "legacy"),  # rolled back
    ({"exchange": "auto", "migration": "both"}, "standard"),
    ({"exchange": "standard"}, "standard"),
]


def test_every_exchange_works_in_every_phase(make_realm: Callable[..., TestRealm]) -> None:
    realm = make_realm("legacy", frontend={}, api={}, orders={}, billing={})
    realm.add_role("buyer", realm.user)
    gated: dict[str, Any] = {
        "source": "frontend",
        "requester": "orders",
        "target": "billing",
        "requiredRoles": ["buyer"],
    }

    def grants(phase: dict[str, str]) -> list[dict[str, Any]]:
        return [grant(realm=realm.name, **phase), grant("three", realm=realm.name, **gated, **phase)]

    stack, before = Stack(realm.robot), realm.export()
    for phase, answers in PHASES:
        stack.up(*grants(phase))
        both_flows(realm, answers)
        exchanged(realm, "orders", "billing", answers, asks=True)
        stack.up(*grants(phase))
        assert set(stack.changes.values()) == {"same"}
    moved = realm.export_but_for_permissions()
    stack.destroy()
    as_it_was(realm, before, "legacy")
    neither_flow(realm)
    stack.up(*grants({"exchange": "standard"}))
    assert but_for_numbers(realm.export_but_for_permissions()) == but_for_numbers(moved)


def test_unmanaged_objects_still_exist_afterwards(legacy_realm: TestRealm) -> None:
    legacy_realm.mapper("frontend", "theirs", "api")
    hang_on(legacy_realm, "theirs", "AFFIRMATIVE", client="frontend")
    before, stack = legacy_realm.export(), Stack(legacy_realm.robot)
    for phase, answers in PHASES:
        stack.up(grant(realm=legacy_realm.name, **phase))
        both_flows(legacy_realm, answers)
    policies = legacy_realm.authz("realm-management")["policies"]
    assert [each["name"] for each in policies if each["type"] == "client"] == ["theirs"]
    assert [each["name"] for each in legacy_realm.client("frontend")["protocolMappers"]] == ["theirs"]
    stack.destroy()
    assert legacy_realm.export() == before
