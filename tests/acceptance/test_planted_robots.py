"""Somebody who may register clients plants the robot's: whatever bootstrap does then, nothing that they hold gives a right."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from exchange.bootstrap.bootstrap import bootstrap, remove
from exchange.cli import app
from kcadmin.objects import robot
from kcadmin.objects.robot import MARK
from kcadmin.rest.connection import PrivateKeyLogin
from kcadmin.rest.errors import Forbidden, KeycloakError, NotFound, Refusal
from kcadmin.rest.session import Session
from kcadmin.rest.variables import ADMIN_PASSWORD
from tests.support.engine import forget
from tests.support.realms import TestRealm
from tests.support.renewed import renewed_realm

NAME = "pulumi-token-exchange"
ROLES = ("manage-clients", "manage-realm")
LONG = {"access.token.lifespan": "86400"}


realm = renewed_realm("standard")


@dataclass
class Attacker:
    """Who holds an initial access token: registers a client, and keeps all that they get."""

    realm: TestRealm
    held: dict[str, Any] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)

    def plant(self, **client: Any) -> None:
        admin = self.realm.session
        first = admin.post_json(self.realm.at("clients-initial-access"), {"count": 1, "expiration": 600})["token"]
        attributes = {MARK: "true", **LONG, **client.pop("attributes", {})}
        planted = {"clientId": NAME, "serviceAccountsEnabled": True, "attributes": attributes, **client}
        answer = self._register("POST", first, planted)
        assert answer.status_code == 201, answer.text
        self.held = answer.json()

    def log_in(self) -> int:
        """By the secret."""
        form = {"grant_type": "client_credentials", "client_id": NAME, "client_secret": "attackers-secret"}
        at = f"{self.realm.url}/realms/{self.realm.name}/protocol/openid-connect/token"
        answer = requests.post(at, data=form, timeout=120)
        if answer.ok:
            self.tokens.append(answer.json()["access_token"])
        return answer.status_code

    def update(self, **changes: Any) -> int:
        """By the registration access token, which each use replaces."""
        answer = self._register("PUT", self.held["registrationAccessToken"], {**self.held, **changes}, NAME)
        if answer.ok:
            self.held = answer.json()
        return answer.status_code

    def administrates(self) -> list[int]:
        """What the Admin API answers to each token."""
        headers = [{"Authorization": f"Bearer {each}"} for each in self.tokens]
        at = self.realm.url + self.realm.at("clients")
        return [requests.get(at, headers=each, timeout=120).status_code for each in headers]

    def _register(self, method: str, token: str, body: dict[str, Any], name: str = "") -> requests.Response:
        at = f"{self.realm.url}/realms/{self.realm.name}/clients-registrations/default/{name}".rstrip("/")
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, at, json=body, headers=headers, timeout=120)


def has_nothing(attacker: Attacker, key: Path | None) -> None:
    """No token, secret or key of theirs works; whoever has a role is the client of the key."""
    realm = attacker.realm
    assert attacker.tokens
    assert set(attacker.administrates()) <= {401, 403}
    secret = {"clientAuthenticatorType": "client-secret", "secret": "attackers-secret"}
    attacker.update(**secret)
    attacker.log_in()
    assert set(attacker.administrates()) <= {401, 403}
    management = realm.uuid("realm-management")
    holders = {each["id"] for role in ROLES for each in realm.get("clients", management, "roles", role, "users")}
    if key is None:
        assert not holders
        return
    assert attacker.update(**secret) == 401 and attacker.log_in() in (400, 401)
    ours = realm.client(NAME)
    assert ours["id"] != attacker.held["id"] and ours["clientAuthenticatorType"] == "client-jwt"
    assert holders == {realm.get("clients", ours["id"], "service-account-user")["id"]}
    assert not realm.get("clients", clientId=NAME, search="true")[1:]
    login = PrivateKeyLogin(NAME, key.read_text())
    connection = realm.connection
    assert Session(type(connection)(realm.url, login, realm.name)).get(realm.at("clients"))


SECRET = {"clientAuthenticatorType": "client-secret", "secret": "attackers-secret"}
BY_KEY = {"clientAuthenticatorType": "client-jwt"}


@pytest.mark.parametrize("last", [SECRET, BY_KEY], ids=["client-secret", "client-jwt"])
@pytest.mark.parametrize("known", [False, True], ids=["without our key", "with our public key"])
def test_a_planted_client_gets_nothing(realm: TestRealm, tmp_path: Path, known: bool, last: dict[str, Any]) -> None:
    """Neither its secret, nor its registration access token, nor a token that its service account got before."""
    key = tmp_path / "robot.pem"
    forget()
    pem = bootstrap(realm.connection, realm.name, NAME, ROLES, key).key.read_text()
    public = {key: value for key, value in realm.client(NAME)["attributes"].items() if "jwks" in key}
    remove(realm.connection, realm.name, NAME)
    attacker = Attacker(realm)
    attacker.plant(**SECRET)
    assert attacker.log_in() == 200
    attributes = {**attacker.held["attributes"], **(public if known else {})}
    assert attacker.update(**last, attributes=attributes) == 200

    forget()
    if not known:
        with pytest.raises(Refusal, match=r"has another key than that in .*--new-key"):
            bootstrap(realm.connection, realm.name, NAME, ROLES, key)
        with pytest.raises(Refusal, match=r"is not in .*--new-key"):
            bootstrap(realm.connection, realm.name, NAME, ROLES, tmp_path / "another.pem")
        has_nothing(attacker, None)
        forget()
    made = bootstrap(realm.connection, realm.name, NAME, ROLES, key, new_key=not known)
    assert not made.robot.made and (key.read_text() == pem) == known
    has_nothing(attacker, key)


def test_it_is_said_that_a_client_existed(realm: TestRealm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ADMIN_PASSWORD, realm.admin_password)
    command = ["bootstrap", "--url", realm.url, "--realm", realm.name]
    attacker = Attacker(realm)
    attacker.plant(**SECRET)
    assert attacker.log_in() == 200
    forget()
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2 and "--new-key, which deletes the client" in refused.output
    has_nothing(attacker, None)
    attacker.update(**BY_KEY)
    forget()
    done = CliRunner().invoke(app, [*command, "--guards", "--new-key"])
    assert done.exit_code == 0 and "Deleted and created again: client 'pulumi-token-exchange'" in done.output
    (key,) = tmp_path.glob("*.pem")
    has_nothing(attacker, key)
    forget()
    gone = CliRunner().invoke(app, [*command, "--remove"])
    assert gone.exit_code == 0 and gone.output == f"Client '{NAME}' in realm '{realm.name}': deleted.\n"


@pytest.mark.parametrize("existing", [False, True], ids=["none before", "one before"])
def test_a_failure_leaves_the_realm_as_it_was(realm: TestRealm, tmp_path: Path, existing: bool) -> None:
    """A login that is refused, a client that the realm's policies bind to a certificate, and a role that does not exist."""
    key = tmp_path / "robot.pem"
    if existing:
        forget()
        bootstrap(realm.connection, realm.name, NAME, ROLES, key)

    def fails(error: type[BaseException], words: str, roles: Collection[str] = ROLES, **options: Any) -> None:
        before, files = realm.export(), {each: each.read_bytes() for each in tmp_path.iterdir()}
        for new_key in (False, True):
            forget()
            with pytest.raises(error, match=words):
                bootstrap(realm.connection, realm.name, NAME, roles, key, new_key=new_key, **options)
        assert realm.export() == before and {each: each.read_bytes() for each in tmp_path.iterdir()} == files

    def require(flow: str, execution: dict[str, Any]) -> None:
        with suppress(KeycloakError):  # 24.0 answers 202, which nothing else does
            realm.session.put(flow, execution)
        assert execution in realm.session.get(flow)

    flow = realm.at("authentication", "flows", "clients", "executions")
    by_key = next(each for each in realm.session.get(flow) if each["providerId"] == "client-jwt")
    require(flow, {**by_key, "requirement": "DISABLED"})
    fails(Refusal, r"cannot log in by its key \(401")
    require(flow, by_key)

    at = [realm.at("client-policies", each) for each in ("profiles", "policies")]
    kept = [realm.session.get(each) for each in at]
    executor = {"executor": "holder-of-key-enforcer", "configuration": {"auto-configure": True}}
    realm.session.put(at[0], {"profiles": [{"name": "p", "executors": [executor]}]})
    condition = {"condition": "any-client", "configuration": {}}
    policy = {"name": "p", "enabled": True, "conditions": [condition], "profiles": ["p"]}
    realm.session.put(at[1], {"policies": [policy]})
    fails(Refusal, "would change tls.client.certificate.bound.access.tokens .* when bootstrap writes this client")
    for each, was in reversed([*zip(at, kept, strict=True)]):
        realm.session.put(each, {key: value for key, value in was.items() if not key.startswith("global")})

    fails(NotFound, "no-such-role", ("no-such-role",))


