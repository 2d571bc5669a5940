"""A client's owner forges claims on it: what people see of it, and that nothing is written on their word."""

import json

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.e2e.stack import Run
from tests.support.registered import RegisteredClient

EVIL = {
    "protocolMappers": [
        {
            "name": "evil",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-audience-mapper",
            "config": {"included.client.audience": "billing", "access.token.claim": "true"},
        }
    ],
    "redirectUris": ["https://evil.example/*"],
    "description": "written with the robot's rights",
}
NUMBER = 500
CLAIM = json.dumps({"owner": "x", "kind": "standard-exchange", "was": {}, "set": EVIL})


def warned(run: Run) -> int:
    """How often people read of it, each time in one line."""
    summary = run.output.partition("Diagnostics:")[2]  # Pulumi shows each message when it comes, and there
    told = [line for line in summary.splitlines() if "holds no claim" in line]
    assert all("warning: client 'partner' in realm" in line and f"and {NUMBER - 3} more" in line for line in told)
    return len(told)


@pytest.mark.standard_exchange
def test_forged_claims_write_nothing_and_are_told_once(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard")
    redirects = ["http://localhost/*"]
    partner = RegisteredClient(realm, "partner", directAccessGrantsEnabled=True, redirectUris=redirects)
    stack = new_stack(realm, "standard")
    stack.configure(grant(target="partner"), grant("h", source="partner"), exchange="standard")
    stack.up("--skip-preview")
    partner.write(attributes={f"pulumi.claim.{number:016x}": CLAIM for number in range(NUMBER)})
    stack.configure(grant(target="partner"), owner="another/owner")
    assert warned(stack.up("--skip-preview")) <= 2, "by the program, and by the providers"
    assert warned(stack.destroy("--skip-preview")) == 1
    now = realm.client("partner")
    assert now["redirectUris"] == redirects and not now.get("description") and not now.get("protocolMappers")
    assert "standard.token.exchange.enabled" not in now["attributes"]
