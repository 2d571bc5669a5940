"""What can go wrong between us and a Keycloak server.

KeycloakError
├── Unreachable            no answer: refused, timed out, TLS not trusted
│   └── AnswerLost         the connection ended before the whole answer
├── InvalidSettings        the connection's own settings are wrong
├── Refusal                the request was not made, because it would do something else than asked
├── LoginRefused           the server did not let us in
├── TokenRefused           the token endpoint refused a grant, with RFC 6749's ``error``
└── HttpError              an answer that is not a success
    ├── Strange            an answer that is not Keycloak's
    ├── NotFound           404
    ├── Conflict           409
    ├── Forbidden          403
    └── NotImplementedHere 501, a feature that is switched off

No message holds a token, a secret or a request body.
"""

from collections.abc import Iterable
from http import HTTPStatus

from kcadmin.rest.odd import Odd
from kcadmin.rest.texts import LONGEST_PATH, abridged, named


class KeycloakError(Exception):
    """The root of all errors of this package.

    :param faults: a sentence each for a person, mostly one. ``clause``: the text within another sentence.
    """

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))

    @property
    def clause(self) -> str:
        return str(self).removesuffix(".")


class Unreachable(KeycloakError):
    """The server gave no answer."""


class AnswerLost(Unreachable):
    """The connection ended before the whole answer: the server may have done what was requested."""


class InvalidSettings(KeycloakError):
    """Settings that cannot work; all faults at once."""

    def __init__(self, faults: Iterable[str]) -> None:
        super().__init__(*faults)


class Refusal(KeycloakError):
    """The request was not made, since its result would not be what was asked."""


class LoginRefused(KeycloakError):
    """The administrator's or robot's login failed."""


class TokenRefused(KeycloakError):
    """The token endpoint's refusal: ``error`` and ``error_description`` of RFC 6749, section 5.2."""

    def __init__(self, status: int, error: str, description: str) -> None:
        self.status = status
        self.error = error
        self.description = description
        super().__init__(f"{status} {error}: {description}")


class HttpError(KeycloakError):
    """An answer that is not a success. ``message``: the server's words. ``clause`` leaves out what to do."""

    def __init__(
        self, status: int, method: str, path: str, message: str, wait: float = 0.0, remedy: str | None = None
    ) -> None:
        """wait: the seconds after which the server wants to be asked again. remedy: what to do, if not as its status says."""
        self.status = status
        self.message = message
        self.wait = wait
        self._clause = f"{method} {abridged(path, LONGEST_PATH)} -> {status} {_reason(status)}: {message}"
        super().__init__(f"{self._clause}; {remedy or _remedy(status)}.")

    @property
    def clause(self) -> str:
        return self._clause


class UnexpectedAnswer(HttpError):
    """An answer that is not Keycloak's, whatever its status: nothing follows from it."""

    def __init__(self, status: int, sentence: str, wait: float = 0.0) -> None:
        self.status = status
        self.message = ""
        self.wait = wait
        self._clause = sentence.removesuffix(".")
        KeycloakError.__init__(self, sentence)


class NotFound(HttpError):
    """404: the object, or one that its path names, is gone. See ``kcadmin.rest.absence``."""


class Conflict(HttpError):
    """409: the name is taken, or another writer came first."""


class Forbidden(HttpError):
    """403: the login lacks a role of ``realm-management``."""


class NotImplementedHere(HttpError):
    """501: the server's feature is switched off."""


SERVER_ERROR = 500
AWAY = (502, 503, 504)
"""The server is down, as a proxy or load balancer before it reports."""
BUSY = (409, 429, SERVER_ERROR, *AWAY)
"""Temporary: another writer came first, or the server is busy or down."""
REFUSED_TOKEN = Odd(
    "token-refused",
    "401 Unauthorized: HTTP 401 Unauthorized",
    "the server refuses the token that it has just given, so check the not-before (Revocation) of the login's realm and client, "
    "and that all addresses on the way lead to one Keycloak",
)
ODD = (REFUSED_TOKEN,)
_REMEDIES = {
    401: REFUSED_TOKEN.remedy,
    403: "give the login the realm-management role that this request needs",
    404: "check whether somebody deleted it, and run the same command again",
    501: "switch the server's feature on",
}
_BY_STATUS: dict[int, type[HttpError]] = {403: Forbidden, 409: Conflict, 501: NotImplementedHere}


def http_error(status: int, method: str, path: str, message: str, wait: float = 0.0) -> HttpError:
    """The error class for a status of Keycloak's own answer."""
    return _BY_STATUS.get(status, HttpError)(status, method, path, message, wait)


def sentence(kind: str, name: str, realm: str, wrong: str, remedy: str) -> str:
    """The form of each sentence about a fault: ``<object> '<name>' in realm '<realm>': <what is wrong>; <what to do>.``"""
    return f"{kind} {named(name)} in realm {named(realm)}: {wrong}; {remedy}."


def _remedy(status: int) -> str:
    if status in BUSY:
        return "run the same command again"
    return _REMEDIES.get(status, "see the server's log")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
