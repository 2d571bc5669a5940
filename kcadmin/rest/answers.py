"""A complete HTTP answer: its JSON, its text without secrets, and the sentence for an answer that Keycloak never gives."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn

from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from kcadmin.rest.errors import AWAY, HttpError, NotFound, UnexpectedAnswer, http_error
from kcadmin.rest.shapes import misshapen
from kcadmin.rest.texts import LONGEST_PATH, NO_CHARACTER, abridged, named, shown

DEFAULT_SECONDS, LONGEST_SECONDS = 60, 24 * 3600
LONGEST_KIND = 100
LONGEST_WAIT_SECONDS = 30
_MAY_BE_HALF, _HALF = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]"), re.compile("[\ud800-\udfff]")
_OWN_FIELDS = frozenset(("error", "error_description", "errorMessage", "error_uri", "field", "params", "errors"))
FORBIDDEN = ("HTTP 403 Forbidden", "You have no access to this user")
"""What Keycloak says to a login that lacks a role; before 26.0 it gives it an ``UNNAMED`` error, with 403."""
UNNAMED, UNNAMED_TEXT = "unknown_error", "For more on this error consult the server log"
_ID = re.compile(r"[\w~-][\w.~%-]*", re.ASCII)


class AnswerObject(dict[str, Any]):
    """An object of an answer. Reading a missing field gives a sentence about the server instead of a KeyError."""

    __slots__ = ("_answer",)

    def __init__(self, fields: Iterable[tuple[str, Any]] = (), answer: "Answer | None" = None) -> None:
        super().__init__(fields)
        self._answer = answer

    def __missing__(self, field: str) -> NoReturn:
        if self._answer is None:  # a copy, as ``dataclasses.asdict`` makes it
            raise KeyError(field)
        raise self._answer.unexpected(f"JSON of another shape (no {shown(field)})")


@dataclass(frozen=True)
class Answer:
    """One answer. base: the server's address. server: how messages name it, with the proxy before it. hide: cuts secrets out
    of a text of the server."""

    base: str
    method: str
    at: str
    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    hide: Callable[[str], str] = field(repr=False)
    server: str = ""

    @property
    def ok(self) -> bool:
        return self.status_code < 400

    @property
    def is_nothing(self) -> bool:
        """Whether the answer is empty: 204 without a content length. Python would not read content after 204."""
        return self.status_code == 204 and self.headers.get("Content-Length", "0") == "0"

    @property
    def is_half(self) -> bool:
        """Whether it claims to be JSON and is not, or only a part of it."""
        if not self.content or not self.ok or "json" not in self.headers.get("Content-Type", ""):
            return False
        try:
            json.loads(self.content)
        except RecursionError:
            return False
        except ValueError:
            return True
        return False

    def json(self) -> Any:
        """The JSON, of a shape that Keycloak gives at this path. :raises Strange: it is something else."""
        try:
            value = self._parsed()
        except ValueError:
            raise self.unexpected() from None
        if wrong := misshapen(self.method, self.at, value):
            raise self.unexpected(f"JSON of another shape ({wrong})")
        return value

    def object(self) -> Mapping[str, Any]:
        """The JSON object of any answer; empty if it is something else."""
        try:
            value = self._parsed()
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def words(self) -> str:
        """What the server says of a refusal."""
        try:
            body = self._parsed()
        except ValueError:
            return f"no JSON ({self.kind})"
        if not isinstance(body, dict):
            return "no message"
        texts = [str(body[key]) for key in ("error", "errorMessage", "error_description") if body.get(key)]
        return self.hide(": ".join(texts)) or "no message"

    @property
    def kind(self) -> str:
        """Its content type, as it says itself."""
        return self.hide(self.headers.get("Content-Type") or "no content type")[:LONGEST_KIND]

    def own_words(self) -> str | None:
        """Keycloak's words for a refusal; None if the answer does not have its form."""
        body = self.object()
        words = body.get("error", body.get("errorMessage"))
        return words if isinstance(words, str) and words and not set(body) - _OWN_FIELDS else None

    def error(self) -> HttpError:
        """The error for its status. A 404 alone says nothing (``kcadmin.rest.absence``); a redirect is none of Keycloak's."""
        words = self.own_words()
        if words is None or self.ok or self.status_code == 404 or (self.status_code == 403 and not self._lacks_a_role):
            return self.unexpected()
        return http_error(self.status_code, self.method, self.at, self.words(), self.wait())

    @property
    def _lacks_a_role(self) -> bool:
        words = self.own_words()
        text = self.object().get("error_description")
        return words in FORBIDDEN or (words == UNNAMED and isinstance(text, str) and text.startswith(UNNAMED_TEXT))

    def gone(self) -> NotFound:
        """The error for an object that is gone."""
        return NotFound(self.status_code, self.method, self.at, self.words())

    def wait(self) -> float:
        """The seconds after which the server allows another try; 0 if it gives none."""
        if self.status_code not in AWAY:
            return 0.0
        try:
            return Retry(retry_after_max=LONGEST_WAIT_SECONDS).parse_retry_after(self.headers.get("Retry-After", "0"))
        except (InvalidHeader, ValueError, OverflowError):
            return 0.0

    @property
    def location(self) -> str:
        """Where a redirect leads to; '' for other answers."""
        return self.headers.get("Location", "") if 300 <= self.status_code < 400 else ""

    def described(self, what: str | None = None) -> str:
        """The beginning of a message about an answer. what: replaces its content type and words."""
        to = f" to {shown(self.hide(self.location))}" if self.location else ""
        said = f" ({shown(self.words())})" if self.object() and not self.ok else ""
        server = self.server or f"Keycloak at {named(self.base)}"
        asked = f"{self.method} {abridged(self.at, LONGEST_PATH)}"
        return f"{server}: {asked} answered {self.status_code}{to} with {what or self.kind + said}"

    def unexpected(self, what: str | None = None) -> UnexpectedAnswer:
        """The error for an answer that Keycloak never gives."""
        return self.misdirected(
            f"{self.described(what)}, which Keycloak never sends; "
            "check that url points at Keycloak, not at a proxy or a login page."
        )

    def misdirected(self, sentence: str) -> UnexpectedAnswer:
        """The same in another sentence."""
        return UnexpectedAnswer(self.status_code, sentence, self.wait())

    def created_id(self) -> str:
        """The id of the object that a POST made. :raises KeycloakError: the answer has none."""
        found = self.headers.get("Location", "").rsplit("/", 1)[-1]
        if not _ID.fullmatch(found):
            raise self.unexpected(
                "no address of the created object" if not found else f"the address '…/{self.hide(found)}'"
            )
        return found

    def token(self) -> tuple[str, float]:
        """An access token, or '' without one, and its lifetime in seconds. :raises KeycloakError: it cannot be one."""
        body = self.json()
        token = body.get("access_token") if isinstance(body, dict) else None
        if not token:
            return "", 0
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise self.unexpected("an access token that does not fit into a header")
        seconds = body.get("expires_in", DEFAULT_SECONDS)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds >= 0:
            raise self.unexpected("an access token whose expires_in is not a number of seconds")
        return token, float(min(seconds, LONGEST_SECONDS))

    def _parsed(self) -> Any:
        """Parses JSON. Half a character, which a client's owner may write into any of its texts, becomes U+FFFD and its digits.

        :raises ValueError: it is no JSON, or one so deep that nothing can be read from it.
        """
        try:
            told = partial(AnswerObject, answer=replace(self, content=b""))  # so that kept objects do not keep it, too
            value = json.loads(self.content, parse_constant=_refuse, object_pairs_hook=told)
            if _MAY_BE_HALF.search(self.content):
                text = json.dumps(value, ensure_ascii=False)
                whole = _HALF.sub(lambda half: f"{NO_CHARACTER}{ord(half[0]):04x}", text)
                value = json.loads(whole, object_pairs_hook=told)
        except RecursionError:
            raise ValueError("too deep") from None
        return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
