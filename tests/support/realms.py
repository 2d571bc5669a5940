"""Random realms on a real Keycloak, made and looked at by the Admin API, apart from the code under test."""

import functools
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kcadmin.objects.robot import roles_for
from kcadmin.rest.connection import ClientSecretLogin, Connection, PasswordLogin
from kcadmin.rest.session import Session, path
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from local.layout import only_one
from tests.support.robot_clients import MANAGEMENT, ROBOT_SECRET, ROBOTS, robot_client, service_account

PASSWORD = "a-test-password"
TESTER, TESTER_SECRET = "tester", "a-tester-secret"
LIGHTWEIGHT = "client.use.lightweight.access.token.enabled"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
KEY_PROVIDER = "org.keycloak.keys.KeyProvider"
CONFIDENTIAL = {
    "publicClient": False,
    "secret": "s",
    "directAccessGrantsEnabled": True,
    "standardFlowEnabled": True,
    "redirectUris": ["http://localhost/*"],
    "serviceAccountsEnabled": False,
}


CHEAP_PASSWORDS = "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)"


class Arranging(Session):
    """A session of a test's own, whose requests ``interrupted`` neither counts nor kills."""

    _send = Session._send

    def post(self, at: str, body: object) -> None:
        """With any good answer: an import, for one, is answered by 200 and a report."""
        self._authorised("POST", at, body=body)


