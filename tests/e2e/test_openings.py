"""``pulumi preview`` tells what a grant opens in the realm beyond itself; where nothing is new it asks for nothing more."""

import re

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.support import hand_made

OTHERS = 12  # more than a sentence names
PROGRAM_LOGIN, LOOK_UPS = 1, 2
USUAL = r"/clients(\?clientId=[^&]+|/[0-9a-f-]{36})$|/serverinfo$"
LISTS, SCOPES_ROLES, CLIENTS_ROLES = 5, 3, 1  # features, clients, client scopes, client policies, client profiles


@pytest.mark.standard_exchange
def test_a_preview_tells_what_opens_and_a_quiet_one_asks_nothing_more(
    make_realm: MakeRealm, new_stack: NewStack
) -> None:
    others = [f"other-{number:02}" for number in range(OTHERS)]
    realm = make_realm("standard", **{name: {} for name in ("shop", "orders", "portal", *others)})
    for name in others:
        realm.mapper(name, "by-hand", "orders")
    hand_made.scope(realm, "for-orders", "orders", "portal")
    stack = new_stack(realm, "standard")
    stack.configure(grant(source="shop", target="orders", flows=["recipient"]))
    told = f"implied by grant 'g' in realm '{realm.name}': 'orders' may also exchange tokens of "
    seen = stack.preview()
    assert f"{told}'other-00', 'other-01'" in seen.output and "'other-09' and 3 others for itself; " in seen.output
    assert "'portal'" not in seen.output and "'orders' may also turn the tokens that they may" in seen.output
    asked = PROGRAM_LOGIN + LOOK_UPS + LISTS + SCOPES_ROLES + CLIENTS_ROLES
    assert len(seen.requests) <= asked, "\n".join(map(str, seen.requests))
    whole = stack.preview("--debug")
    assert f"{told}{', '.join(map(repr, [*others, 'portal']))} for itself." in whole.output

    stack.up("--skip-preview")
    quiet = stack.preview("--expect-no-changes")
    assert "implied" not in quiet.output
    assert not [each for each in quiet.requests if not (each.is_login or re.search(USUAL, each.path))]
