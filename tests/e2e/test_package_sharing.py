"""Grants of one program that need the same switch: each arrives alone, with options and a provider of its own."""

from pathlib import Path

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import exchanged, refused
from tests.e2e.package_program import command, grant, new_yaml_stack, rewritten
from tests.support.realms import TestRealm

PROVIDER = "pulumi:providers:keycloak-token-exchange"


def claims(realm: TestRealm) -> int:
    """How many stacks or grants claim a setting of the source."""
    return sum(key.startswith("pulumi.claim.") for key in realm.client("shop")["attributes"])


@pytest.mark.standard_exchange
def test_what_grants_share_stays_as_long_as_one_needs_it(
    make_realm: MakeRealm, new_stack: NewStack, yaml_host: Path
) -> None:
    realm = make_realm("standard", shop={}, orders={}, bills={})
    found = realm.export()
    there = {"url": realm.url, "adminPassword": "${secret}", "realm": realm.name, "owner": "tests/other"}
    other = {"type": PROVIDER, "properties": there}
    asks = {"flows": ["requester"]}
    kept = {**grant(**asks), "options": {"protect": True}}
    left = {**grant(flows=["requester", "recipient"]), "options": {"retainOnDelete": True}}
    apart = {**grant(target="bills", **asks), "options": {"provider": "${other}"}}
    more = {"variables": {"secret": {"fn::secret": realm.admin_password}}}
    stack = new_yaml_stack(
        new_stack, realm, yaml_host, {"kept": kept, "left": left, "apart": apart, "other": other}, **more
    )
    stack.up("--skip-preview")
    stack.preview("--expect-no-changes")
    assert claims(realm) == 3
    for target in ("orders", "bills"):
        exchanged(realm, "shop", target, "standard", source="shop")

    told = command(stack, "verify", "apart", code=2).stderr  # commands work on the Keycloak of the default provider
    assert f"is in another Keycloak, '{realm.url}'" in told, told

    rewritten(stack, {"kept": kept, "left": left, "other": other}, **more).up("--skip-preview")
    assert claims(realm) == 2
    refused(realm, "shop", source="shop", audience="bills")
    rewritten(stack, {"kept": kept}, **more).up("--skip-preview")
    assert claims(realm) == 2  # what stays on the server, and is in no state any more
    assert "protect" in rewritten(stack, {}, **more).refused("up", "--yes", "--skip-preview").output
    exchanged(realm, "shop", "orders", "standard", source="shop")

    del kept["options"], left["options"]
    rewritten(stack, {"kept": kept, "left": left}, **more).up("--skip-preview")  # goes on with what was left
    stack.destroy("--skip-preview")
    assert realm.export() == found
