"""Proves a grant by a real exchange: fetches a subject token, exchanges it, and looks into the token that came out.

Status 200 proves nothing: where a requester's switch is off and the server has both exchanges, Keycloak lets the legacy
one answer. So the signature, ``sub``, ``azp``, ``aud``, lifetime and the exchange that answered are all checked.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kcadmin.clients import Clients
from kcadmin.errors import HttpError, KeycloakError, Refusal, TokenRefused, Unreachable, sentence
from kcadmin.features import LEGACY, STANDARD, STANDARD_SINCE
from kcadmin.session import Session
from kcadmin.tokens import ClientCredentials, Issued, TokenEndpoint, TokenInvalid

RECIPIENT, REQUESTER, THIRD = "recipient", "requester", "third"
USER, USER_PASSWORD = "KEYCLOAK_USER", "KEYCLOAK_USER_PASS"
# `jti` is <session type><token type><grant>:<uuid>, two letters each: onrtte:… standard, onrtna:… legacy. Before 26.2,
# which brought this and the standard exchange, it is <uuid>.
_ANSWERED = {"te": STANDARD, "na": LEGACY}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Secrets = Callable[[str, str], str]


def answered_by(jti: str) -> str | None:
    """The exchange that made a token, by its id: ``standard`` or ``legacy``; None when that does not tell."""
    prefix, colon, _ = jti.partition(":")
    return _ANSWERED.get(prefix[4:6]) if colon else None


@dataclass(frozen=True)
class Case:
    """One flow of one grant. audience: what the requester asks for, or None; scopes: at login, at exchange.

    exact: ``aud`` must be the target alone.
    """

    grant: str
    realm: str
    exchange: str
    flow: str
    source: str
    requester: str
    target: str
    audience: str | None = None
    login_scope: str | None = None
    exchange_scope: str | None = None
    exact: bool = False


@dataclass(frozen=True)
class Subject:
    """Whose token is exchanged: a user's, or that of the source's own service account where there is no username."""

    username: str | None = None
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"user {self.username}" if self.username else "the source's service account"


@dataclass(frozen=True)
class Claims:
    """What a token says, as far as an exchange shows in it; never the token itself. exp, iat: seconds since 1970."""

    sub: str
    azp: str
    aud: tuple[str, ...]
    iss: str
    exp: int
    iat: int
    scope: str
    jti: str
    sid: str = ""

    @classmethod
    def read(cls, claims: Mapping[str, Any]) -> "Claims":
        """From a token's payload; ``aud`` is a text where it is a single one."""
        aud = claims.get("aud") or ()
        texts = {name: str(claims.get(name) or "") for name in ("sub", "azp", "iss", "scope", "jti", "sid")}
        return cls(
            aud=(aud,) if isinstance(aud, str) else tuple(str(each) for each in aud),
            exp=int(claims["exp"]),
            iat=int(claims["iat"]),
            **texts,
        )

    def is_of_same_user(self, other: "Claims") -> bool:
        """By ``sub``; lightweight tokens leave it out, and then by the user's session."""
        if self.sub and other.sub:
            return self.sub == other.sub
        return bool(self.sid) and self.sid == other.sid

    @property
    def answered(self) -> str | None:
        """The exchange that made this token, ``standard`` or ``legacy``; None when the token does not tell."""
        return answered_by(self.jti)

    @property
    def is_of_old_server(self) -> bool:
        """Whether a Keycloak before 26.2 made this token."""
        return _UUID.fullmatch(self.jti) is not None


@dataclass(frozen=True)
class Verdict:
    """What came of a case. reason: Keycloak's words where it refused, else what does not hold; refused: by Keycloak."""

    case: Case
    subject: Subject | None
    proved: bool
    reason: str | None = None
    refused: bool = False
    subject_claims: Claims | None = None
    exchanged_claims: Claims | None = None
    left_open: tuple[str, ...] = ()


