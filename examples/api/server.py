"""A small API that validates access tokens: signature by the realm's keys, issuer, expiry, and its own name in ``aud``.

https://www.rfc-editor.org/rfc/rfc9068#section-4
"""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

HOST, PORT = "127.0.0.1", 9080
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
log = logging.getLogger("api")


class Api(ThreadingHTTPServer):
    """The API of one client of a realm. ``issuer``: the realm's. ``audience``: the client id of the API."""

    daemon_threads = True

    def __init__(self, issuer: str, audience: str, port: int = PORT) -> None:
        try:
            super().__init__((HOST, port), _Handler)
        except OSError:  # the port is taken: any other
            super().__init__((HOST, 0), _Handler)
        self.issuer = issuer
        self.audience = audience
        self.keys = jwt.PyJWKClient(f"{issuer}/protocol/openid-connect/certs")

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"

    def caller(self, token: str) -> dict[str, str]:
        """Who calls for whom. :raises jwt.PyJWTError: the token is not valid, or not for this API."""
        key = self.keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            issuer=self.issuer,
            audience=self.audience,
            options={"require": ["exp", "iat", "iss", "aud"]},
        )
        return {"user": str(claims.get("preferred_username", claims.get("sub"))), "through": str(claims.get("azp"))}


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer" or not token:
                raise jwt.InvalidTokenError("no bearer token")
            caller = self.server.caller(token)
        except jwt.PyJWTError as problem:
            log.info("401 %s", problem)
            self._answer(401, {"error": "invalid_token", "error_description": str(problem)})
            return
        log.info("200 user %s, through %s", caller["user"], caller["through"])
        self._answer(200, caller)

    def _answer(self, status: int, body: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """The lines above say more."""


@contextmanager
def serving(issuer: str, audience: str, port: int = PORT) -> Iterator[Api]:
    """The API, running in a thread while the block runs."""
    api = Api(issuer, audience, port)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    try:
        yield api
    finally:
        api.shutdown()
        api.server_close()
