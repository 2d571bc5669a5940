"""One session and one token a process: HTTP to Keycloak with timeouts, safe retries and a token that renews itself."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count
from typing import Any
from urllib.parse import quote

from kcadmin.rest import addresses, missing_features, missing_roles
from kcadmin.rest.absence import is_gone
from kcadmin.rest.answers import Answer
from kcadmin.rest.connection import AssertionLogin, Connection, PrivateKeyLogin
from kcadmin.rest.errors import (
    BUSY,
    Forbidden,
    HttpError,
    KeycloakError,
    LoginRefused,
    NotImplementedHere,
    Refusal,
    UnexpectedAnswer,
    Unreachable,
)
from kcadmin.rest.issuers import NO_REALM, base_of, claims_of, discovered_issuer, own_issuer
from kcadmin.rest.login import describe_login, token_form, why_refused
from kcadmin.rest.patience import patiently
from kcadmin.rest.texts import named, unfit_segment
from kcadmin.rest.transport import Transport

RENEW_BEFORE_SECONDS = 10
WRITTEN = (201, 204)
OF_LOGIN = (400, 401, 403)
"""The statuses with which Keycloak refuses a login."""
OF_ANY_PATH = "HTTP "
"""The beginning of the words that Keycloak, and any server with its framework, says for an unknown path."""
ADMIN = "/admin/"
PAGE, PAGES_AT_ONCE = 100, 3


def path(*segments: str) -> str:
    """A path of the Admin REST API below the base address, each segment quoted. :raises Refusal: one leads elsewhere."""
    for segment in segments:
        if wrong := unfit_segment(segment):
            raise Refusal(f"name {named(segment)}: {wrong}; give another name.")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


class Session:
    """An authorised session with one server; safe to share between threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transport = Transport(connection)
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at = 0.0
        self._lock_of_looks = threading.Lock()
        self._elsewhere: addresses.Found | None = None  # after the search
        self._issued_by: tuple[str, str] = ("", "")  # a token, and the address in it

    def __repr__(self) -> str:
        return f"Session({self.connection.url!r}, {describe_login(self.connection.login)})"

    def get(self, at: str, **query: str) -> Any:
        """The JSON at a path. :raises NotFound: 404."""
        return self._authorised("GET", at, query=query).json()

    def pages(self, at: str, **query: str) -> Iterator[list[Any]]:
        """A list, a page at a time; Keycloak's time for one long list grows with its square. :raises NotFound: 404."""
        return (page for page, _ in self.dated_pages(at, query))

    def dated_pages(
        self, at: str, query: Mapping[str, str], at_least: int = 0, at_once: int = 1
    ) -> Iterator[tuple[list[Any], float]]:
        """The same, with the moment at which each page was asked for.

        at_least: the known number of rows, whose pages are read in parallel. at_once: how many pages beyond them.
        """

        def asked(first: int) -> tuple[list[Any], float]:
            now = time.monotonic()
            return list(self.get(at, first=str(first), max=str(PAGE), **query)), now

        known = at_least // PAGE * PAGE  # the last known page may not be full, so it is read with the others
        with ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
            batches = (range(first, first + at_once * PAGE, PAGE) for first in count(known + PAGE, at_once * PAGE))
            rest = (page for batch in batches for page in pool.map(asked, batch))  # a short list has no second page
            for page, now in chain(pool.map(asked, range(0, known, PAGE)), map(asked, (known,)), rest):
                yield page, now
                if len(page) < PAGE:
                    pool.shutdown(wait=False, cancel_futures=True)
                    return

    def has_more_than(self, number: int, at: str, **query: str) -> bool:
        """Whether a list is longer than that, by asking for one row. :raises NotFound: 404."""
        return bool(self.get(at, first=str(number), max="1", **query))

    def get_optional(self, at: str, **query: str) -> Any:
        """The JSON at a path, or None where the server answers 204. :raises NotFound: 404."""
        answer = self._authorised("GET", at, query=query)
        return None if answer.is_nothing else answer.json()

    def post(self, at: str, body: object) -> None:
        """Creates or adds; not repeated when the answer is lost. :raises Conflict: the name is taken."""
        self._write("POST", at, body)

    def post_json(self, at: str, body: object, **query: str) -> Any:
        """The JSON that a POST answers."""
        return self._authorised("POST", at, body=body, query=query).json()

    def create(self, at: str, body: object) -> str:
        """The id of what a POST has made. :raises Conflict: the name is taken."""
        return self._authorised("POST", at, body=body).created_id()

    def put(self, at: str, body: object) -> None:
        """Updates; repeated on 409, 429 and 5xx."""
        self._write("PUT", at, body)

    def put_once(self, at: str, body: object) -> None:
        """Updates, not repeated: for a body that was made from what was just read. See ``worth_repeating``."""
        self._write("PUT", at, body, once=True)

    def put_json(self, at: str, body: object) -> Any:
        """The JSON that a PUT answers."""
        return self._authorised("PUT", at, body=body).json()

    def delete(self, at: str, body: object = None) -> None:
        """Deletes. Some paths take from a body what to delete. :raises NotFound: it is gone already."""
        self._write("DELETE", at, body)

    def public(
        self,
        method: str,
        at: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request without our token: discovery, keys, the token endpoint. Any status is an answer."""
        return self._send(method, at, form=form, headers=headers)

    def issuer(self, realm: str) -> str:
        """The ``iss`` of a realm's tokens, as the server itself names it (its public address may differ from ours).

        :raises Refusal: it is not the ``publicUrl`` that the connection names.
        """
        token, (read, base) = self._current_token(), self._issued_by
        if read != token:
            base = base_of(self.connection, token)
            self._issued_by = token, base
        return base + path("realms", realm)

    def claims(self) -> dict[str, Any]:
        """The claims of its own token."""
        return claims_of(self._current_token())

    def _write(self, method: str, at: str, body: object = None, *, once: bool = False) -> None:
        answer = self._authorised(method, at, body=body, once=once)
        if answer.status_code not in WRITTEN:
            raise answer.unexpected()

    def _authorised(
        self,
        method: str,
        at: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Answer:
        answer = self._with_token(method, at, body=body, query=query, once=once)
        if answer.status_code == 404 and is_gone(answer, lambda at, query: self._with_token("GET", at, query=query)):
            raise answer.gone()
        if answer.status_code >= 300:  # a redirect is no success: nothing was done
            raise self._error(answer)
        return answer

    def _with_token(self, method: str, at: str, **what: Any) -> Answer:
        """An answer of any status, with a new token where the one that was sent is refused."""
        token = self._current_token()
        answer = self._send(method, at, token=token, **what)
        if answer.status_code == 401:  # revoked or expired during the run: nothing was done, so any method may repeat
            answer = self._send(method, at, token=self._current_token(refused=token), **what)
        return answer

    def _send(self, method: str, at: str, **what: Any) -> Answer:
        return self.transport.send(method, at, **what)

    def _error(self, answer: Answer, *, is_known: bool = True) -> KeycloakError:
        """The error for an answer.

        If it is not Keycloak's answer, other addresses are tried once to find Keycloak.
        :param is_known: whether Keycloak gives such an answer at that path.
        """
        error = answer.error() if is_known or answer.status_code in BUSY else answer.unexpected()
        if isinstance(error, Forbidden):
            to_do = missing_roles.role_remedy(answer.method, answer.at, self.connection.login_realm)
            return Forbidden(answer.status_code, answer.method, answer.at, error.message, remedy=to_do)
        if isinstance(error, NotImplementedHere) and (to_do := missing_features.feature_remedy(answer.at)):
            said = answer.own_words() or error.message
            return NotImplementedHere(answer.status_code, answer.method, answer.at, said, remedy=to_do)
        if not isinstance(error, UnexpectedAnswer) or answer.status_code in BUSY:
            return error
        url, at = self.connection.url, answer.at
        if answer.location:
            odd, base = addresses.REDIRECT, addresses.base_of_redirect(url, at, answer.location)
        elif at.startswith(ADMIN):
            odd, base = self._found(lambda: addresses.of_admin(url, self._look))
        else:
            realm_at = path("realms", self.connection.login_realm)
            odd, base = self._found(lambda: (addresses.PREFIX, addresses.found_elsewhere(url, realm_at, self._look)))
        if base is None:
            return error
        return answer.misdirected(addresses.filled(odd, answer=answer.described(), url=url, base=base))

    def _found(self, find: Callable[[], addresses.Found]) -> addresses.Found:
        with self._lock_of_looks:
            self._elsewhere = self._elsewhere or find()
            return self._elsewhere

    def _look(self, base: str, at: str) -> Answer | None:
        try:
            return self.transport.send("GET", at, base=base, once=True)
        except KeycloakError:
            return None

    def _current_token(self, refused: str | None = None) -> str:
        with self._lock:
            if self._token is None or self._token == refused or time.monotonic() >= self._renew_at:
                self._token, seconds = patiently(self._log_in, self.transport.patience)
                self._renew_at = time.monotonic() + max(seconds - RENEW_BEFORE_SECONDS, seconds / 2)
            return self._token

    def _log_in(self) -> tuple[str, float]:
        login, realm = self.connection.login, self.connection.login_realm
        name = self.connection.name
        who = (
            f"login of {describe_login(login)} in realm {named(realm)}{f' of connection {named(name)}' if name else ''}"
        )
        issuer = ""
        if isinstance(login, PrivateKeyLogin | AssertionLogin):
            at = path("realms", realm, ".well-known", "openid-configuration")
            answer = self._send("GET", at)
            if answer.status_code >= 300 and answer.own_words() != NO_REALM:
                raise self._error(answer, is_known=False)
            issuer = discovered_issuer(self.connection, realm, answer)
            issuer = own_issuer(self.connection, realm, issuer)
        at = path("realms", realm, "protocol", "openid-connect", "token")
        form = token_form(login, issuer)
        answer = self._send("POST", at, form=form)
        if answer.status_code == 404 and answer.own_words() == NO_REALM:
            raise LoginRefused(f"{who}: {self.transport.server} has no such realm; correct url or loginRealm.")
        said = answer.own_words() or OF_ANY_PATH
        if answer.location or not (answer.ok or (answer.status_code in OF_LOGIN and not said.startswith(OF_ANY_PATH))):
            raise self._error(answer, is_known=False)
        if not answer.ok:
            why = why_refused(login, answer.object(), form=form, name=name)
            raise LoginRefused(
                f"{who}: refused ({answer.status_code} {answer.words()}) by {self.transport.server}{why}."
            )
        token, seconds = answer.token()
        if not token:
            raise LoginRefused(
                f"{who}: {self.transport.server} answered without "
                "an access token; check that url is Keycloak's own address."
            )
        return token, seconds


def worth_repeating(problem: KeycloakError) -> bool:
    """Whether a write may work if it is made again: another writer came first, or the server was busy or down."""
    return isinstance(problem, Unreachable) or (isinstance(problem, HttpError) and problem.status in BUSY)


def may_have_written(problem: KeycloakError) -> bool:
    """Whether a failed write may still have been done, since its answer was lost."""
    return isinstance(problem, Unreachable) or (isinstance(problem, HttpError) and problem.status in (502, 503, 504))


_sessions: dict[Connection, Session] = {}
_sessions_lock = threading.Lock()


def session_for(connection: Connection) -> Session:
    """The process's session for a connection; it logs in at its first request."""
    with _sessions_lock:
        if connection not in _sessions:
            _sessions[connection] = Session(connection)
        return _sessions[connection]


def ask_all_again() -> None:
    """Forgets which servers gave no answer to an earlier run of this process."""
    with _sessions_lock:
        for session in _sessions.values():
            session.transport.ask_again()
