"""Proves a grant by a real exchange: fetches a subject token, exchanges it, and checks the exchanged token.

Status 200 proves nothing: where a requester's switch is off and the server has both exchanges, the legacy
one answers. So the signature, ``sub``, ``azp``, ``aud``, lifetime and the exchange that answered are all checked.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from kcadmin.objects.clients import Clients
from kcadmin.rest.errors import (
    AnswerLost,
    HttpError,
    KeycloakError,
    Refusal,
    TokenRefused,
    UnexpectedAnswer,
    Unreachable,
    sentence,
)
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named
from kcadmin.rest.tokens import ClientCredentials, Issued, TokenEndpoint, TokenInvalid
from reach.verdict import RECIPIENT, REQUESTER, THIRD, Case, Claims, Subject, Verdict, check, notes_of

__all__ = ["RECIPIENT", "REQUESTER", "THIRD", "Case", "Claims", "Subject", "Verdict", "check"]

USER, USER_PASSWORD = "KEYCLOAK_USER", "KEYCLOAK_USER_PASS"
Secrets = Callable[[str, str], str]


class Prover:
    """Proves cases one after another; a subject's token is fetched once for all. Leaving it ends every token it got."""

    def __init__(self, session: Session, secrets: Secrets, left_open: list[str] | None = None) -> None:
        """:param left_open: is told what could not be ended, also where the run fails."""
        self._session = session
        self._secrets = secrets
        self._endpoints: dict[str, TokenEndpoint] = {}
        self._subjects: dict[tuple[str, str, str | None, Subject], Issued | TokenRefused] = {}
        self._to_end: list[Callable[[], str | None]] = []
        self.left_open: list[str] = [] if left_open is None else left_open

    def __enter__(self) -> "Prover":
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the tokens, newest first; what could not be ended is named in ``left_open``."""
        while self._to_end:
            problem = self._to_end.pop()()
            if problem:
                self.left_open.append(problem)

    def prove(self, case: Case, subject: Subject) -> Verdict:
        """:raises Unreachable, LoginRefused: no case of this server can be tried."""
        verdict = Verdict(case, subject, proved=False)
        try:
            for client_id in (case.source, case.requester):  # before the login: a session would be opened for nothing
                self.credentials(case.realm, client_id)
            issued = self.subject_token(case.realm, case.source, subject, case.login_scope)
        except UnexpectedAnswer:  # of a page before Keycloak nothing follows
            raise
        except (Refusal, HttpError) as problem:
            return replace(verdict, reason=str(problem))
        except TokenRefused as refused:
            return replace(
                verdict, refused=True, reason=f"no token for {subject} from {named(case.source)}: {_told(refused)}"
            )
        try:
            verdict = replace(verdict, subject_claims=self.claims(case.realm, issued))
            answer = self.exchange(case.realm, case.requester, issued, case.audience, case.exchange_scope)
            exchanged = self.claims(case.realm, answer)
        except TokenRefused as refused:
            return replace(verdict, refused=True, reason=_told(refused))
        except UnexpectedAnswer:
            raise
        except HttpError as problem:
            return replace(verdict, reason=str(problem))
        except TokenInvalid as problem:
            which = "exchanged" if verdict.subject_claims else "subject"
            return replace(verdict, reason=f"the {which} token is not valid: {problem}")
        assert verdict.subject_claims is not None
        faults = check(case, verdict.subject_claims, exchanged)
        notes = notes_of(case, verdict.subject_claims, exchanged)
        reason = "; ".join(faults) or None
        return replace(verdict, exchanged_claims=exchanged, proved=not faults, reason=reason, notes=notes)

    def credentials(self, realm: str, client_id: str) -> ClientCredentials:
        """How a client shows who it is. :raises Refusal, HttpError: its secret is not to be had."""
        return ClientCredentials(client_id, self._secrets(realm, client_id))

    def subject_token(self, realm: str, source: str, subject: Subject, scope: str | None = None) -> Issued:
        """A token of the subject from a client, one login for all uses. :raises Refusal, HttpError, TokenRefused:"""
        key = (realm, source, scope, subject)
        if key not in self._subjects:
            credentials, endpoint = self.credentials(realm, source), self._endpoint(realm)
            try:
                issued = _log_in(endpoint, subject, credentials, scope)
                self._end_later(endpoint, credentials, issued)
                self._subjects[key] = issued
            except TokenRefused as refused:  # kept too: a wrong password tried again and again locks the user out
                self._subjects[key] = refused
        known = self._subjects[key]
        if isinstance(known, TokenRefused):
            raise known
        return known

    def forget(self, realm: str, source: str, subject: Subject) -> None:
        """The next token of the subject from a client comes of a new login, if the last one was let in."""
        if isinstance(self._subjects.get((realm, source, None, subject)), Issued):
            del self._subjects[realm, source, None, subject]

    def exchange(
        self, realm: str, requester: str, issued: Issued, audience: str | None, scope: str | None = None
    ) -> Issued:
        """Exchanges a token. :raises Refusal, HttpError, TokenRefused:"""
        endpoint, credentials = self._endpoint(realm), self.credentials(realm, requester)
        answer = endpoint.exchange(credentials, issued.access_token, audience=audience, scope=scope)
        if not issued.refresh_token:  # else it belongs to the subject's session, and ends with it
            self._end_later(endpoint, credentials, answer)
        return answer

    def claims(self, realm: str, issued: Issued) -> Claims:
        """What a token says. :raises TokenInvalid: the realm did not make it, or it is valid no more."""
        return Claims.read(self._endpoint(realm).claims(issued.access_token))

    def _endpoint(self, realm: str) -> TokenEndpoint:
        return self._endpoints.setdefault(realm, TokenEndpoint(self._session, realm))

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


def prove(session: Session, case: Case, subject: Subject, secrets: Secrets) -> Verdict:
    """Proves one case and ends its tokens. :raises Unreachable, LoginRefused:"""
    with Prover(session, secrets) as prover:
        verdict = prover.prove(case, subject)
    return replace(verdict, left_open=tuple(prover.left_open))


def choose_subject(session: Session, realm: str, source: str, environ: Mapping[str, str] = os.environ) -> Subject:
    """The user of the environment, else the source's service account. :raises Refusal: there is neither."""
    username, password = environ.get(USER, ""), environ.get(USER_PASSWORD, "")
    if username:
        if not password:
            raise Refusal(sentence("user", username, realm, "is chosen without a password", f"set {USER_PASSWORD}"))
        return Subject(username, password)
    client = Clients(session, realm).find(source)
    if client is None:
        raise Refusal(
            sentence(
                "client",
                source,
                realm,
                "does not exist, or this login may not read it",
                "run `pulumi refresh`, or give the login the role view-clients",
            )
        )
    if not client.is_on("serviceAccountsEnabled"):
        raise Refusal(
            sentence(
                "client",
                source,
                realm,
                "has no service account whose token could be exchanged",
                f"set {USER} and {USER_PASSWORD} to a user's name and password",
            )
        )
    return Subject()


def _log_in(endpoint: TokenEndpoint, subject: Subject, source: ClientCredentials, scope: str | None) -> Issued:
    if subject.username:
        return endpoint.for_user(source, subject.username, subject.password, scope=scope)
    return endpoint.for_service_account(source, scope=scope)


def _told(refused: TokenRefused) -> str:
    """A refusal, with what to do where it is about a key that only the client's own caller has."""
    bound = ("DPoP proof is missing", "Client Certification missing for MTLS HoK Token Binding")
    remedy = "; its tokens are bound to its caller's key, which is not known here: prove this exchange by hand, with that key"
    return f"{refused}{remedy if refused.description in bound else ''}"
