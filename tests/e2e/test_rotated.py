"""The login's secret changes between two runs: the new one works at once from the environment, from config after ``up``.

The realm's keys change: its tokens of before are refused, and nothing else is another.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from kcadmin.rest.errors import TokenRefused
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.e2e.stack import Stack
from tests.support import realms
from tests.support.realms import KEY_PROVIDER, TestRealm

pytestmark = pytest.mark.standard_exchange

ROBOT = "robot"


@dataclass(frozen=True)
class Login:
    """One method of login, by an account of the test's own realm, and where its secret stands."""

    config: dict[str, str]
    variable: str
    secret_key: str
    words: str


PASSWORD = Login({"adminUsername": ROBOT}, "KEYCLOAK_ADMIN_PASS", "adminPassword", "password")
CLIENT_SECRET = Login({"clientId": ROBOT}, "KEYCLOAK_CLIENT_SECRET", "clientSecret", "client secret")


@pytest.fixture
def realm(renewed: Callable[..., TestRealm]) -> TestRealm:
    """A realm with a user and a client who may administrate it; both have the secret ``first``."""
    realm = renewed("standard")
    realm.add_client(ROBOT, secret="first", serviceAccountsEnabled=True)
    account = {"username": ROBOT, "enabled": True, "email": "r@example.com", "firstName": "R", "lastName": "T"}
    realm.session.post(realm.at("users"), {**account, "credentials": [{"type": "password", "value": "first"}]})
    management = realm.uuid("realm-management")
    role = realm.get("clients", management, "roles", "realm-admin")
    for user in (
        realm.get("users", username=ROBOT, exact="true")[0]["id"],
        realm.get("clients", realm.uuid(ROBOT), "service-account-user")["id"],
    ):
        realm.session.post(realm.at("users", user, "role-mappings", "clients", management), [role])
    return realm


def rotate(realm: TestRealm, login: Login) -> None:
    """The secret becomes ``second``; the old one is refused from now on."""
    if login is PASSWORD:
        user = realm.get("users", username=ROBOT, exact="true")[0]["id"]
        realm.session.put(realm.at("users", user, "reset-password"), {"type": "password", "value": "second"})
    else:
        realm.change(ROBOT, secret="second")


def stack_of(new_stack: NewStack, realm: TestRealm, login: Login) -> Stack:
    stack = new_stack(realm, "standard")
    del stack.env["KEYCLOAK_ADMIN_PASS"]
    stack.configure(grant(), loginRealm=realm.name, **login.config)
    return stack


def test_a_password_from_the_environment(realm: TestRealm, new_stack: NewStack) -> None:
    login = PASSWORD
    stack = stack_of(new_stack, realm, login)
    before = realm.export()
    stack.env[login.variable] = "first"
    stack.up("--skip-preview")
    rotate(realm, login)
    words = stack.refused("refresh", "--yes", "--skip-preview").output
    assert "check name, password and loginRealm" in words and "refresh and destroy take" not in words
    assert "first" not in words

    stack.env[login.variable] = "second"
    stack.refresh("--skip-preview", "--expect-no-changes")
    stack.up("--refresh", "--skip-preview", "--expect-no-changes")
    stack.destroy("--skip-preview")
    assert realm.export() == before


def test_a_client_secret_from_the_stacks_config(realm: TestRealm, new_stack: NewStack) -> None:
    login = CLIENT_SECRET
    stack = stack_of(new_stack, realm, login)
    before = realm.export()
    stack.run("config", "set", "--secret", login.secret_key, "first")
    stack.up("--skip-preview")
    rotate(realm, login)
    stack.run("config", "set", "--secret", login.secret_key, "second")
    for command in ("refresh", "destroy"):
        words = stack.refused(command, "--yes", "--skip-preview").output
        told = f"or set {login.variable}: refresh and destroy take the {login.words} from the stack's last up."
        assert told in words
        assert "first" not in words and "second" not in words
    stack.refresh("--skip-preview", "--run-program")

    stack.up("--skip-preview")
    stack.refresh("--skip-preview", "--expect-no-changes")
    stack.destroy("--skip-preview")
    assert realm.export() == before


def test_the_realms_keys(realm: TestRealm, new_stack: NewStack) -> None:
    stack = stack_of(new_stack, realm, CLIENT_SECRET)
    stack.env |= {CLIENT_SECRET.variable: "first", "KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": realms.PASSWORD}
    stack.env |= {f"KEYCLOAK_CLIENT_SECRET_{client}": "s" for client in ("FRONTEND", "API")}
    before = realm.export()
    stack.up("--skip-preview")
    of_before = realm.user_token("frontend")
    (old,) = [each for each in realm.get("components", type=KEY_PROVIDER) if each["name"] == "rsa"]
    new = {"name": "new", "providerId": "rsa-generated", "config": {"priority": ["200"], "keySize": ["1024"]}}
    realm.session.post(realm.at("components"), {**new, "providerType": KEY_PROVIDER})
    realm.session.delete(realm.at("components", old["id"]))

    with pytest.raises(TokenRefused):
        realm.exchange("api", of_before)
    assert stack.up("--skip-preview", "--refresh", "--expect-no-changes").writes == []
    verified = stack.exchange("verify")
    assert verified.returncode == 0 and "2 of 2 exchanges proved" in verified.stdout, verified.stdout + verified.stderr
    stack.destroy("--skip-preview")
    assert {**realm.export(), "components": None} == {**before, "components": None}
