"""A client's owner forges claims on it: what people see of it, and that nothing is written on their word."""

import json

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


def one_warning(run: Run) -> None:
    (told,) = [line for line in run.output.splitlines() if "holds no claim" in line]
    assert "warning: client 'partner' in realm" in told and f"and {NUMBER - 3} more" in told


def test_forged_claims_write_nothing_and_are_told_once(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard")
    redirects = ["http://localhost/*"]
    partner = RegisteredClient(realm, "partner", directAccessGrantsEnabled=True, redirectUris=redirects)
    stack = new_stack(realm, "standard")
    stack.configure(grant(target="partner"), grant("h"), exchange="standard")
    stack.up("--skip-preview")
    partner.write(attributes={f"pulumi.claim.{number:016x}": CLAIM for number in range(NUMBER)})

    def untouched() -> None:
        now = realm.client("partner")
        assert now["redirectUris"] == redirects and not now.get("description")
        assert "evil" not in str(now.get("protocolMappers"))

    stack.configure(grant(target="partner"), grant("h"), owner="another/owner")
    stack.up("--skip-preview")
    untouched()
    stack.configure(grant("h"))
    one_warning(stack.up("--skip-preview"))
    untouched()
    assert "standard.token.exchange.enabled" not in realm.client("partner")["attributes"]
    stack.configure(grant(target="partner"), grant("h"))
    stack.up("--skip-preview")
    one_warning(stack.destroy("--skip-preview"))
    untouched()
