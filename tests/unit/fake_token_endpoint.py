"""A realm that signs tokens with a key of its own, behind the seam of ``Session``: no network."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from kcadmin.rest.answers import Answer
from kcadmin.rest.connection import Connection, PasswordLogin
from kcadmin.rest.errors import AnswerLost, Unreachable
from kcadmin.rest.redaction import redacted
from kcadmin.rest.session import Session

ISSUER = "https://keycloak.example/realms/r"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
USER = {"jti": "onrtro:1", "sub": "user-1", "azp": "frontend", "aud": ["api", "account"], "sid": "s"}
STANDARD = {"jti": "onrtte:2", "sub": "user-1", "azp": "api", "aud": "api", "sid": "s"}
LEGACY = {**STANDARD, "jti": "onrtna:2", "aud": ["api", "account"]}


def sign(
    claims: Mapping[str, Any], *, key: rsa.RSAPrivateKey = KEY, kid: str = "k", seconds: int = 60, kind: str = "JWT"
) -> str:
    """A token of the realm; claims of None are left out. kind: its header ``typ``."""
    now = int(time.time())
    payload = {"iss": ISSUER, "iat": now, "exp": now + seconds, "scope": "email", **claims}
    kept = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(kept, key, "RS256", {"kid": kid, "typ": kind})


def answer(status: int, body: object) -> Answer:
    """An answer as a transport gives it; a text is no JSON."""
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    kind = "text/html" if isinstance(body, str) else "application/json"
    return Answer("https://keycloak.example", "POST", "/realms/r", status, {"Content-Type": kind}, content, redacted)


@dataclass(eq=False)
class FakeRealm:
    """What the endpoints answer; ``asked`` holds every form posted, by endpoint."""

    subject: object = field(default_factory=lambda: {"access_token": sign(USER), "refresh_token": "refresh"})
    exchanged: object = field(default_factory=lambda: {"access_token": sign(STANDARD)})
    revoked: object = ""
    status: Mapping[str, int] = field(default_factory=dict)
    clients: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secret: str | Exception = "from-server"
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    down: bool = False
    breaks: int = 0

    connection = Connection("https://keycloak.example", PasswordLogin("admin", "pw"))

    @property
    def session(self) -> Session:
        """This realm in the place of a session."""
        return cast(Session, self)

    def forms(self, endpoint: str) -> list[dict[str, str]]:
        """The forms posted to an endpoint."""
        return [form for at, form in self.asked if at == endpoint]

    def public(
        self,
        method: str,
        at: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """As ``Session.public``."""
        if self.down:
            raise Unreachable("no answer")
        if self.breaks:
            self.breaks -= 1
            raise AnswerLost("no answer")
        endpoint = at.rsplit("/", 1)[-1]
        if method == "GET":
            self.looked_up.append(endpoint)
            jwk = {**jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "k", "alg": "RS256"}
            encryption = {**jwk, "kid": "e", "alg": "RSA-OAEP", "use": "enc"}
            return answer(200, {"keys": [encryption, jwk]} if endpoint == "certs" else {"issuer": ISSUER})
        self.asked.append((endpoint, dict(form or {})))
        kind = "exchanged" if (form or {}).get("grant_type", "").endswith("token-exchange") else "subject"
        if endpoint != "token":
            refused = endpoint in self.status
            return answer(
                self.status.get(endpoint, 204 if endpoint == "logout" else 200),
                {"error": "invalid_request"} if refused else self.revoked if endpoint == "revoke" else "",
            )
        return answer(self.status.get(kind, 200), self.exchanged if kind == "exchanged" else self.subject)

    def get(self, at: str, **query: str) -> Any:
        """As ``Session.get``: clients and their secrets."""
        self.looked_up.append(unquote(at))
        if at.endswith("/client-secret"):
            if isinstance(self.secret, Exception):
                raise self.secret
            return {"type": "secret", "value": self.secret}
        client_id = query["clientId"]
        found = self.clients.get(client_id)
        return [] if found is None else [{"id": f"uuid-{client_id}", "clientId": client_id, **found}]