@dataclass
class TestRealm:
    """A realm with clients, one user and the robots; everything a test needs to know of it."""

    __test__ = False
    url: str
    admin_password: str
    name: str
    user: str = "testuser2"
    session: Arranging = field(init=False, repr=False)
    robots: set[str] = field(default_factory=set, init=False, repr=False)
    """The client ids of those that were asked for so far."""

    def __post_init__(self) -> None:
        self.session = Arranging(self.connection)

    @property
    def connection(self) -> Connection:
        """The login of the tests, which arrange and look: an administrator's service account, which needs no hashing.

        The code under test logs in as a ``robot``.
        """
        _make_tester(self.url, self.admin_password)
        return Connection(self.url, ClientSecretLogin(TESTER, TESTER_SECRET))

    @classmethod
    def make(
        cls,
        url: str,
        admin_password: str,
        clients: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> "TestRealm":
        realm = cls(url, admin_password, f"realm-{secrets.token_hex(4)}")
        clients = clients if clients is not None else {"frontend": {}, "api": {}}
        realm.session.post(
            "/admin/realms",
            {
                "realm": realm.name,
                "enabled": True,
                "components": {KEY_PROVIDER: _keys()},
                "passwordPolicy": CHEAP_PASSWORDS,
                "clients": [{"clientId": name, **CONFIDENTIAL, **changes} for name, changes in clients.items()],
                "users": [user_of(realm.user)],
            },
        )
        # Before Keycloak 26, a token has no rights in a realm that was made after it.
        realm.session = Arranging(realm.connection)
        return realm

    def add_from(self, content: Mapping[str, Any]) -> None:
        """Imports a realm file under this realm's name, with a secret for confidential clients, a user and quick keys."""
        clients = [
            {**each, **({} if each.get("publicClient") else {"secret": "s"})} for each in content.get("clients", ())
        ]
        own = {"components": {KEY_PROVIDER: _keys()}, "passwordPolicy": CHEAP_PASSWORDS, "users": [user_of(self.user)]}
        self.session.post("/admin/realms", {**content, **own, "realm": self.name, "clients": clients})
        self.session = Arranging(self.connection)

    def robot(self, *purposes: str) -> Connection:
        """The login of the robot that has the roles for these purposes (of ``kcadmin.objects.robot``), and no others."""
        return self.robot_with(roles_for(purposes))

    def robot_with(self, roles: tuple[str, ...]) -> Connection:
        """The login of the robot that has these roles of ``realm-management``."""
        name = ROBOTS[roles]
        if name not in self.robots:
            self._add_robot(name, roles)
        return replace(self.connection, login=ClientSecretLogin(name, ROBOT_SECRET), login_realm=self.name)

    def _add_robot(self, name: str, roles: tuple[str, ...]) -> None:
        client = robot_client(name, old=_is_old(self.url, self.admin_password))
        made = {"ifResourceExists": "FAIL", "clients": [client], "users": [service_account(name, roles)]}
        self.session.post(self.at("partialImport"), made)
        tokens = self.at("clients", self.uuid(name), "scope-mappings", "clients", self.uuid(MANAGEMENT))
        self.session.post(tokens, [{"name": role} for role in roles])
        self.robots.add(name)

    def at(self, *segments: str) -> str:
        return path("admin", "realms", self.name, *segments)

    def get(self, *segments: str, **query: str) -> Any:
        return self.session.get(self.at(*segments), **query)

    def client(self, client_id: str) -> dict[str, Any]:
        return dict(self.get("clients", clientId=client_id)[0])

    def uuid(self, client_id: str) -> str:
        return str(self.client(client_id)["id"])

    def change(self, client_id: str, **fields: Any) -> None:
        client = self.client(client_id)
        # Up to 26.2, what is left out of the last two changes by itself, and a change to SAML wants clientId.
        repeated = {"clientId", "serviceAccountsEnabled", "frontchannelLogout"} & {*client}
        kept = {name: client[name] for name in repeated}
        self.session.put(self.at("clients", str(client["id"])), {**kept, **fields})

    def add_client(self, client_id: str, **changes: Any) -> None:
        self.session.post(self.at("clients"), {"clientId": client_id, **CONFIDENTIAL, **changes})

    def mapper(self, client_id: str, name: str, audience: str, **config: str) -> None:
        self.session.post(
            self.at("clients", self.uuid(client_id), "protocol-mappers", "models"),
            {
                "name": name,
                "protocol": "openid-connect",
                "protocolMapper": "oidc-audience-mapper",
                "config": {"included.client.audience": audience, "access.token.claim": "true", **config},
            },
        )

    def authz(self, client_id: str) -> dict[str, Any]:
        return dict(self.get("clients", self.uuid(client_id), "authz", "resource-server", "settings"))

    def export(self) -> Any:
        """The realm's whole export, ids left out and lists in order, so that two of them can be compared."""
        exported = self.session.post_json(
            self.at("partial-export"), None, exportClients="true", exportGroupsAndRoles="true"
        )
        return _without_ids(self._without_robots(exported))

    def export_as(self, other: "TestRealm") -> Any:
        """The same under another realm's name."""
        return _without_ids(json.loads(json.dumps(self.export()).replace(self.name, other.name)))

    def _without_robots(self, export: dict[str, Any]) -> dict[str, Any]:
        """They are made when one is first asked for, which may be between two exports."""
        accounts = {f"service-account-{name}" for name in self.robots}
        mappings = {
            holder: [each for each in held if each.get("client") not in self.robots]
            for holder, held in export.get("clientScopeMappings", {}).items()
        }
        roles = {name: held for name, held in export["roles"]["client"].items() if name not in self.robots}
        return {
            **export,
            "roles": {**export["roles"], "client": roles},
            "clients": [each for each in export["clients"] if each["clientId"] not in self.robots],
            "users": [each for each in export.get("users", ()) if each["username"] not in accounts],
            "clientScopeMappings": {holder: held for holder, held in mappings.items() if held},
        }

    def export_but_for_permissions(self) -> Any:
        """The export without what no request can undo: the resource server that stays with the first management permission."""
        return self.without_permissions(self.export())

    @staticmethod
    def without_permissions(export: Any) -> Any:
        """An export without the empty resource server of ``realm-management`` and its seven scopes."""
        clients = []
        for client in export["clients"]:
            settings = client.get("authorizationSettings") or {}
            if (
                client["clientId"] == "realm-management"
                and not settings.get("policies")
                and not settings.get("resources")
            ):
                client = {key: value for key, value in client.items() if not key.startswith("authorization")}
            clients.append(client)
        return {**export, "clients": sorted(clients, key=lambda client: str(client["clientId"]))}

    def delete_mapper(self, client_id: str, name: str) -> None:
        mapper = next(each for each in self.client(client_id)["protocolMappers"] if each["name"] == name)
        at = self.at("clients", self.uuid(client_id), "protocol-mappers", "models")
        self.session.delete(f"{at}/{mapper['id']}")

    def add_user(self, username: str) -> None:
        names = {"email": f"{username}@example.com", "emailVerified": True, "firstName": "Test", "lastName": "User"}
        credentials = [{"type": "password", "value": PASSWORD}]
        body = {"username": username, "enabled": True, **names, "credentials": credentials}
        self.session.post(self.at("users"), body)

    def add_role(self, role: str, username: str, client_id: str | None = None) -> None:
        """Makes a role of the realm or of a client, and gives it to a user."""
        holder = self.at("clients", self.uuid(client_id)) if client_id else self.at()
        self.session.post(f"{holder}/roles", {"name": role})
        self.give_role(role, username, client_id)

    def give_role(self, role: str, username: str, client_id: str | None = None) -> None:
        """Gives a role of the realm or of a client to a user."""
        holder = self.at("clients", self.uuid(client_id)) if client_id else self.at()
        found = self.session.get(f"{holder}/roles/{role}")
        user = self.get("users", username=username, exact="true")[0]["id"]
        place = ("clients", self.uuid(client_id)) if client_id else ("realm",)
        self.session.post(self.at("users", user, "role-mappings", *place), [found])

    def user_token(self, client_id: str, username: str | None = None, **asked: str) -> str:
        endpoint = TokenEndpoint(self.session, self.name)
        credentials = ClientCredentials(client_id, "s")
        return endpoint.for_user(credentials, username or self.user, PASSWORD, **asked).access_token

    def is_locked(self) -> bool:
        """Whether the user is locked within 30 s: Keycloak writes the lock after it has answered a wrong password."""
        at = ("attack-detection", "brute-force", "users", self.get("users", username=self.user, exact="true")[0]["id"])
        until = time.monotonic() + 30
        while not (locked := bool(self.get(*at)["disabled"])) and time.monotonic() < until:
            time.sleep(0.1)
        return locked

    def gives_refresh_token(self, requester: str, token: str, audience: str | None = None) -> bool:
        """Whether an exchange gives a refresh token to a caller who names no type. :raises TokenRefused:"""
        form = {"grant_type": TOKEN_EXCHANGE, "client_id": requester, "client_secret": "s", "subject_token": token}
        at = path("realms", self.name, "protocol", "openid-connect", "token")
        answer = self.session.public("POST", at, form={**form, **({"audience": audience} if audience else {})}).json()
        assert "access_token" in answer, answer
        return "refresh_token" in answer

    def exchange(self, requester: str, token: str, audience: str | None = None, **asked: str) -> dict[str, Any]:
        """The claims of an exchanged token. :raises TokenRefused:"""
        endpoint = TokenEndpoint(self.session, self.name)
        answer = endpoint.exchange(ClientCredentials(requester, "s"), token, audience=audience, **asked)
        claims = dict(endpoint.claims(answer.access_token))
        aud = claims.get("aud", [])
        claims["aud"] = [aud] if isinstance(aud, str) else sorted(aud)
        return claims

    def remove(self) -> None:
        self.session.delete(self.at())


def hang_on(realm: TestRealm, name: str, strategy: str, client: str = "account") -> None:
    """An unmanaged policy for a client on the token-exchange permission of ``api``."""
    ids = realm.session.put_json(
        realm.at("clients", realm.uuid("api"), "management", "permissions"), {"enabled": True}
    )["scopePermissions"]
    server = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")
    policy = realm.session.post_json(f"{server}/policy/client", {"name": name, "clients": [realm.uuid(client)]})["id"]
    realm.session.put(
        f"{server}/permission/scope/{ids['token-exchange']}",
        {
            "name": f"token-exchange.permission.client.{realm.uuid('api')}",
            "type": "scope",
            "policies": [policy],
            "decisionStrategy": strategy,
        },
    )


def user_of(name: str) -> dict[str, Any]:
    return {
        "username": name,
        "enabled": True,
        "email": "two@example.com",
        "emailVerified": True,
        "firstName": "Test",
        "lastName": "User",
        "credentials": [{"type": "password", "value": PASSWORD}],
    }


@functools.cache
def _is_old(url: str, admin_password: str) -> bool:
    """Whether the server has no client scope for service accounts yet."""
    admin = Session(Connection(url, PasswordLogin("admin", admin_password)))
    scopes = admin.get(path("admin", "realms", "master", "client-scopes"))
    return "service_account" not in {scope["name"] for scope in scopes}


@functools.cache
@only_one("test-server-tester")
def _make_tester(url: str, admin_password: str) -> None:
    admin = Session(Connection(url, PasswordLogin("admin", admin_password)))
    clients = path("admin", "realms", "master", "clients")
    # An administrator's login takes an eighth of its time without Argon2 and RSA, which are slow without Java's second compiler.
    cheap = {"passwordPolicy": CHEAP_PASSWORDS, "defaultSignatureAlgorithm": "HS512"}
    admin.put(path("admin", "realms", "master"), cheap)
    if not admin.get(clients, clientId=TESTER):
        # Without it, its token names all roles in all realms, and a login takes six times as long. Before 26, it needs them.
        as_the_console_is = admin.get(clients, clientId="admin-cli")[0].get("attributes") or {}
        light = {key: value for key, value in as_the_console_is.items() if key == LIGHTWEIGHT}
        tester = {"clientId": TESTER, "secret": TESTER_SECRET, "serviceAccountsEnabled": True, "attributes": light}
        admin.post(clients, tester)
        uuid = admin.get(clients, clientId=TESTER)[0]["id"]
        user = admin.get(f"{clients}/{uuid}/service-account-user")["id"]
        role = admin.get(path("admin", "realms", "master", "roles", "admin"))
        admin.post(path("admin", "realms", "master", "users", user, "role-mappings", "realm"), [role])


@functools.cache
def _keys() -> list[dict[str, Any]]:
    """The keys of every test realm: the server takes seconds to generate RSA keys for each, and nothing tests them.

    A key without its certificate is a quarter of the time that a realm takes to make, and a long one most of a token's.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    first = {"priority": ["100"]}
    pair = {"privateKey": [pem], "certificate": [_certificate(key)], "keyUse": ["SIG"]}
    return [
        {"name": "rsa", "providerId": "rsa", "config": {**first, **pair}},
        {"name": "hmac", "providerId": "hmac-generated", "config": {**first, "algorithm": ["HS512"]}},
        {"name": "aes", "providerId": "aes-generated", "config": first},
    ]


def _certificate(key: rsa.RSAPrivateKey) -> str:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")]), datetime.now(timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=2))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_ids(each) for key, each in value.items() if key not in ("id", "_id", "containerId")}
    if isinstance(value, list):
        return sorted((_without_ids(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
