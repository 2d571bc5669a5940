"""Each refusal of a login names its cause, as a real Keycloak gives it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kcadmin.rest.connection import ClientSecretLogin, Login, PasswordLogin, PrivateKeyLogin
from kcadmin.rest.errors import LoginRefused
from kcadmin.rest.odd import Odd
from kcadmin.rest.refused_logins import (
    BOUND,
    BY_ANOTHER_WAY,
    BY_SECRET,
    CONSENT,
    CREDENTIALS,
    HTTPS,
    KEY,
    NO_ADMIN_CLI,
    NO_CLIENT,
    NO_ROBOT,
    NO_SERVICE_ACCOUNT,
    POLICY,
    PUBLIC,
    REALM_DISABLED,
    REQUIRED_ACTION,
    SECRET,
    USER_DISABLED,
)
from kcadmin.rest.session import Session
from local.keycloak import number
from local.layout import keycloak_version
from tests.conftest import MakeRealm
from tests.support.realms import PASSWORD, TestRealm

OTP = {
    "type": "otp",
    "secretData": json.dumps({"value": "abcdefghijklmnopqrst"}),
    "credentialData": json.dumps({"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}),
}
Arrange = Callable[[TestRealm], None]


@pytest.fixture(scope="module")
def realm(make_module_realm: MakeRealm) -> Iterator[TestRealm]:
    """A realm for all cases, each of which takes back what it arranged."""
    realm = make_module_realm()
    realm.add_client("robot", serviceAccountsEnabled=True)
    yield realm


def refusal(realm: TestRealm, login: Login, login_realm: str = "") -> str:
    connection = replace(realm.connection, login=login, login_realm=login_realm or realm.name)
    with pytest.raises(LoginRefused) as caught:
        Session(connection).get(realm.at("clients"))
    return str(caught.value)


def is_told(said: str, odd: Odd, realm: TestRealm) -> None:
    assert f"by Keycloak at '{realm.url}': {odd.wrong}; {odd.remedy}" in said
    assert said.startswith("login of ") and said.endswith(".") and "\n" not in said and PASSWORD not in said


def user(realm: TestRealm, **changes: Any) -> None:
    (found,) = realm.get("users", username=realm.user)
    realm.session.put(realm.at("users", found["id"]), {**found, **changes})


USERS: dict[str, tuple[dict[str, Any], Odd]] = {
    "a required action": ({"requiredActions": ["UPDATE_PASSWORD"]}, REQUIRED_ACTION),
    "a one-time code to be set up": ({"requiredActions": ["CONFIGURE_TOTP"]}, REQUIRED_ACTION),
    "disabled": ({"requiredActions": [], "enabled": False}, USER_DISABLED),
}


def test_users(realm: TestRealm) -> None:
    login = PasswordLogin(realm.user, PASSWORD)
    is_told(refusal(realm, PasswordLogin(realm.user, "wrong")), CREDENTIALS, realm)
    is_told(refusal(realm, PasswordLogin("nobody", PASSWORD)), CREDENTIALS, realm)
    is_told(refusal(realm, login, "master"), CREDENTIALS, realm)  # the wrong realm
    for changes, odd in USERS.values():
        user(realm, **changes)
        is_told(refusal(realm, login), odd, realm)
    user(realm, enabled=True, credentials=[OTP])
    is_told(refusal(realm, login), CREDENTIALS, realm)
    (code,) = [each for each in realm.get("users", _id(realm), "credentials") if each["type"] == "otp"]
    realm.session.delete(realm.at("users", _id(realm), "credentials", code["id"]))


def test_a_user_who_is_locked(realm: TestRealm) -> None:
    protected = {"bruteForceProtected": True, "failureFactor": 1, "waitIncrementSeconds": 600}
    realm.session.put(realm.at(), {**protected, "maxFailureWaitSeconds": 900})
    refusal(realm, PasswordLogin(realm.user, "wrong"))
    assert realm.is_locked()
    is_told(refusal(realm, PasswordLogin(realm.user, PASSWORD)), CREDENTIALS, realm)
    realm.session.delete(realm.at("attack-detection", "brute-force", "users"))
    realm.session.put(realm.at(), {"bruteForceProtected": False})


def _id(realm: TestRealm) -> str:
    return str(realm.get("users", username=realm.user)[0]["id"])


BOUND_TO_CERTIFICATE = "tls.client.certificate.bound.access.tokens"
CLIENTS: dict[str, tuple[dict[str, Any], Odd]] = {
    "off": ({"serviceAccountsEnabled": True, "enabled": False}, NO_CLIENT),
    "without": ({"serviceAccountsEnabled": False}, NO_SERVICE_ACCOUNT),
    "public": ({"publicClient": True}, PUBLIC),
    "bearer": ({"bearerOnly": True}, NO_ROBOT),
    "saml": ({"protocol": "saml"}, NO_ROBOT),
    "signing": ({"serviceAccountsEnabled": True, "clientAuthenticatorType": "client-jwt"}, BY_ANOTHER_WAY),
    "certified": ({"serviceAccountsEnabled": True, "clientAuthenticatorType": "client-x509"}, NO_CLIENT),
    "bound": ({"serviceAccountsEnabled": True, "attributes": {BOUND_TO_CERTIFICATE: "true"}}, BOUND),
}


def test_clients(realm: TestRealm) -> None:
    version = number(keycloak_version())
    is_told(refusal(realm, ClientSecretLogin("nobody", "s")), NO_CLIENT, realm)
    is_told(refusal(realm, ClientSecretLogin("robot", "s"), "master"), NO_CLIENT, realm)
    wrong = refusal(realm, ClientSecretLogin("robot", "not-its-secret"))
    is_told(wrong, SECRET, realm)
    assert "set KEYCLOAK_CLIENT_SECRET: refresh and destroy" in wrong and "not-its-secret" not in wrong
    for name, (changes, odd) in CLIENTS.items():
        realm.add_client(name, **changes)
        says_secret = name == "bearer" and number("26") <= version < number("26.7")
        is_told(refusal(realm, ClientSecretLogin(name, "s")), SECRET if says_secret else odd, realm)
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for name in ("signing", "robot"):
        is_told(refusal(realm, PrivateKeyLogin(name, key.decode())), KEY if name == "signing" else BY_SECRET, realm)
    account = realm.get("clients", realm.uuid("robot"), "service-account-user")
    realm.session.put(realm.at("users", account["id"]), {**account, "enabled": False})
    is_told(refusal(realm, ClientSecretLogin("robot", "s")), USER_DISABLED, realm)
    realm.session.delete(realm.at("users", account["id"]))
    if version >= number("26.2"):  # older ones make the account anew
        is_told(refusal(realm, ClientSecretLogin("robot", "s")), NO_SERVICE_ACCOUNT, realm)


def test_the_realm_and_its_admin_cli(realm: TestRealm) -> None:
    login = PasswordLogin(realm.user, PASSWORD)
    profile = {"name": "no-passwords", "executors": [{"executor": "reject-ropc-grant", "configuration": {}}]}
    policy = {"name": "all", "enabled": True, "conditions": [{"condition": "any-client", "configuration": {}}]}
    realm.session.put(realm.at("client-policies", "profiles"), {"profiles": [profile]})
    realm.session.put(
        realm.at("client-policies", "policies"), {"policies": [{**policy, "profiles": [profile["name"]]}]}
    )
    is_told(refusal(realm, login), POLICY, realm)
    realm.session.put(realm.at("client-policies", "policies"), {"policies": []})
    realm.change("admin-cli", consentRequired=True)
    is_told(refusal(realm, login), CONSENT, realm)
    for changes in (
        {"consentRequired": False, "publicClient": False},
        {"publicClient": True, "bearerOnly": True},
        {"bearerOnly": False, "directAccessGrantsEnabled": False},
        {"enabled": False},
    ):
        realm.change("admin-cli", **changes)
        is_told(refusal(realm, login), NO_ADMIN_CLI, realm)
    realm.session.put(realm.at(), {"sslRequired": "all"})
    is_told(refusal(realm, ClientSecretLogin("robot", "s")), HTTPS, realm)
    realm.session.put(realm.at(), {"sslRequired": "external", "enabled": False})
    is_told(refusal(realm, ClientSecretLogin("robot", "s")), REALM_DISABLED, realm)
    realm.session.put(realm.at(), {"enabled": True})
