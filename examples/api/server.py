"""A small API that validates access tokens: signature by the realm's keys, issuer, expiry, type, its name in ``aud``, ``azp``.

https://www.rfc-editor.org/rfc/rfc9068#section-4
"""

import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt

HOST, PORT = "127.0.0.1", 9080
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
KEYS_SECONDS, REFETCH_SECONDS = 300, 5
REQUEST_SECONDS, WRITE_SECONDS, MOST_AT_ONCE = 5.0, 5.0, 32
BUSY = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
ACCESS_TOKEN_HEADERS = ("at+jwt", "application/at+jwt")
Answer = tuple[int, dict[str, Any]]
Onward = Callable[[str], Mapping[str, Any]]
log = logging.getLogger("api")


class OnwardProblem(Exception):
    """The next service, or the exchange for it, gave no answer that can be used; the text holds no token."""


class Validator:
    """Which tokens an API takes. issuer: the realm's. audience: its own client id.

    callers: client ids that may stand in ``azp``; none for any. The realm's keys are read at first use; a token whose key is
    not among them has them read once more, since a realm may have a new key, but not within seconds of the last time.
    """

    def __init__(self, issuer: str, audience: str, callers: Collection[str] = ()) -> None:
        self.issuer = issuer
        self.audience = audience
        self.callers = frozenset(callers)
        self.keys = jwt.PyJWKClient(
            f"{issuer}/protocol/openid-connect/certs", lifespan=KEYS_SECONDS, cooldown_duration=REFETCH_SECONDS
        )

    def claims(self, token: str) -> Mapping[str, Any]:
        """What a token says. :raises jwt.PyJWTError: it is not valid, or not for this API."""
        claims: Mapping[str, Any] = jwt.decode(
            token,
            self.keys.get_signing_key_from_jwt(token),
            algorithms=ALGORITHMS,
            issuer=self.issuer,
            audience=self.audience,
            options={"require": ["exp", "iat", "iss", "aud", "azp"]},
        )
        _require_access_token(jwt.get_unverified_header(token), claims)
        if self.callers and claims["azp"] not in self.callers:
            raise jwt.InvalidTokenError(f"azp is '{claims['azp']}', who may not call '{self.audience}'")
        return claims


def _require_access_token(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """An ID token is signed by the same keys, and may have the API in aud, too. header: of a token whose signature is right.

    Keycloak writes the claim ``typ``, and the header of RFC 9068 only where the client's settings say so.
    """
    kind, named = claims.get("typ"), str(header.get("typ")).lower() in ACCESS_TOKEN_HEADERS
    if kind != "Bearer" and not (kind is None and named):
        raise jwt.InvalidTokenError(f"typ is '{kind}', and not that of an access token")
    if "cnf" in claims:
        raise jwt.InvalidTokenError("it is bound to a key (cnf), and this API asks for no proof of it")


class Api(ThreadingHTTPServer):
    """The API of one client of a realm. onward: asks the next service on behalf of a caller, with the token received.

    So many requests at once have a thread each; one more is answered 503.
    """

    daemon_threads = True
    request_queue_size = MOST_AT_ONCE

    def __init__(
        self,
        issuer: str,
        audience: str,
        port: int = PORT,
        *,
        callers: Collection[str] = (),
        onward: Onward | None = None,
    ) -> None:
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError:  # the port is taken: any other
            super().__init__((HOST, 0), _Handler)
        self.validator = Validator(issuer, audience, callers)
        self.onward = onward

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with suppress(OSError):
            request.settimeout(0)  # the accepting thread never waits for a request
            request.sendall(BUSY)
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"


def answer(validator: Validator, authorization: str, onward: Onward | None = None) -> Answer:
    """Status and body for a request. authorization: its header. The log says who acts for whom."""
    scheme, _, token = authorization.partition(" ")
    try:
        if scheme.lower() != "bearer" or not token:
            raise jwt.InvalidTokenError("no bearer token")
        claims = validator.claims(token)
    except jwt.PyJWKClientConnectionError:  # nothing is wrong with the token, as far as is known
        log.error("503 the keys of %s cannot be read", validator.issuer)
        return 503, {"error": "temporarily_unavailable", "error_description": "the realm's keys cannot be read"}
    except jwt.PyJWTError as problem:
        log.warning("401 %s at %s", _one_line(problem), validator.audience)
        return 401, {"error": "invalid_token", "error_description": str(problem)}
    body = {
        "user": str(claims.get("preferred_username", claims.get("sub"))),
        "through": str(claims["azp"]),
        "at": validator.audience,
    }
    log.info("200 user %s through %s at %s", _one_line(body["user"]), _one_line(body["through"]), body["at"])
    if onward is None:
        return 200, body
    try:
        return 200, {**body, "then": onward(token)}
    except OnwardProblem as problem:
        log.error("502 %s", _one_line(problem))
        return 502, {"error": "bad_gateway", "error_description": str(problem)}


def _one_line(said: object) -> str:
    """A text from outside, such as the key id of an unsigned token, in one line of the log."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(said))


class _InTime(io.RawIOBase):
    """What a connection sends within so many seconds in all; then TimeoutError."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._end = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    server: Api

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(_InTime(self.connection, REQUEST_SECONDS))

    def do_GET(self) -> None:
        server = self.server
        self.connection.settimeout(WRITE_SECONDS)
        status, body = answer(server.validator, self.headers.get("Authorization", ""), server.onward)
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
def serving(
    issuer: str, audience: str, port: int = PORT, *, callers: Collection[str] = (), onward: Onward | None = None
) -> Iterator[Api]:
    """The API, running in a thread while the block runs."""
    api = Api(issuer, audience, port, callers=callers, onward=onward)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    try:
        yield api
    finally:
        api.shutdown()
        api.server_close()
