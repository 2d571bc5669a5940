"""HTTP to one server: safe retries, and answers that end: in size, also unpacked, and in the time from first byte to last."""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

from kcadmin.answers import Answer
from kcadmin.connection import Connection
from kcadmin.errors import BUSY, Unreachable
from kcadmin.login import secrets_of
from kcadmin.redaction import is_token, redacted

CONNECT_SECONDS, READ_SECONDS = 5, 60
ANSWER_SECONDS = 120
ANSWER_MEGABYTES = 64
LONGEST_WAIT_SECONDS = 30
NAME = "keycloak-token-exchange"  # in the User-Agent header
TOO_MANY_REQUESTS = 429
PIECE = 1 << 16
# Of the fields of a token request, those that are no secret.
PUBLIC_FIELDS = frozenset(
    (
        *("grant_type", "client_id", "username", "scope", "audience"),
        *("client_assertion_type", "subject_token_type", "requested_token_type", "token_type_hint"),
    )
)


class _Endless(Exception):
    """An answer that does not end. No error of the network, so that nothing asks for it again."""


class _Bounded(io.RawIOBase):
    """What a socket gives, for one answer: no more than ``ANSWER_MEGABYTES``, within ``ANSWER_SECONDS``, its headers too.

    A server that sends a byte now and then keeps each single read short.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._end = time.monotonic() + ANSWER_SECONDS
        self._left = (ANSWER_MEGABYTES << 20) + PIECE  # the body may be as long; its headers come besides

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        patience = self._sock.gettimeout()
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise _too_slow()
        try:
            if patience is None or seconds < patience:
                self._sock.settimeout(seconds)
            read = self._raw.readinto(buffer)
        except TimeoutError:
            if time.monotonic() >= self._end:
                raise _too_slow() from None
            raise
        finally:
            if patience is None or seconds < patience:
                self._sock.settimeout(patience)
        self._left -= read or 0
        if self._left < 0:
            raise _too_long()
        return int(read) if read is not None else None

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock))


class _Plain(HTTPConnection):
    response_class = _BoundedResponse


class _Secure(HTTPSConnection):
    response_class = _BoundedResponse


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS = {"http": _PlainPool, "https": _SecurePool}


class BoundedAdapter(HTTPAdapter):
    """The adapter of ``requests`` with connections whose answers end."""

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **settings: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **settings)
        if type(manager) is urllib3.ProxyManager:  # one for SOCKS has pools of its own
            manager.pool_classes_by_scheme = _POOLS
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None is followed; to look at one, requests would read its whole body first."""
        return None


