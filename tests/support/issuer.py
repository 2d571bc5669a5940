"""An issuer of tokens on this machine, as a Kubernetes cluster or a CI system is one: its document, its keys, what it signs."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ALGORITHM, KEY_ID = "RS256", "key-1"
ACCOUNT = "system:serviceaccount:deploy:pulumi"


@dataclass
class Issuer:
    """url: its ``iss``. given: all tokens that it signed."""

    url: str
    key: rsa.RSAPrivateKey = field(repr=False)
    given: list[str] = field(default_factory=list, repr=False)

    def sign(self, **claims: Any) -> str:
        now = int(time.time())
        made = {"iss": self.url, "iat": now, "nbf": now, "exp": now + 600, **claims}
        return self._signed(made)

    def _signed(self, made: dict[str, Any]) -> str:
        self.given.append(jwt.encode(made, self.key, ALGORITHM, headers={"kid": KEY_ID}))
        return self.given[-1]

    def of_pod(self, audience: str, account: str = ACCOUNT) -> str:
        """A projected token of a service account. https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/"""
        _, _, namespace, name = account.split(":")
        bound = {
            "namespace": namespace,
            "node": {"name": "node-1", "uid": str(uuid.uuid4())},
            "pod": {"name": "job-1", "uid": str(uuid.uuid4())},
            "serviceaccount": {"name": name, "uid": str(uuid.uuid4())},
        }
        return self.sign(sub=account, aud=[audience], jti=str(uuid.uuid4()), **{"kubernetes.io": bound})

    def of_job(self, audience: str, subject: str) -> str:
        """A token of a job on GitHub, which has its audience as a text."""
        return self.sign(sub=subject, aud=audience, jti=str(uuid.uuid4()))

    def of_workload(self, audience: str, spiffe_id: str) -> str:
        """A JWT-SVID, which has no issuer. https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md"""
        now = int(time.time())
        return self._signed({"sub": spiffe_id, "aud": [audience], "iat": now, "exp": now + 600})


@contextmanager
def issuer() -> Iterator[Issuer]:
    key = rsa.generate_private_key(65537, 2048)
    public = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(key.public_key(), as_dict=True)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            documents = {
                "/.well-known/openid-configuration": {"issuer": made.url, "jwks_uri": f"{made.url}/keys"},
                "/keys": {"keys": [{**public, "use": "sig", "alg": ALGORITHM, "kid": KEY_ID}]},
                "/bundle": {"keys": [{**public, "use": "jwt-svid", "kid": KEY_ID}], "spiffe_sequence": 1},
            }
            body = json.dumps(documents.get(self.path, {})).encode()
            self.send_response(200 if self.path in documents else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"http://127.0.0.1:{server.server_port}", key)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
