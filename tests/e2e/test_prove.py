"""An exchange that Keycloak refuses fails ``up`` of a grant with ``prove``, with Keycloak's words."""

from collections.abc import Callable

import pytest

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, grant
from tests.support.realms import PASSWORD, TestRealm


@pytest.mark.standard_exchange
def test_prove(make_realm: Callable[..., TestRealm], new_stack: NewStack) -> None:
    realm = make_realm("standard")
    stack = new_stack(realm, "standard")
    stack.env |= {"KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": PASSWORD}
    before = realm.export()
    realm.change("api", consentRequired=True)
    stack.configure(grant(flows=["recipient"], prove=True))
    denied = stack.refused("up", "--yes", "--skip-preview")
    assert "the exchange by 'api' of a token of 'frontend' is not proved" in denied.output
    assert "(400 invalid_scope: Missing consents for Token Exchange in client api)" in denied.output, denied.output
    assert "correct the cause, or set prove: false." in denied.output

    realm.change("api", consentRequired=False)
    stack.up("--skip-preview")
    again = stack.up("--skip-preview")
    assert set(again.counted()) == {"unchanged"}

    stack.configure(grant(prove=True))
    stack.env["KEYCLOAK_USER_PASS"] = "wrong"
    assert "invalid_grant: Invalid user credentials" in stack.refused("up", "--yes", "--skip-preview").output
    stack.env["KEYCLOAK_USER_PASS"] = PASSWORD
    stack.up("--skip-preview")
    both_flows(realm, "standard")
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
