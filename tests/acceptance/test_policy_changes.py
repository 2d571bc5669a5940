"""Client policies of the realm that act on what a stack writes: refused before the first write, unless accepted."""

import time
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from kcadmin.writes.watch import Unannounced
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

pytestmark = pytest.mark.exchange_guards
GRANT = {"name": "g", "sources": ["frontend"], "target": "api", "flows": ["recipient"], "exchange": "standard"}
AUTHENTICATOR = {
    "executor": "secure-client-authenticator",
    "configuration": {"allowed-client-authenticators": ["client-jwt"], "default-client-authenticator": "client-jwt"},
}
CONSENT = {"executor": "consent-required", "configuration": {"auto-configure": True}}
DPOP = {"executor": "dpop-bind-enforcer", "configuration": {"auto-configure": False}}
EVERY_CLIENT = [{"condition": "any-client", "configuration": {}}]


@pytest.fixture
def realm(renewed: MakeRealm) -> Iterator[TestRealm]:
    yield (made := renewed("standard"))
    demand(made)


def demand(realm: TestRealm, *executors: dict[str, Any], conditions: list[dict[str, Any]] | None = None) -> None:
    """Makes one client policy of the realm, or none."""
    profile = {"name": "strict", "executors": list(executors)}
    policy = {"name": "secure", "enabled": True, "conditions": conditions or EVERY_CLIENT, "profiles": ["strict"]}
    realm.session.put(realm.at("client-policies", "policies"), {"policies": []})
    realm.session.put(realm.at("client-policies", "profiles"), {"profiles": [profile] if executors else []})
    realm.session.put(realm.at("client-policies", "policies"), {"policies": [policy] if executors else []})


def refusal(stack: Stack, **more: Any) -> str:
    with pytest.raises(pulumi.RunError) as refused:
        stack.up({**GRANT, **more})
    return str(refused.value)


def test_a_change_is_refused_before_anything_is_written(realm: TestRealm) -> None:
    stack = Stack(realm.connection)
    demand(realm, AUTHENTICATOR, CONSENT)
    before = realm.export()
    said = refusal(stack, realm=realm.name)
    assert "client 'api' in realm" in said and "client 'frontend'" not in said
    assert (
        "client policy 'secure' (profile 'strict', secure-client-authenticator) would change clientAuthenticatorType"
        in said
    )
    assert "consentRequired from false to true when `pulumi up` writes this client" in said
    assert "acceptPolicyChanges: [clientAuthenticatorType]" in said
    assert realm.export() == before


def test_what_is_accepted_by_name_is_told_and_done(realm: TestRealm) -> None:
    stack, before = Stack(realm.connection), realm.client("api")
    demand(realm, CONSENT)
    assert "consentRequired" in refusal(stack, realm=realm.name, acceptPolicyChanges=["fullScopeAllowed"])
    stack.up({**GRANT, "realm": realm.name, "acceptPolicyChanges": ["consentRequired"]})
    assert not before["consentRequired"] and realm.client("api")["consentRequired"]
    demand(realm)
    stack.up({**GRANT, "realm": realm.name, "acceptPolicyChanges": ["consentRequired"]})
    assert set(stack.changes.values()) == {"same"}


def test_a_client_that_is_as_the_policy_wants_is_not_refused_and_not_changed(realm: TestRealm) -> None:
    """Keycloak refuses a partial write, or changes it, unless the write repeats what the policy looks at."""
    bound = {"dpop.bound.access.tokens": "true", "access.token.signed.response.alg": "ES512"}
    others = ("id.token.signed.response.alg", "user.info.response.signature.alg", "request.object.signature.alg",
              "token.endpoint.auth.signing.alg")  # fmt: skip
    signatures = dict.fromkeys(others, "ES512")
    realm.change("api", clientAuthenticatorType="client-jwt", attributes={**bound, **signatures})
    algorithm = {"executor": "secure-signature-algorithm", "configuration": {"default-algorithm": "PS256"}}
    demand(realm, AUTHENTICATOR, DPOP, algorithm)
    stack, before = Stack(realm.connection), realm.client("api")
    stack.up({**GRANT, "realm": realm.name})
    now = realm.client("api")
    ours = {key for key in now["attributes"] if key.startswith(("pulumi.", "standard.token.exchange."))}
    assert ours
    kept = {key: each for key, each in now["attributes"].items() if key not in ours}
    assert {**now, "attributes": kept, "protocolMappers": None} == {**before, "protocolMappers": None}
    stack.destroy()
    assert realm.client("api") == before