class Prover:
    """Proves cases one after another; a subject's token is fetched once for all. Leaving it ends every token it got."""

    def __init__(self, session: Session, secrets: Secrets) -> None:
        self._session = session
        self._secrets = secrets
        self._endpoints: dict[str, TokenEndpoint] = {}
        self._subjects: dict[tuple[str, str, str | None, Subject], Issued | TokenRefused] = {}
        self._to_end: list[Callable[[], str | None]] = []
        self.left_open: list[str] = []

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
            source = ClientCredentials(case.source, self._secrets(case.realm, case.source))
            requester = ClientCredentials(case.requester, self._secrets(case.realm, case.requester))
        except (Refusal, HttpError) as problem:
            return replace(verdict, reason=str(problem))
        endpoint = self._endpoints.setdefault(case.realm, TokenEndpoint(self._session, case.realm))
        try:
            issued = self._subject_token(endpoint, case, subject, source)
        except TokenRefused as refused:
            return replace(verdict, refused=True, reason=f"no token for {subject} from '{case.source}': {refused}")
        try:
            verdict = replace(verdict, subject_claims=Claims.read(endpoint.claims(issued.access_token)))
            answer = endpoint.exchange(
                requester, issued.access_token, audience=case.audience, scope=case.exchange_scope
            )
            if not issued.refresh_token:  # else it belongs to the subject's session, and ends with it
                self._end_later(endpoint, requester, answer)
            exchanged = Claims.read(endpoint.claims(answer.access_token))
        except TokenRefused as refused:
            return replace(verdict, refused=True, reason=str(refused))
        except TokenInvalid as problem:
            which = "exchanged" if verdict.subject_claims else "subject"
            return replace(verdict, reason=f"the {which} token is not valid: {problem}")
        assert verdict.subject_claims is not None
        faults = check(case, verdict.subject_claims, exchanged)
        return replace(verdict, exchanged_claims=exchanged, proved=not faults, reason="; ".join(faults) or None)

    def _subject_token(
        self, endpoint: TokenEndpoint, case: Case, subject: Subject, source: ClientCredentials
    ) -> Issued:
        key = (case.realm, case.source, case.login_scope, subject)
        if key not in self._subjects:
            try:
                issued = _log_in(endpoint, subject, source, case.login_scope)
                self._end_later(endpoint, source, issued)
                self._subjects[key] = issued
            except TokenRefused as refused:  # kept too: a wrong password tried again and again locks the user out
                self._subjects[key] = refused
        known = self._subjects[key]
        if isinstance(known, TokenRefused):
            raise known
        return known

    def _end_later(self, endpoint: TokenEndpoint, client: ClientCredentials, issued: Issued) -> None:
        def attempt() -> str | None:
            try:
                if issued.refresh_token:
                    endpoint.log_out(client, issued.refresh_token)
                else:
                    endpoint.revoke(client, issued.access_token)
            except Unreachable:
                self._to_end.clear()
                return f"tokens of '{client.client_id}' and others were not ended: the server no longer answers."
            except KeycloakError as problem:
                return f"a token of '{client.client_id}' was not ended ({problem}); it lives until it expires."
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
                "is not there, or not to be seen by this login",
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


def check(case: Case, subject: Claims, exchanged: Claims) -> list[str]:
    """What does not hold of an exchanged token, a clause each; the signature and the issuer are verified already."""
    old = subject.is_of_old_server and exchanged.is_of_old_server
    answered = LEGACY if old else exchanged.answered
    faults = [_wrong_exchange(case, answered, exchanged, old)] if answered != case.exchange else []
    if not exchanged.is_of_same_user(subject):
        faults.append(f"its sub is '{exchanged.sub}' and the subject's is '{subject.sub}'")
    if exchanged.azp != case.requester:
        faults.append(f"its azp is '{exchanged.azp}' and not the requester '{case.requester}'")
    if case.target not in exchanged.aud:
        faults.append(f"its aud is '{', '.join(exchanged.aud)}' without the target '{case.target}'")
    elif case.exact and exchanged.aud != (case.target,):
        faults.append(f"its aud is '{', '.join(exchanged.aud)}' and not the target '{case.target}' alone")
    if exchanged.exp <= exchanged.iat:
        faults.append(f"its lifetime is {exchanged.exp - exchanged.iat} s")
    return faults


def _wrong_exchange(case: Case, answered: str | None, exchanged: Claims, old: bool) -> str:
    if old:
        return f"the legacy exchange answered: the standard one needs Keycloak {STANDARD_SINCE} or later"
    if answered == LEGACY:
        return (
            f"the legacy exchange answered: the switch of '{case.requester}' (Standard token exchange) is off; "
            "run `pulumi up`"
        )
    if answered == STANDARD:
        return (
            f"the standard exchange answered: the switch of '{case.requester}' (Standard token exchange) is on, so "
            "the legacy grant is never asked; set the grant's exchange to standard, or switch it off"
        )
    return f"its jti '{exchanged.jti}' does not tell which exchange answered"
