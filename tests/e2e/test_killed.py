"""A run killed in the middle is continued, and what it had written is given back."""

from collections.abc import Callable

import pytest

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, grant
from tests.support.realms import TestRealm


@pytest.mark.parametrize(("exchange", "writes"), [("standard", 1), ("standard", 3), ("legacy", 4)])
def test_killed_up(exchange: str, writes: int, make_realm: Callable[..., TestRealm], new_stack: NewStack) -> None:
    realm = make_realm(exchange)
    stack = new_stack(realm, exchange)
    before = realm.export()
    stack.configure(grant(), exchange=exchange)
    stack.kill(lambda asked: sum(each.is_write for each in asked) >= writes, "up", "--yes", "--skip-preview")
    assert realm.export() != before
    assert "locked by 1 lock" in stack.refused("up", "--yes").output

    stack.run("cancel", "--yes")
    stack.up()
    both_flows(realm, exchange)
    stack.preview("--refresh", "--expect-no-changes")
    stack.destroy("--skip-preview")
    as_it_was(realm, before, exchange)
