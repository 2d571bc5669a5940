"""Proves a grant by a real exchange: fetches a subject token, exchanges it, and checks the exchanged token.

Status 200 proves nothing: if a requester's switch is off and the server has both exchanges, the legacy one answers. So the
signature, ``sub``, ``azp``, ``aud``, lifetime and the exchange that answered are all checked.
"""

import os
from collections.abc import Mapping
from dataclasses import replace

from kcadmin.objects.client_secrets import ClientSecrets, unseen
from kcadmin.objects.clients import Clients
from kcadmin.rest.errors import HttpError, Refusal, TokenRefused, UnexpectedAnswer, sentence
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named
from kcadmin.rest.tokens import TokenInvalid
from reach.refusals import STALE, is_about_the_exchange, told
from reach.subject_tokens import NoToken, Secrets, SubjectTokens
from reach.verdict import RECIPIENT, REQUESTER, THIRD, Case, Claims, Subject, Verdict, check, notes_of

__all__ = ["RECIPIENT", "REQUESTER", "THIRD", "Case", "Claims", "Subject", "Verdict", "check"]

USER, USER_PASSWORD = "KEYCLOAK_USER", "KEYCLOAK_USER_PASS"


class Prover(SubjectTokens):
    """Proves cases one after another."""

    def __enter__(self) -> "Prover":
        return self

    def prove(self, case: Case, subject: Subject) -> Verdict:
        """:raises Unreachable, LoginRefused: no case of this server can be tried."""
        verdict = self._proved(case, subject)
        if STALE in (verdict.reason or ""):  # a token may have expired meanwhile
            self.renew(case.realm)
            verdict = self._proved(case, subject)
        return verdict

    def _proved(self, case: Case, subject: Subject) -> Verdict:
        verdict = Verdict(case, subject, proved=False)
        untried = replace(verdict, tried=False)
        try:
            for client_id in (case.source, case.requester):  # before the login, which would open a session for nothing
                self.credentials(case.realm, client_id)
            token = self.subject_token(case.realm, case.source, subject, case.login_scope, case.requester)
            untried = replace(untried, via=token.via)
            verdict = replace(verdict, via=token.via, subject_claims=self.claims(case.realm, token.issued))
            untried = replace(verdict, tried=False)
            if why := verdict.subject_claims and verdict.subject_claims.refused_for:
                return replace(untried, outlook=False, reason=why)
            answer = self.exchange(case.realm, case.requester, token, case.audience, case.exchange_scope)
        except UnexpectedAnswer:  # an answer that is not Keycloak's proves nothing
            raise
        except (Refusal, HttpError, NoToken) as problem:
            return replace(untried, reason=str(problem))
        except TokenInvalid as problem:
            return replace(untried, reason=f"the subject token is not valid: {problem}")
        except TokenRefused as refused:
            if is_about_the_exchange(refused):
                return replace(verdict, refused=True, reason=str(refused))
            return replace(untried, reason=told(refused, case.requester))
        try:
            exchanged = self.claims(case.realm, answer)
        except TokenInvalid as problem:
            return replace(verdict, reason=f"the exchanged token is not valid: {problem}")
        except UnexpectedAnswer:
            raise
        except HttpError as problem:
            return replace(untried, reason=str(problem))
        assert verdict.subject_claims is not None
        faults = check(case, verdict.subject_claims, exchanged)
        notes = notes_of(case, verdict.subject_claims, exchanged)
        reason = "; ".join(faults) or None
        return replace(verdict, exchanged_claims=exchanged, proved=not faults, reason=reason, notes=notes)


def prove(session: Session, case: Case, subject: Subject, secrets: Secrets) -> Verdict:
    """Proves one case and ends its tokens. :raises Unreachable, LoginRefused:"""
    with Prover(session, secrets) as prover:
        verdict = prover.prove(case, subject)
    return replace(verdict, left_open=tuple(prover.left_open))


def prove_once(session: Session, case: Case, environ: Mapping[str, str], *, needs_user: bool) -> Verdict:
    """Proves one case with the subject and the secrets of the environment, or of the server.

    :param needs_user: a service account would prove nothing. :raises Refusal: there is no user then, or no subject at all.
    """
    if needs_user and not environ.get(USER):
        wrong = "requires roles of users, so a service account proves nothing"
        remedy = f"set {USER} and {USER_PASSWORD} to a user who holds one, or set prove: false"
        raise Refusal(sentence("grant", case.grant, case.realm, wrong, remedy))
    subject = choose_subject(session, case.realm, case.source, environ)
    return prove(session, case, subject, ClientSecrets(session, environ, read=True))


def require_proved(verdict: Verdict) -> None:
    """:raises Refusal: the exchange was not proved."""
    if not verdict.proved:
        case, remedy = verdict.case, "correct the cause, or set prove: false"
        what = f"the exchange by {named(case.requester)} of a token of {named(case.source)}"
        raise Refusal(sentence("grant", case.grant, case.realm, f"{what} is not proved ({verdict.reason})", remedy))


def choose_subject(session: Session, realm: str, source: str, environ: Mapping[str, str] = os.environ) -> Subject:
    """The user of the environment, else the source's service account. :raises Refusal: there is neither."""
    username, password = environ.get(USER, ""), environ.get(USER_PASSWORD, "")
    if username:
        if not password:
            raise Refusal(sentence("user", username, realm, "is chosen without a password", f"set {USER_PASSWORD}"))
        return Subject(username, password)
    client = Clients(session, realm).find(source)
    if client is None:
        raise unseen(realm, source)
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
