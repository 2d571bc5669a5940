"""HTTP to one server, with limited answers; a request that may be made twice is repeated after a temporary failure."""

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.cookies import extract_cookies_to_jar

from kcadmin.rest.answers import Answer
from kcadmin.rest.bounded import BoundedAdapter, OverLimit, TooSlow, whole
from kcadmin.rest.certificates import CertificateLogin
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import BUSY, AnswerLost, Unreachable
from kcadmin.rest.login import secrets_of
from kcadmin.rest.patience import PAUSE_SECONDS, Patience
from kcadmin.rest.proxies import PROXY_LOGIN, Proxy
from kcadmin.rest.redaction import is_token, redacted
from kcadmin.rest.retries import HALVES, ONCE, HalfBody, came_late, is_lost, repeated
from kcadmin.rest.texts import named
from kcadmin.rest.tls import certificate_problem, fault_of, unfit_bundle

CONNECT_SECONDS, READ_SECONDS = 5, 60
UNANSWERED_SECONDS = 120
"""For so long after a request without an answer no other is made, since each would wait as long."""
NAME = "keycloak-token-exchange"  # in the User-Agent header
# Of the fields of a token request, those that are no secret.
PUBLIC_FIELDS = frozenset(
    (
        *("grant_type", "client_id", "username", "scope", "audience"),
        *("client_assertion_type", "subject_token_type", "requested_token_type", "token_type_hint"),
    )
)


class _Session(requests.Session):
    def ask(self, method: str, url: str, what: Mapping[str, Any]) -> requests.Response:
        """The same as ``request``, in half of the time: it merges no settings, follows no redirect, and reads no environment."""
        made = requests.PreparedRequest()
        made.prepare_method(method)
        made.prepare_url(url, what["params"] or {})
        made.prepare_headers({**self.headers, **what["headers"]})
        made.prepare_cookies(self.cookies)  # of a load balancer
        made.prepare_body(what["data"] or {}, None, what["json"])
        answer = self.get_adapter(url).send(
            made,
            stream=True,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            verify=True if self.verify is None else self.verify,
            cert=self.cert,
            proxies=self.proxies,
        )
        extract_cookies_to_jar(self.cookies, made, answer.raw)  # type: ignore[no-untyped-call]
        return answer


