"""The oldest supported Keycloak, or that of KEYCLOAK_VERSION: a grant with both flows comes up, is proved, stays quiet and
leaves no trace."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from exchange.bootstrap.bootstrap import bootstrap
from kcadmin.objects.robot import LEGACY, roles_for
from kcadmin.rest.errors import TokenRefused
from local import keycloak
from local.layout import KEYCLOAK_VERSIONS
from reach.introspection import SETTING
from tests.acceptance.test_introspected_gates import whole
from tests.acceptance.test_robot import what_it_is
from tests.support.in_process import Stack
from tests.support.realms import PASSWORD, TestRealm
from tests.support.renewed import RenewedRealms
from tests.support.robot_clients import ROBOTS
from tests.support.shared_servers import start_server

VERSION = os.environ.get("KEYCLOAK_VERSION") or KEYCLOAK_VERSIONS[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[keycloak.Server]:
    installation = keycloak.install(VERSION, "legacy", lambda line: None)
    data = tmp_path_factory.mktemp("oldest")
    started = start_server(installation, data=data, admin_password=secrets.token_hex(12))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def realms() -> Iterator[RenewedRealms]:
    made = RenewedRealms()
    yield made
    made.remove()


@pytest.fixture
def realm(server: keycloak.Server, realms: RenewedRealms) -> TestRealm:
    return realms(server.url, server.admin_password, {"frontend": {}, "api": {}})


def grant(realm: TestRealm, **changes: Any) -> dict[str, Any]:
    flows = ["recipient", "requester"]
    return {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "flows": flows, **changes}


def service_account(realm: TestRealm, client_id: str) -> tuple[str, list[str]]:
    """The id of a client's service account and its roles, which no export holds."""
    user = realm.get("clients", realm.uuid(client_id), "service-account-user")["id"]
    return user, sorted(role["name"] for role in realm.get("users", user, "role-mappings", "realm"))


def test_what_a_partial_put_may_lose(realm: TestRealm) -> None:
    realm.change("api", serviceAccountsEnabled=True, frontchannelLogout=True)
    user, _ = service_account(realm, "api")
    realm.session.post(realm.at("roles"), {"name": "robot"})
    realm.session.post(realm.at("users", user, "role-mappings", "realm"), [realm.get("roles", "robot")])
    before, account = realm.export(), service_account(realm, "api")
    assert "robot" in account[1]
    stack = Stack(realm.robot)
    stack.up(grant(realm, exchange="legacy"))
    assert realm.client("api")["frontchannelLogout"] is True
    assert service_account(realm, "api") == account
    stack.destroy()
    assert service_account(realm, "api") == account
    assert realm.export_but_for_permissions() == realm.without_permissions(before)


def test_the_robot_of_the_tests_is_as_bootstrap_makes_it(realm: TestRealm, tmp_path: Path) -> None:
    roles = roles_for([LEGACY])
    realm.robot(LEGACY)
    bootstrap(realm.connection, realm.name, "robot", roles, tmp_path / "robot.pem")
    assert what_it_is(realm, ROBOTS[roles]) == what_it_is(realm, "robot")


def test_a_legacy_grant_from_up_to_destroy(realm: TestRealm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_USER", realm.user)
    monkeypatch.setenv("KEYCLOAK_USER_PASS", PASSWORD)
    before = realm.export()
    stack, wanted = Stack(realm.robot), grant(realm, exchange="legacy", prove=True)
    stack.up(wanted)
    proofs = [engine.outputs["proved"] for name, engine in stack.state.items() if "/proof-" in name]
    assert proofs == [True, True]
    token = realm.user_token("frontend")
    for requester, audience in (("api", None), ("frontend", "api")):
        claims = realm.exchange(requester, token, audience)
        assert claims["azp"] == requester and "api" in claims["aud"]

    stack.refresh()
    stack.up(wanted)
    assert set(stack.changes.values()) == {"same"}
    stack.destroy()
    assert realm.export_but_for_permissions() == realm.without_permissions(before)
    with pytest.raises(Exception, match="access_denied"):
        realm.exchange("frontend", realm.user_token("frontend"), "api")


@pytest.mark.skipif(keycloak.has_standard_exchange(VERSION), reason=f"Keycloak {VERSION} has the standard exchange")
def test_the_standard_exchange_is_refused_before_any_write(realm: TestRealm) -> None:
    before = realm.export()
    with pytest.raises(
        BaseException, match=r"the standard exchange needs Keycloak 26\.2 or later; upgrade it"
    ) as refused:
        Stack(realm.robot).up(grant(realm, exchange="standard"))
    assert type(refused.value).__name__ == "RunError" and "\n" not in str(refused.value)
    assert realm.export() == before


def test_a_setting_that_gives_no_tokens_whole_refuses_no_condition(realm: TestRealm) -> None:
    """At introspection, which 24.0 answers without a token; since then the same mapper is a way past the condition."""
    realm.add_client("gateway", attributes={SETTING: "true"})
    realm.mapper("frontend", "gateway", "gateway")  # who introspects a token must be in its aud
    realm.mapper("frontend", "whole", "api", **{"access.token.claim": "false", "introspection.token.claim": "true"})
    conditional = grant(realm, exchange="legacy", flows=["recipient"], audience="optionalScope")
    stack = Stack(realm.robot)
    if whole(realm, realm.user_token("frontend")) is None:
        stack.up(conditional)
        with pytest.raises(TokenRefused):
            realm.exchange("api", realm.user_token("frontend"))
    else:
        with pytest.raises(pulumi.RunError, match="'gateway' passes on the whole token"):
            stack.up(conditional)
    stack.destroy()
