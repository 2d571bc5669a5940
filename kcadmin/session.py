"""One session and one token a process: HTTP to Keycloak with timeouts, safe retries and a token that renews itself."""

import threading
import time
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any
from urllib.parse import quote

import jwt
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from kcadmin.connection import Connection, PrivateKeyLogin
from kcadmin.errors import BUSY, HttpError, KeycloakError, LoginRefused, Unreachable, http_error
from kcadmin.login import describe, remedy, token_form

CONNECT_SECONDS, READ_SECONDS = 5, 60
RENEW_BEFORE_SECONDS = 10
LONGEST_WAIT_SECONDS = 30
WRITTEN = (201, 204)
PAGE = 100
NAME = "keycloak-token-exchange"  # in the User-Agent header
TOO_MANY_REQUESTS = 429


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


def path(*segments: str) -> str:
    """A path of the Admin REST API below the base address, each segment quoted."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


class Session:
    """An authorised session with one server; safe to share between threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        verify: bool | str = connection.ca_certificate or True
        if connection.insecure_tls:
            verify = False
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._http, self._http_once = _http_sessions(connection, verify)
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at = 0.0
        self._issued_by: tuple[str, str] = ("", "")  # a token, and the address that it names

    def __repr__(self) -> str:
        return f"Session({self.connection.url!r}, {describe(self.connection.login)})"

    def get(self, at: str, **query: str) -> Any:
        """The JSON at a path. :raises NotFound: 404."""
        return self._json(self._authorised("GET", at, query=query), "GET", at)

    def pages(self, at: str, **query: str) -> Iterator[list[Any]]:
        """A list, a page at a time; Keycloak's time for one long list grows with its square. :raises NotFound: 404."""
        for first in count(0, PAGE):
            page = list(self.get(at, first=str(first), max=str(PAGE), **query))
            yield page
            if len(page) < PAGE:
                return

    def has_more_than(self, number: int, at: str, **query: str) -> bool:
        """Whether a list is longer than that, from one of its rows. :raises NotFound: 404."""
        return bool(self.get(at, first=str(number), max="1", **query))

    def get_optional(self, at: str, **query: str) -> Any:
        """The JSON at a path, or None where the server answers 204. :raises NotFound: 404."""
        answer = self._authorised("GET", at, query=query)
        return None if answer.status_code == 204 else self._json(answer, "GET", at)

    def post(self, at: str, body: object) -> requests.Response:
        """Creates; not repeated when the answer is lost. :raises Conflict: the name is taken."""
        return self._authorised("POST", at, body=body)

    def post_json(self, at: str, body: object, **query: str) -> Any:
        """The JSON that a POST answers."""
        return self._json(self._authorised("POST", at, body=body, query=query), "POST", at)

    def create(self, at: str, body: object) -> str:
        """The id of what a POST has made. :raises Conflict: the name is taken."""
        answer = self._authorised("POST", at, body=body)
        place = answer.headers.get("Location")
        if not place:
            raise self._strange("POST", at, answer)
        return place.rsplit("/", 1)[-1]

    def put(self, at: str, body: object) -> None:
        """Updates; repeated on 409, 429 and 5xx."""
        self._write("PUT", at, body)

    def put_once(self, at: str, body: object) -> None:
        """Updates, not repeated: for a body that was made from what was just read. See ``worth_repeating``."""
        self._write("PUT", at, body, once=True)

    def put_json(self, at: str, body: object) -> Any:
        """The JSON that a PUT answers."""
        return self._json(self._authorised("PUT", at, body=body), "PUT", at)

    def delete(self, at: str, body: object = None) -> None:
        """Deletes; what exactly, some paths take from a body. :raises NotFound: it is gone already."""
        self._write("DELETE", at, body)

    def public(self, method: str, at: str, *, form: Mapping[str, str] | None = None) -> requests.Response:
        """A request without our token: discovery, keys, the token endpoint. Any status is an answer."""
        return self._send(method, at, form=form)

    def issuer(self, realm: str) -> str:
        """The ``iss`` of a realm's tokens, as the server itself names it (its public address may differ from ours)."""
        token, (read, base) = self._current_token(), self._issued_by
        if read != token:
            claims = jwt.decode(token, options={"verify_signature": False})
            base = str(claims["iss"]).rsplit("/realms/", 1)[0]
            self._issued_by = token, base
        return base + path("realms", realm)

    def _write(self, method: str, at: str, body: object = None, *, once: bool = False) -> None:
        answer = self._authorised(method, at, body=body, once=once)
        if answer.status_code not in WRITTEN:
            raise self._strange(method, at, answer)

    def _authorised(
        self,
        method: str,
        at: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> requests.Response:
        token = self._current_token()
        answer = self._send(method, at, body=body, query=query, token=token, once=once)
        if answer.status_code == 401:  # revoked or expired in mid-run: nothing was done, so any method may repeat
            token = self._current_token(refused=token)
            answer = self._send(method, at, body=body, query=query, token=token, once=once)
        if answer.status_code >= 300:  # a redirect is no success: nothing was done
            raise http_error(answer.status_code, method, at, _message(answer))
        return answer

    def _send(
        self,
        method: str,
        at: str,
        *,
        body: object = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        token: str | None = None,
        once: bool = False,
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            return (self._http_once if once else self._http).request(
                method,
                self.connection.url + at,
                json=body,
                data=form,
                params=query,
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
        except requests.exceptions.SSLError:
            raise Unreachable(
                f"Keycloak at '{self.connection.url}': its TLS certificate is not trusted for this name; "
                "set caCertificate to the PEM file of its CA, or correct the host in url."
            ) from None
        except (requests.exceptions.RequestException, OSError) as problem:
            raise Unreachable(
                f"Keycloak at '{self.connection.url}': no answer to {method} {at} ({_root(problem)}); "
                "check that the server runs and that url is its address."
            ) from None

    def _current_token(self, refused: str | None = None) -> str:
        with self._lock:
            if self._token is None or self._token == refused or time.monotonic() >= self._renew_at:
                self._token, seconds = self._log_in()
                self._renew_at = time.monotonic() + max(seconds - RENEW_BEFORE_SECONDS, seconds / 2)
            return self._token

    def _log_in(self) -> tuple[str, float]:
        login, realm = self.connection.login, self.connection.login_realm
        issuer = ""
        if isinstance(login, PrivateKeyLogin):
            at = path("realms", realm, ".well-known", "openid-configuration")
            issuer = str(self._json(self._send("GET", at), "GET", at).get("issuer", ""))
        at = path("realms", realm, "protocol", "openid-connect", "token")
        answer = self._send("POST", at, form=token_form(login, issuer))
        if answer.status_code == 404:
            raise LoginRefused(
                f"login of {describe(login)} in realm '{realm}': Keycloak at '{self.connection.url}' "
                "has no such realm; correct url or loginRealm."
            )
        if answer.status_code in BUSY:
            raise http_error(answer.status_code, "POST", at, _message(answer))
        if not answer.ok:
            raise LoginRefused(
                f"login of {describe(login)} in realm '{realm}': refused ({answer.status_code} "
                f"{_message(answer)}); {remedy(login)}."
            )
        token = self._json(answer, "POST", at)
        if not isinstance(token, dict) or not token.get("access_token"):
            raise LoginRefused(
                f"login of {describe(login)} in realm '{realm}': Keycloak at '{self.connection.url}' answered without "
                "an access token; check that url is Keycloak's own address."
            )
        return str(token["access_token"]), float(token.get("expires_in", 60))

    def _json(self, answer: requests.Response, method: str, at: str) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise self._strange(method, at, answer) from None

    def _strange(self, method: str, at: str, answer: requests.Response) -> KeycloakError:
        kind = answer.headers.get("Content-Type", "no content type")
        return KeycloakError(
            f"Keycloak at '{self.connection.url}': {method} {at} answered {answer.status_code} with {kind}, which is not "
            "Keycloak's answer; check that url is its own address and not a page before it."
        )


def worth_repeating(problem: KeycloakError) -> bool:
    """Whether a write may work when it is made anew: another writer came first, or the server was busy or away."""
    return isinstance(problem, Unreachable) or (isinstance(problem, HttpError) and problem.status in BUSY)


def _http_sessions(connection: Connection, verify: bool | str) -> tuple[requests.Session, requests.Session]:
    """Two views of one pool of connections: one repeats what is safe to repeat, one nothing but refused connections.

    What the environment says of proxies and authorities is read once: requests would read it at each request, which takes longer
    than all else that it does, and would put a ~/.netrc entry in the place of our token.
    """
    adapter, once = HTTPAdapter(max_retries=_RETRY), HTTPAdapter(max_retries=_ONCE)
    once.poolmanager = adapter.poolmanager
    sessions = requests.Session(), requests.Session()
    environment = sessions[0].merge_environment_settings(connection.url, {}, None, verify, None)
    for session, each in zip(sessions, (adapter, once), strict=True):
        session.mount("http://", each)
        session.mount("https://", each)
        session.headers["User-Agent"] = f"{NAME} {connection.user_agent}".rstrip()
        session.proxies, session.verify, session.trust_env = environment["proxies"], environment["verify"], False
    return sessions


def _message(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return f"no JSON ({answer.headers.get('Content-Type', 'no content type')})"
    if not isinstance(body, dict):
        return "no message"
    texts = [str(body[key]) for key in ("error", "errorMessage", "error_description") if body.get(key)]
    return ": ".join(texts) or "no message"


def _root(problem: BaseException) -> str:
    """The innermost cause of a failed request, without the address that the outer ones repeat."""
    reason = getattr(problem.args[0], "reason", None) if problem.args else None
    text = str(reason or problem)
    return text.rsplit(": ", 1)[-1].rstrip(")'\"") or type(problem).__name__


_sessions: dict[Connection, Session] = {}
_sessions_lock = threading.Lock()


def session_for(connection: Connection) -> Session:
    """The process's session for a connection; it logs in at its first request."""
    with _sessions_lock:
        if connection not in _sessions:
            _sessions[connection] = Session(connection)
        return _sessions[connection]