def test_a_run_that_is_interrupted_leaves_the_realm_as_it_was(
    realm: TestRealm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    before = realm.export()
    monkeypatch.setattr(robot, "_give_exactly", interrupted)
    forget()
    with pytest.raises(KeyboardInterrupt):
        bootstrap(realm.connection, realm.name, NAME, ROLES, tmp_path / "robot.pem")
    assert realm.export() == before and not [*tmp_path.iterdir()]

    def refused(*_: Any) -> None:
        raise Forbidden(403, "DELETE", "/clients/1", "no")

    monkeypatch.setattr(robot, "delete_client", refused)
    forget()
    words = (
        r"could not be made \(KeyboardInterrupt\), and .* taken back \(DELETE /clients/1 -> 403 .*; run bootstrap again"
    )
    with pytest.raises(Refusal, match=words):
        bootstrap(realm.connection, realm.name, NAME, ROLES, tmp_path / "robot.pem")


def test_a_token_of_a_client_that_is_gone_gets_nothing(realm: TestRealm, tmp_path: Path) -> None:
    """Keycloak takes it for one of a new client of that name."""
    attacker = Attacker(realm)
    attacker.plant(**SECRET)
    assert attacker.log_in() == 200
    realm.session.delete(realm.at("clients", realm.uuid(NAME)))
    forget()
    made = bootstrap(realm.connection, realm.name, NAME, ROLES, tmp_path / "robot.pem")
    assert made.robot.made
    has_nothing(attacker, made.key)


def test_a_user_with_the_name_of_its_service_account_is_refused(realm: TestRealm, tmp_path: Path) -> None:
    """Where anybody may register, anybody may take that name."""
    realm.add_user(f"service-account-{NAME}")
    before = realm.export()
    forget()
    with pytest.raises(Refusal, match="the new client cannot take this name"):
        bootstrap(realm.connection, realm.name, NAME, ROLES, tmp_path / "robot.pem")
    assert realm.export() == before and not [*tmp_path.iterdir()]