class Transport:
    """Requests to one server, from any thread. Keeps the secrets that were sent, to cut them out of the server's texts."""

    def __init__(self, connection: Connection) -> None:
        self._url = connection.url
        verify: bool | str = connection.ca_certificate or True
        if connection.insecure_tls:
            verify = False
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.patience = Patience()
        self.repeating, self.single = _sessions(connection, verify, self.patience)
        self._proxy = Proxy(connection.url, self.repeating.proxies)
        self._secrets = {*secrets_of(connection.login), *self._proxy.secrets()}
        self._ca_certificate = connection.ca_certificate or ""
        login = connection.login
        self._client_certificate = login.certificate if isinstance(login, CertificateLogin) else ""
        self._unanswered: tuple[float, str] | None = None  # its time, and its message

    def send(
        self,
        method: str,
        at: str,
        *,
        body: object = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
        base: str = "",
    ) -> Answer:
        """An answer, of any status. once: not repeated after an answer that was lost. base: another address than the server's.

        :raises AnswerLost: there is none, or only a part. :raises Unreachable: there is none, nor will there be one soon.
        """
        sent = [value for key, value in (form or {}).items() if key not in PUBLIC_FIELDS]
        self._secrets.update(each for each in (*sent, token or "") if each and not is_token(each))
        what: dict[str, Any] = {
            "json": body,
            "data": form,
            "params": query,
            "headers": {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})},
        }
        session = self.single if once else self.repeating
        for left in reversed(range(HALVES)):
            self._refuse_unanswered()
            try:
                answer = self._asked(session, base or self._url, method, at, what)
                if answer.is_half and method != "GET":
                    raise AnswerLost(str(answer.unexpected()))
                if answer.is_half and left:
                    raise HalfBody("half an answer")
            except HalfBody as problem:
                if left and method == "GET":
                    time.sleep(PAUSE_SECONDS)
                    continue
                raise self._none(AnswerLost, method, at, self.hide(_root(problem))) from None
            self._unanswered = None
            if answer.status_code == PROXY_LOGIN and self._proxy:
                fault = self._proxy.fault(str(PROXY_LOGIN))
                raise Unreachable(f"{self.server}: {fault.wrong}; {fault.remedy}.")
            if answer.status_code not in BUSY:
                self.patience.end()
            return answer
        raise AssertionError

    def _asked(self, session: _Session, base: str, method: str, at: str, what: Mapping[str, Any]) -> Answer:
        try:
            answer = session.ask(method, base + at, what)
            with closing(answer):
                status, headers, content = answer.status_code, answer.headers, whole(answer)
                return Answer(base, method, at, status, headers, content, self.hide, self.server)
        except requests.exceptions.SSLError as problem:
            raise self._untrusted(problem) from None
        except OverLimit as problem:
            wrong = f"its answer to {method} {at} {problem}; check that url is Keycloak's own address."
            raise self._noted(Unreachable(f"{self.server}: {wrong}"), isinstance(problem, TooSlow)) from None
        except (requests.exceptions.RequestException, OSError) as problem:
            kind = AnswerLost if is_lost(problem) else Unreachable
            raise self._noted(self._none(kind, method, at, self.hide(_root(problem))), came_late(problem)) from None

    def _none(self, kind: type[Unreachable], method: str, at: str, why: str) -> Unreachable:
        if fault := self._unfit_bundle():
            return fault
        remedy = "check that the server runs and that url is its address"
        if kind is AnswerLost and self._url.lower().startswith("http:"):
            remedy += ", also whether it begins with https://"
        if self._proxy:
            remedy = self._proxy.fault(why).remedy
        return kind(f"{self.server}: no answer to {method} {at} ({why}); {remedy}.")

    def _noted(self, problem: Unreachable, is_late: bool) -> Unreachable:
        """After one request waited in vain, no other of this process waits too."""
        if is_late:
            self._unanswered = time.monotonic(), str(problem)
        return problem

    def ask_again(self) -> None:
        """A request that waited in vain before no longer counts."""
        self._unanswered = None
        self.patience.end()

    def _refuse_unanswered(self) -> None:
        noted = self._unanswered
        if noted and time.monotonic() - noted[0] < UNANSWERED_SECONDS:
            raise Unreachable(noted[1])

    def hide(self, text: str) -> str:
        """A text of the server without what is secret."""
        return redacted(text, list(self._secrets))

    @property
    def server(self) -> str:
        """How messages name the server, and the proxy before it."""
        through = f" through the proxy {self._proxy.shown}" if self._proxy else ""
        return f"Keycloak at {named(self._url)}{through}"

    def _unfit_bundle(self) -> Unreachable | None:
        fault = unfit_bundle(self.repeating.verify) if self._url.lower().startswith("https:") else None
        return Unreachable(f"{self.server}: {fault.wrong}; {fault.remedy}.") if fault else None

    def _untrusted(self, problem: BaseException) -> Unreachable:
        if fault := self._unfit_bundle():
            return fault
        why = self.hide(_root(problem))
        if self._client_certificate and certificate_problem(problem) is None:
            check = (
                f"check url, that the certificate in {named(self._client_certificate)} has not expired, and that the server "
                "trusts its CA"
            )
            return Unreachable(f"{self.server}: no connection by TLS ({why}); {check}.")
        host = named(urlsplit(self._url).hostname or "")
        file = named(self._ca_certificate) if self._ca_certificate else ""
        told = fault_of(problem, host, file, why)
        return Unreachable(f"{self.server}: {told.wrong}; {told.remedy}.")


def _sessions(connection: Connection, verify: bool | str, patience: Patience) -> tuple[_Session, _Session]:
    """Two views of one pool of connections: one repeats what is safe to repeat, the other only refused connections.

    The environment's proxies and CAs are read once: requests would read them at each request, which takes longer than all
    else that it does, and would use a ~/.netrc entry instead of our token. This machine is reached without a proxy.
    """
    adapter, once = BoundedAdapter(max_retries=repeated(patience)), BoundedAdapter(max_retries=ONCE)
    once.poolmanager = adapter.poolmanager
    sessions = _Session(), _Session()
    environment = sessions[0].merge_environment_settings(connection.url, {}, None, verify, None)
    proxies = {} if connection.is_loopback else environment["proxies"]
    for session, each in zip(sessions, (adapter, once), strict=True):
        session.mount("http://", each)
        session.mount("https://", each)
        if isinstance(login := connection.login, CertificateLogin):
            session.cert = login.certificate, login.key
        session.headers["User-Agent"] = f"{NAME} {connection.user_agent}".rstrip()
        session.headers["Accept-Encoding"] = "gzip, deflate"
        session.proxies, session.verify, session.trust_env = proxies, environment["verify"], False
    return sessions


def _root(problem: BaseException) -> str:
    """The innermost cause of a failed request, without the address that the outer ones repeat."""
    within = (getattr(problem, "reason", None), *problem.args)
    if inner := next((each for each in within if isinstance(each, BaseException)), None):
        return _root(inner)
    text = str(problem)
    return (text if text.startswith("[") else text.rsplit(": ", 1)[-1]) or type(problem).__name__