def test_a_policy_that_refuses_is_told_before(realm: TestRealm) -> None:
    demand(realm, DPOP)
    said = refusal(Stack(realm.connection), realm=realm.name)
    assert "(profile 'strict', dpop-bind-enforcer) would refuse what `pulumi up` writes" in said


def test_what_only_the_server_can_tell_is_a_warning(realm: TestRealm, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: warned.append(text))
    elsewhere = {"condition": "client-updater-source-host", "configuration": {"trusted-hosts": ["10.0.0.1"]}}
    demand(realm, CONSENT, conditions=[elsewhere])
    stack = Stack(realm.connection)
    stack.up({**GRANT, "realm": realm.name})
    assert any("only the server can tell what client policy 'secure'" in each for each in warned)


def test_what_nobody_announced_fails_and_leaves_nothing_behind(realm: TestRealm) -> None:
    """A condition on the address of the login, which only the server knows, holds: found by the comparison after the write."""
    before = realm.client("api")
    here = {"condition": "client-updater-source-host", "configuration": {"trusted-hosts": ["127.0.0.1"]}}
    demand(realm, CONSENT, conditions=[here])
    stack = Stack(realm.connection)
    with pytest.raises(Unannounced) as failed:
        stack.up({**GRANT, "realm": realm.name})
    assert "the server also changed consentRequired from false to true" in str(failed.value)
    assert f"{realm.name}/api/standard-exchange" not in stack.state
    stack.destroy()
    assert realm.client("api") == {**before, "consentRequired": True}
    assert not realm.client("frontend").get("protocolMappers")


def test_a_refused_write_does_not_keep_the_rest_from_going(realm: TestRealm, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: warned.append(text))
    stack = Stack(realm.connection)
    stack.up({**GRANT, "realm": realm.name})
    demand(realm, {"executor": "reject-request", "configuration": {}})
    stack.destroy()
    demand(realm)
    assert not [name for name in ("frontend", "api") if realm.client(name).get("protocolMappers")]
    assert realm.client("api")["attributes"]["standard.token.exchange.enabled"] == "true"
    assert any("since Keycloak refuses the write" in each and "Request not allowed" in each for each in warned)
    stack.up({**GRANT, "realm": realm.name})
    stack.destroy()
    assert "standard.token.exchange.enabled" not in realm.client("api")["attributes"]


def test_a_former_secret_that_a_write_ends_is_told_before(realm: TestRealm) -> None:
    soon = str(int(time.time()) + 3600)
    former = {"client.secret.rotated": "former", "client.secret.rotated.creation.time": "1",
              "client.secret.rotated.expiration.time": soon}  # fmt: skip
    realm.add_client("turning", attributes=former)
    grant = {**GRANT, "realm": realm.name, "target": "turning"}
    stack = Stack(realm.connection)
    with pytest.raises(pulumi.RunError) as refused:
        stack.up(grant)
    assert "would change client.secret.rotated from" in str(refused.value) and "'former'" not in str(refused.value)
    assert "; wait until the former secret has expired; or accept it by " in str(refused.value)
    assert realm.client("turning")["attributes"]["client.secret.rotated"] == "former"
    stack.up({**grant, "acceptPolicyChanges": ["client.secret.rotated"]})
    assert "client.secret.rotated" not in realm.client("turning")["attributes"]
