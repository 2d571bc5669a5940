"""What a grant may be given besides its clients is the same for one whose names are outputs."""

from typing import Any

import pytest

from kcadmin.rest.errors import TokenRefused
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

SWITCH, REFRESH = "standard.token.exchange.enabled", "standard.token.exchange.enableRefreshRequestedTokenType"


@pytest.mark.standard_exchange
@pytest.mark.parametrize(
    "given",
    [
        {"audience": "optionalScope"},
        {"audience": "optionalScope", "exactAudience": True, "restrictFullScope": True},
        {"allowRefresh": True},
        {"adopt": True, "protect": True, "acceptPolicyChanges": ["fullScopeAllowed"], "reason": "a test"},
        {"exchange": "auto"},
    ],
    ids=lambda given: "-".join(given),
)
def test_each_argument(module_realm: TestRealm, given: dict[str, Any]) -> None:
    realm = module_realm
    before, stack = realm.export(), Stack(realm.robot, late=True)
    common = {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "flows": ["requester"]}
    grant = {"exchange": "standard", **common, **given}
    stack.up(grant)
    scopes = [engine.outputs["name"] for place, engine in stack.state.items() if place.endswith("/scope")]
    asked = {"scope": scopes[0]} if scopes else {}
    claims = realm.exchange("frontend", realm.user_token("frontend"), "api", **asked)
    assert claims["aud"] == ["api"] if "exactAudience" in given else "api" in claims["aud"]
    if asked:
        with pytest.raises(TokenRefused):
            realm.exchange("frontend", realm.user_token("frontend"), "api")
    attributes = realm.client("frontend")["attributes"]
    assert (attributes.get(REFRESH) == "SAME_SESSION") == ("allowRefresh" in given), attributes
    stack.up(grant)
    assert set(stack.changes.values()) == {"same"}
    stack.destroy()
    assert realm.export() == before


@pytest.mark.standard_exchange
def test_what_is_revoked(module_realm: TestRealm) -> None:
    """A switch that was on before goes off with the grant that says so."""
    realm = module_realm
    realm.add_client("worker", attributes={SWITCH: "true"})
    common = {"name": "g", "realm": realm.name, "exchange": "standard", "sources": ["worker"], "target": "api"}
    stack = Stack(realm.robot, late=True)
    stack.up({**common, "flows": ["requester"], "onRemove": "revoke"})
    assert "api" in realm.exchange("worker", realm.user_token("worker"), "api")["aud"]
    stack.destroy()
    assert realm.client("worker")["attributes"].get(SWITCH) != "true"
