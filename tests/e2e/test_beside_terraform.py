"""Beside a tool that owns the clients, with ``manageSwitch: false``: neither undoes the other, and the switch is its own.

Terraform's provider (pulumi-keycloak's, too) puts a client back with every field that it knows, and without protocol mappers:
``UpdateOpenidClient`` in https://github.com/keycloak/terraform-provider-keycloak/blob/main/keycloak/openid_client.go
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows, exchanged, grant, neither_flow
from tests.support.realms import TestRealm

SWITCH = "standard.token.exchange.enabled"
FIELDS = {
    "name": "",
    "protocol": "openid-connect",
    "clientAuthenticatorType": "client-secret",
    "secret": "s",
    "enabled": True,
    "description": "",
    "publicClient": False,
    "bearerOnly": False,
    "standardFlowEnabled": True,
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": True,
    "serviceAccountsEnabled": False,
    "frontchannelLogout": False,
    "authorizationServicesEnabled": False,
    "redirectUris": ["http://localhost/*"],
    "webOrigins": [],
    "adminUrl": "",
    "baseUrl": "",
    "fullScopeAllowed": True,
    "consentRequired": False,
    "authenticationFlowBindingOverrides": {"browser": "", "direct_grant": ""},
    "alwaysDisplayInConsole": False,
}
ATTRIBUTES = {
    "pkce.code.challenge.method": "",
    "exclude.session.state.from.auth.response": "false",
    "exclude.issuer.from.auth.response": "false",
    "access.token.lifespan": "",
    "login_theme": "",
    "display.on.consent.screen": "false",
    "consent.screen.text": "",
    "use.refresh.tokens": "true",
    "client_credentials.use_refresh_token": "false",
    "backchannel.logout.url": "",
    "frontchannel.logout.url": "",
    "backchannel.logout.revoke.offline.tokens": "false",
    "backchannel.logout.session.required": "true",
    "oauth2.device.authorization.grant.enabled": "false",
    SWITCH: "true",
}


class Terraform:
    """What the provider writes of a client, and what it compares when it plans."""

    def __init__(self, realm: TestRealm) -> None:
        self._realm = realm

    def apply(self, client_id: str, **changes: Any) -> None:
        body = {**FIELDS, "id": self._realm.uuid(client_id), "clientId": client_id, "attributes": ATTRIBUTES, **changes}
        self._realm.session.put(self._realm.at("clients", body["id"]), body)

    def sees(self, client_id: str) -> dict[str, Any]:
        client = self._realm.client(client_id)
        attributes = {key: client["attributes"].get(key) for key in ATTRIBUTES}
        return {**{key: client.get(key) for key in FIELDS}, "attributes": attributes}


@pytest.mark.standard_exchange
def test_a_switch_of_its_owners(make_realm: Callable[..., TestRealm], new_stack: NewStack) -> None:
    realm = make_realm("standard")
    terraform, clients = Terraform(realm), ("frontend", "api")
    for client in clients:
        terraform.apply(client)
    before = realm.export()
    seen = {client: terraform.sees(client) for client in clients}
    stack = new_stack(realm, "standard")
    stack.configure(grant(manageSwitch=False))
    up = stack.up("--skip-preview")
    assert len(up.writes) == 2 and all(
        write.startswith("POST ") and "/protocol-mappers/models " in write for write in up.writes
    ), up.writes
    both_flows(realm, "standard")
    assert {client: terraform.sees(client) for client in clients} == seen, "no difference in its plan"

    wired = realm.export()
    for client in clients:
        terraform.apply(client)
    assert realm.export() == wired, "it leaves our mappers and their marks"
    terraform.apply("api", description="changed by its owner")
    stack.preview("--refresh", "--expect-no-changes")
    assert stack.up("--skip-preview").writes == []
    exchanged(realm, "frontend", "api", "standard", asks=True)

    terraform.apply("api", attributes={**ATTRIBUTES, SWITCH: "false"})
    refused = stack.refused("preview")
    assert refused.writes == []
    assert (
        f"grant 'g' in realm '{realm.name}': requester 'api' has the standard exchange switched off, and manageSwitch is "
        f"false; let its owner set the client attribute {SWITCH} to true (standard_token_exchange_enabled = true in "
        "Terraform and Pulumi)."
    ) in refused.output, refused.output

    terraform.apply("api")
    destroyed = stack.destroy("--skip-preview")
    assert len(destroyed.writes) == 2 and all(write.startswith("DELETE ") for write in destroyed.writes)
    assert realm.export() == before
    neither_flow(realm)
    for client in clients:
        said = f"client '{client}' in realm '{realm.name}': access tokens that it got by exchange live up to"
        assert destroyed.output.rpartition("Diagnostics:")[2].count(said) == 1, destroyed.output
