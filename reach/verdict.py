"""What an exchange should give, what its tokens contain, and what is wrong with them. Makes no request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kcadmin.objects.features import LEGACY, STANDARD, STANDARD_SINCE, answered_by
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.texts import UUID, named, quoted, shown

RECIPIENT, REQUESTER, THIRD = "recipient", "requester", "third"


@dataclass(frozen=True)
class Case:
    """One flow of one grant. audience: what the requester asks for, or None; scopes: at login, at exchange.

    exact: ``aud`` must be only the target. roles: of which a user must hold one, in words. lifespan: the longest allowed
    for the exchanged token, seconds. narrow: it may have no scope that the subject token lacks.
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
    roles: tuple[str, ...] = ()
    lifespan: int | None = None
    narrow: bool = False


DELEGATION = ("act", "may_act")


@dataclass(frozen=True)
class Subject:
    """Whose token is exchanged: a user's, or without a username the source's own service account's."""

    username: str | None = None
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"user {self.username}" if self.username else "the source's service account"


@dataclass(frozen=True)
class Claims:
    """The claims of a token that show an exchange; never the token itself. exp, iat: seconds since 1970.

    delegation: the names of those by which somebody acts for the user (RFC 8693, section 4). unread: of an example,
    the claims that Keycloak cannot read.
    """

    sub: str
    azp: str
    aud: tuple[str, ...]
    iss: str
    exp: int
    iat: int
    scope: str
    jti: str
    sid: str = ""
    delegation: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @classmethod
    def read(cls, claims: Mapping[str, Any], unread: tuple[str, ...] = ()) -> "Claims":
        """From a token's payload; ``aud`` is a text where it is a single one. :raises KeycloakError: it has no times."""
        aud = claims.get("aud") or ()
        texts = {name: str(claims.get(name) or "") for name in ("sub", "azp", "iss", "scope", "jti", "sid")}
        return cls(
            aud=tuple(str(each) for each in aud) if isinstance(aud, list | tuple) else (str(aud),),
            delegation=tuple(name for name in DELEGATION if claims.get(name) is not None),
            exp=_seconds(claims, "exp"),
            iat=_seconds(claims, "iat"),
            unread=unread,
            **texts,
        )

    @property
    def refused_for(self) -> str | None:
        """Why such a token must not be exchanged, or None."""
        if not self.delegation:
            return None
        return (
            f"the subject token contains {quoted(self.delegation)}, by which somebody acts for the user; by its documentation "
            "Keycloak 26.8 refuses such a token in an exchange, and older versions ignore the claim: remove the mapper that "
            "writes it, or log in without delegation"
        )

    @property
    def lifetime(self) -> int:
        """From issue to expiry, seconds."""
        return self.exp - self.iat

    @property
    def scopes(self) -> frozenset[str]:
        """The words of ``scope``."""
        return frozenset(self.scope.split())

    def is_of_same_user(self, other: "Claims") -> bool:
        """By ``sub``, or the user's session: lightweight tokens have no ``sub``, and a mapper may write another one."""
        same = (self.sub, other.sub), (self.sid, other.sid)
        return any(mine and mine == theirs for mine, theirs in same)

    @property
    def answered(self) -> str | None:
        """The exchange that made this token, ``standard`` or ``legacy``; None when the token does not tell."""
        return answered_by(self.jti)

    @property
    def is_of_old_server(self) -> bool:
        """Whether a Keycloak before 26.2 made this token."""
        return UUID.fullmatch(self.jti) is not None


@dataclass(frozen=True)
class Verdict:
    """The result of a case. reason: Keycloak's words where it refused, else what is wrong; refused: the exchange, by Keycloak.

    tried: whether the exchange was made; if it could not be, ``reason`` says why, and ``outlook`` is the prediction. via:
    the grants that gave the source its token. notes: what is right but may surprise. dry: nothing was exchanged, the claims
    are predicted. outlook: whether the exchange would work, None if not known. basis: the realm's state that decides it.
    unknown: what a dry run cannot show.
    """

    case: Case
    subject: Subject | None
    proved: bool
    reason: str | None = None
    refused: bool = False
    subject_claims: Claims | None = None
    exchanged_claims: Claims | None = None
    left_open: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dry: bool = False
    outlook: bool | None = None
    basis: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    tried: bool = True
    via: tuple[str, ...] = ()

    @property
    def is_wrong(self) -> bool:
        """Whether the exchange certainly fails, or its token is wrong."""
        return self.outlook is False if self.dry or not self.tried else not self.proved


