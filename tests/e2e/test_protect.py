"""A protected stack keeps its grants until somebody says otherwise."""

from collections.abc import Callable

import pytest

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, grant
from tests.support.realms import TestRealm


@pytest.mark.standard_exchange
def test_emptying_the_grants_by_mistake_is_stopped(make_realm: Callable[..., TestRealm], new_stack: NewStack) -> None:
    realm = make_realm("standard")
    stack = new_stack(realm, "standard")
    before = realm.export()
    stack.configure(grant(), protect=True)
    stack.up("--skip-preview")

    stack.configure(protect=True)
    stopped = stack.refused("up", "--yes", "--skip-preview")
    assert "protect" in stopped.output and stopped.writes == []
    both_flows(realm, "standard")

    stack.configure(grant(protect=False), protect=True)
    assert stack.up("--skip-preview").writes == []
    stack.configure(protect=True)
    stack.up("--skip-preview")
    as_it_was(realm, before, "standard")
