"""Tokens of a subject for each client: from the grants that give it one, else from a login. Each is ended after use."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from kcadmin.rest.dpop import ProofKey
from kcadmin.rest.errors import (
    AnswerLost,
    HttpError,
    KeycloakError,
    Refusal,
    TokenRefused,
    UnexpectedAnswer,
    Unreachable,
)
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named
from kcadmin.rest.tokens import ClientCredentials, Issued, TokenEndpoint
from reach.chains import Chains
from reach.refusals import told
from reach.verdict import Case, Claims, Subject

Secrets = Callable[[str, str], str]
_Got = TypeVar("_Got")


class NoToken(KeycloakError):
    """A client has no token of the subject: neither a grant nor a login gives it one."""


@dataclass(frozen=True)
class Token:
    """A client's token of a subject. via: the grants that it came through, in order. ends: with the user's session."""

    issued: Issued
    ends: bool = True
    via: tuple[str, ...] = ()


class SubjectTokens:
    """Fetches each token once for all uses.

    Leaving the block ends every token. A service gets its token by a grant, as in real use; else by logging the user in. A
    service account's own login comes first. Clients whose requests need DPoP proofs use a key that is made here.
    """

    def __init__(
        self,
        session: Session,
        secrets: Secrets,
        left_open: list[str] | None = None,
        givers: Sequence[Case] = (),
    ) -> None:
        """:param left_open: is told what could not be ended, also where the run fails. givers: what gives services tokens."""
        self._session = session
        self._secrets = secrets
        self._chains = Chains(givers)
        self._key = ProofKey()
        self._endpoints: dict[str, TokenEndpoint] = {}
        self._logins: dict[tuple[str, str, str | None, Subject], Token | NoToken] = {}
        self._given: dict[tuple[Case, str | None, Subject], Token | NoToken] = {}
        self._to_end: list[Callable[[], str | None]] = []
        self.left_open: list[str] = [] if left_open is None else left_open

    def __exit__(self, *_: object) -> None:
        """Ends the tokens, newest first; those that could not be ended are reported to ``left_open``."""
        while self._to_end:
            problem = self._to_end.pop()()
            if problem:
                self.left_open.append(problem)

    def credentials(self, realm: str, client_id: str) -> ClientCredentials:
        """How a client shows who it is. :raises Refusal, HttpError: its secret is not available."""
        return ClientCredentials(client_id, self._secrets(realm, client_id))

    def subject_token(
        self,
        realm: str,
        client: str,
        subject: Subject,
        scope: str | None = None,
        requester: str | None = None,
        waiting: set[str] | None = None,
    ) -> Token:
        """A client's token of a subject, fetched once for all uses.

        :param scope: that the client requests. requester: who exchanges the token; without one, it has all possible
            audiences.
        :param waiting: the clients on the way to this one, since grants may form a circle.
        :raises NoToken: saying why each way fails. :raises UnexpectedAnswer: an answer that is not Keycloak's proves nothing.
        """
        waiting = set() if waiting is None else waiting
        waiting.add(client)
        shorter, longer = self._chains.to(realm, client, requester)
        login = partial(self._logged_in, realm, client, subject, scope)
        by_grants = [partial(self._by_grant, each, subject, scope, waiting) for each in shorter]
        by_circles = [partial(self._by_grant, each, subject, scope, waiting) for each in longer]
        problems = []
        # The client's own service account needs no grant.
        for way in (*by_grants, login, *by_circles) if subject.username else (login, *by_grants, *by_circles):
            found = _tried(way)
            if isinstance(found, Token):
                return found
            problems += [found] if found else []
        *others, last = dict.fromkeys(problems)
        raise NoToken("; ".join([*(each.rstrip(".") for each in others), last]))

    def _by_grant(self, giver: Case, subject: Subject, scope: str | None, waiting: set[str]) -> Token:
        key = (giver, scope, subject)
        if key not in self._given:
            if giver.source in waiting:
                raise NoToken
            words = f"grant {named(giver.grant)} gives {named(giver.requester)} no token"
            try:
                received = self.subject_token(
                    giver.realm, giver.source, subject, giver.login_scope, giver.requester, waiting
                )
            except NoToken as problem:
                raise NoToken(f"{words}: {problem}") from None
            asked = " ".join(dict.fromkeys(each for each in (giver.exchange_scope, scope) if each)) or None
            exchanged = _tried(partial(self.exchange, giver.realm, giver.requester, received, giver.audience, asked))
            if isinstance(exchanged, Issued):
                self._given[key] = Token(exchanged, received.ends, (*received.via, giver.grant))
            else:
                self._given[key] = NoToken(f"{words}: {exchanged}")
        return _known(self._given[key])

    def _logged_in(self, realm: str, client: str, subject: Subject, scope: str | None) -> Token:
        key = (realm, client, scope, subject)
        if key not in self._logins:
            credentials, endpoint = self.credentials(realm, client), self._endpoint(realm)
            try:
                issued = _log_in(endpoint, subject, credentials, scope)
                self._end_later(endpoint, credentials, issued)
                self._logins[key] = Token(issued, bool(issued.refresh_token))
            except TokenRefused as refused:  # failures are kept, too: repeated wrong passwords lock the user out
                self._logins[key] = NoToken(f"no token for {subject} from {named(client)}: {told(refused, client)}")
        return _known(self._logins[key])

    def renew(self, realm: str) -> None:
        """The next tokens of a realm come from new logins, of subjects whose login worked."""
        self._logins = {key: at for key, at in self._logins.items() if key[0] != realm or isinstance(at, NoToken)}
        self._given = {key: at for key, at in self._given.items() if key[0].realm != realm}

    def exchange(
        self, realm: str, requester: str, token: Token, audience: str | None, scope: str | None = None
    ) -> Issued:
        """Exchanges a token. :raises Refusal, HttpError, TokenRefused:"""
        endpoint, credentials = self._endpoint(realm), self.credentials(realm, requester)
        answer = endpoint.exchange(credentials, token.issued.access_token, audience=audience, scope=scope)
        if not token.ends:
            self._end_later(endpoint, credentials, answer)
        return answer

    def claims(self, realm: str, issued: Issued) -> Claims:
        """The claims of a token. :raises TokenInvalid: the realm did not make it, or it is no longer valid."""
        return Claims.read(self._endpoint(realm).claims(issued.access_token))

    def _endpoint(self, realm: str) -> TokenEndpoint:
        return self._endpoints.setdefault(realm, TokenEndpoint(self._session, realm, self._key))

    def _end_later(self, endpoint: TokenEndpoint, client: ClientCredentials, issued: Issued) -> None:
        def attempt() -> str | None:
            try:
                if issued.refresh_token:
                    endpoint.log_out(client, issued.refresh_token)
                else:
                    endpoint.revoke(client, issued.access_token)
            except AnswerLost:
                whose = f"a token of {named(client.client_id)}"
                return f"{whose} may not be ended, since the connection broke; it lives until it expires."
            except Unreachable:
                self._to_end.clear()
                return f"tokens of {named(client.client_id)} and others were not ended: the server no longer answers."
            except KeycloakError as problem:
                return (
                    f"a token of {named(client.client_id)} was not ended ({problem.clause}); it lives until it expires."
                )
            return None

        self._to_end.append(attempt)


def _known(found: Token | NoToken) -> Token:
    if isinstance(found, NoToken):
        raise found
    return found


def _tried(way: Callable[[], _Got]) -> _Got | str:
    """The result, or why there is none. :raises UnexpectedAnswer: an answer that is not Keycloak's proves nothing."""
    try:
        return way()
    except UnexpectedAnswer:
        raise
    except (Refusal, HttpError, TokenRefused, NoToken) as problem:
        return str(problem)


def _log_in(endpoint: TokenEndpoint, subject: Subject, source: ClientCredentials, scope: str | None) -> Issued:
    if subject.username:
        return endpoint.for_user(source, subject.username, subject.password, scope=scope)
    return endpoint.for_service_account(source, scope=scope)