def check(case: Case, subject: Claims, exchanged: Claims) -> list[str]:
    """What is wrong with an exchanged token, a clause each. Its signature and issuer are verified already."""
    old = subject.is_of_old_server and exchanged.is_of_old_server
    answered = LEGACY if old else exchanged.answered
    faults = [_wrong_answer(case, answered, exchanged, old)] if answered != case.exchange else []
    if not exchanged.is_of_same_user(subject):
        faults.append(f"its sub is {named(exchanged.sub)} and the subject's is {named(subject.sub)}")
    return [*faults, *check_contents(case, subject, exchanged)]


def check_contents(case: Case, subject: Claims, exchanged: Claims) -> list[str]:
    """What is wrong with an exchanged token's claims, whichever exchange made it, and whoever its subject is."""
    faults = []
    if exchanged.azp != case.requester:
        faults.append(f"its azp is {named(exchanged.azp)} and not the requester {named(case.requester)}")
    if case.target not in exchanged.aud:
        faults.append(f"its aud is {quoted(exchanged.aud)} without the target {named(case.target)}")
    elif case.exact and exchanged.aud != (case.target,):
        faults.append(f"its aud is {quoted(exchanged.aud)} and not the target {named(case.target)} alone")
    if exchanged.lifetime <= 0:
        faults.append(f"its lifetime is {exchanged.lifetime} s")
    elif case.lifespan and exchanged.lifetime > case.lifespan:
        faults.append(f"its lifetime is {exchanged.lifetime} s and the grant's tokenLifespan {case.lifespan} s")
    if case.exchange_scope and case.exchange_scope not in exchanged.scopes:
        faults.append(
            f"its scope is {named(exchanged.scope)} without {named(case.exchange_scope)}, which was asked for"
        )
    if case.narrow and (wider := _wider(case, subject, exchanged)):
        faults.append(f"its scope has {quoted(wider)}, which the subject token has not, against noWiderScopes")
    return faults


def notes_of(case: Case, subject: Claims, exchanged: Claims) -> tuple[str, ...]:
    """What is right but may surprise: scopes that nobody requested and the subject token lacks."""
    wider = () if case.narrow else _wider(case, subject, exchanged)
    return (f"wider than the subject token by scope {quoted(wider)}",) if wider else ()


def _wider(case: Case, subject: Claims, exchanged: Claims) -> tuple[str, ...]:
    return tuple(sorted(exchanged.scopes - subject.scopes - {case.exchange_scope}))


def _wrong_answer(case: Case, answered: str | None, exchanged: Claims, old: bool) -> str:
    if old:
        return f"the legacy exchange answered: the standard one needs Keycloak {STANDARD_SINCE} or later"
    if answered in (LEGACY, STANDARD):
        return wrong_exchange(case, answered)
    return f"its jti {named(exchanged.jti)} does not tell which exchange answered"


def wrong_exchange(case: Case, answers: str, said: str = "answered", lack: str = "") -> str:
    """That the other exchange answers, and what to do.

    said: ``answered``, or ``would answer``. lack: what the server lacks for the right one.
    """
    if lack:
        return f"the {answers} exchange {said}: {lack}"
    if answers == LEGACY:
        return (
            f"the legacy exchange {said}: the switch of {named(case.requester)} (Standard token exchange) is off; "
            "run `pulumi up`"
        )
    return (
        f"the standard exchange {said}: the switch of {named(case.requester)} (Standard token exchange) is on, so "
        "the legacy grant is never used; set the grant's exchange to standard, or switch it off"
    )


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1 << 53:
        raise KeycloakError(
            f"token: its {name} is {shown(value)}, which is not a time; check that url is Keycloak's own."
        )
    return int(value)