class _SafeRetry(Retry):
    """A POST is not repeated: an answer that was lost does not mean that nothing was made. But 429 means that."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return status_code == TOO_MANY_REQUESTS or super().is_retry(method, status_code, has_retry_after)


# A connection that was refused is tried again for any method: nothing was sent. Parallel PUTs of one client answer 409 and 500.
_RETRY = _SafeRetry(
    total=5,
    connect=4,
    read=3,
    status=5,
    backoff_factor=0.2,
    backoff_max=5,
    retry_after_max=LONGEST_WAIT_SECONDS,
    status_forcelist=BUSY,
    allowed_methods=("GET", "PUT", "DELETE"),
    raise_on_status=False,
)
_ONCE = Retry(total=4, connect=4, read=0, status=0, other=0, backoff_factor=0.2, raise_on_status=False)


class Transport:
    """Requests to one server, from any thread. It keeps what was sent as a secret, to cut it out of what the server says."""

    def __init__(self, connection: Connection) -> None:
        self._url = connection.url
        verify: bool | str = connection.ca_certificate or True
        if connection.insecure_tls:
            verify = False
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.repeating, self.single = _sessions(connection, verify)
        self._secrets = set(secrets_of(connection.login))

    def send(
        self,
        method: str,
        at: str,
        *,
        body: object = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        token: str | None = None,
        once: bool = False,
    ) -> Answer:
        """An answer, of any status. once: not repeated after an answer that was lost. :raises Unreachable: there is none."""
        sent = [value for key, value in (form or {}).items() if key not in PUBLIC_FIELDS]
        self._secrets.update(each for each in (*sent, token or "") if each and not is_token(each))
        try:
            answer = (self.single if once else self.repeating).request(
                method,
                self._url + at,
                json=body,
                data=form,
                params=query,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            )
            with closing(answer):
                return Answer(self._url, method, at, answer.status_code, answer.headers, _whole(answer), self.hide)
        except requests.exceptions.SSLError as problem:
            raise self._untrusted(problem) from None
        except _Endless as problem:
            raise Unreachable(
                f"{self._server()}: its answer to {method} {at} {problem}; check that url is Keycloak's own address."
            ) from None
        except (requests.exceptions.RequestException, OSError) as problem:
            raise Unreachable(
                f"{self._server()}: no answer to {method} {at} ({self.hide(_root(problem))}); "
                "check that the server runs and that url is its address."
            ) from None

    def hide(self, text: str) -> str:
        """A text of the server without what is secret."""
        return redacted(text, list(self._secrets))

    def _server(self) -> str:
        proxy = select_proxy(self._url, self.repeating.proxies)
        return f"Keycloak at '{self._url}'" + (f" through the proxy '{_without_login(proxy)}'" if proxy else "")

    def _untrusted(self, problem: BaseException) -> Unreachable:
        text = str(problem)
        if "CERTIFICATE" in text.upper() or "hostname" in text:
            wrong = "its TLS certificate is not trusted for this name"
            remedy = "set caCertificate to the PEM file of its CA, or correct the host in url"
        else:
            wrong = f"no connection by TLS ({self.hide(_root(problem))})"
            remedy = "check that url is its address, and that it speaks TLS 1.2 or later"
        return Unreachable(f"{self._server()}: {wrong}; {remedy}.")


def _sessions(connection: Connection, verify: bool | str) -> tuple[requests.Session, requests.Session]:
    """Two views of one pool of connections: one repeats what is safe to repeat, one nothing but refused connections.

    What the environment says of proxies and authorities is read once: requests would read it at each request, which takes longer
    than all else that it does, and would put a ~/.netrc entry in the place of our token. This machine is asked without a proxy.
    """
    adapter, once = BoundedAdapter(max_retries=_RETRY), BoundedAdapter(max_retries=_ONCE)
    once.poolmanager = adapter.poolmanager
    sessions = _Session(), _Session()
    environment = sessions[0].merge_environment_settings(connection.url, {}, None, verify, None)
    proxies = {} if connection.is_loopback else environment["proxies"]
    for session, each in zip(sessions, (adapter, once), strict=True):
        session.mount("http://", each)
        session.mount("https://", each)
        session.headers["User-Agent"] = f"{NAME} {connection.user_agent}".rstrip()
        session.headers["Accept-Encoding"] = "gzip, deflate"
        session.proxies, session.verify, session.trust_env = proxies, environment["verify"], False
    return sessions


def _whole(answer: requests.Response) -> bytes:
    """:raises _Endless: it is too long, also when it is unpacked."""
    if "," in answer.headers.get("Content-Encoding", ""):
        raise _Endless("is packed several times")
    parts, left = [], ANSWER_MEGABYTES << 20
    for part in answer.iter_content(PIECE):
        left -= len(part)
        if left < 0:
            raise _too_long()
        parts.append(part)
    return b"".join(parts)


def _too_long() -> _Endless:
    return _Endless(f"is longer than {ANSWER_MEGABYTES} MB")


def _too_slow() -> _Endless:
    return _Endless(f"did not end within {ANSWER_SECONDS} seconds")


def _without_login(proxy: str) -> str:
    parts = urlsplit(proxy)
    return urlunsplit(parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1]))


def _root(problem: BaseException) -> str:
    """The innermost cause of a failed request, without the address that the outer ones repeat."""
    reason = getattr(problem.args[0], "reason", None) if problem.args else None
    text = str(reason or problem)
    return text.rsplit(": ", 1)[-1].rstrip(")'\"") or type(problem).__name__
