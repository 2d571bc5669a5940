"""A grant's settings change while it lives."""

from collections.abc import Callable

import pytest

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged, grant, neither_flow, refused
from tests.support.realms import PASSWORD, TestRealm


def test_changes_of_a_grant(exchange: str, renewed: Callable[..., TestRealm], new_stack: NewStack) -> None:
    realm = renewed(exchange, frontend={}, mobile={}, api={})
    stack = new_stack(realm, exchange)
    before = realm.export()
    stack.configure(grant(flows=["recipient"]), exchange=exchange)
    stack.up("--skip-preview")
    exchanged(realm, "api", "api", exchange)
    refused(realm, "frontend", audience="api")

    stack.configure(grant(sources=["frontend", "mobile"], flows=["recipient"]))
    added = stack.up("--skip-preview").counted()
    assert set(added) <= {"created", "unchanged"}
    exchanged(realm, "api", "api", exchange)
    exchanged(realm, "api", "api", exchange, source="mobile")

    stack.configure(grant(sources=["frontend", "mobile"], flows=["requester"]))
    stack.up("--skip-preview")
    for source in ("frontend", "mobile"):
        exchanged(realm, source, "api", exchange, source=source, asks=True)

    stack.configure(grant("renamed", sources=["frontend", "mobile"]))
    renamed = stack.up().output
    assert "new: renamed: frontend, mobile → api" in renamed and "removed: g: frontend, mobile → api" in renamed, (
        renamed
    )
    both_flows(realm, exchange)
    both_flows(realm, exchange, source="mobile")
    assert list(stack.grants()) == ["renamed"]
    stack.preview("--refresh", "--expect-no-changes")

    stack.configure()
    stack.up("--skip-preview")
    neither_flow(realm)
    neither_flow(realm, source="mobile")
    as_it_was(realm, before, exchange)


@pytest.mark.standard_exchange
def test_moves_to_the_other_exchange_and_back_and_by_itself_nowhere(
    renewed: Callable[..., TestRealm], new_stack: NewStack
) -> None:
    realm = renewed("legacy")
    stack = new_stack(realm, "legacy")
    stack.env |= {"KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": PASSWORD}
    before = realm.export()
    for exchange in ("standard", "legacy", "standard"):
        stack.configure(grant(exchange=exchange, prove=True))
        moved = stack.up("--skip-preview")
        both_flows(realm, exchange)
        if exchange == "legacy":  # the standard switch goes at the very end of the run
            assert "not proved yet" in moved.output
            assert "not proved yet" not in stack.up("--skip-preview").output
            stack.configure(grant(prove=True))  # without an exchange, it is left where it is
            again = stack.preview("--refresh", "--expect-no-changes")
            assert "stays on the legacy exchange" in again.output
    stack.preview("--refresh", "--expect-no-changes")
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "legacy")
