"""An HTTP answer that was read whole: its JSON, its words without secrets, and the sentence for one that Keycloak never gives."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from kcadmin.errors import HttpError, KeycloakError, http_error
from kcadmin.shapes import misshapen

DEFAULT_SECONDS, LONGEST_SECONDS = 60, 24 * 3600
LONGEST_KIND = 100
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
_ID = re.compile(r"[\w~-][\w.~%-]*", re.ASCII)


@dataclass(frozen=True)
class Answer:
    """One answer. base: the server's address. hide: cuts what is secret out of a text of the server."""

    base: str
    method: str
    at: str
    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    hide: Callable[[str], str] = field(repr=False)

    @property
    def ok(self) -> bool:
        return self.status_code < 400

    def json(self) -> Any:
        """The JSON, of a shape that Keycloak gives at this path. :raises KeycloakError: it is something else."""
        try:
            value = self._parsed()
        except ValueError:
            raise self.strange() from None
        if wrong := misshapen(self.method, self.at, value):
            raise self.strange(f"JSON of another shape ({wrong})")
        return value

    def object(self) -> Mapping[str, Any]:
        """The JSON object of any answer; empty where it is something else."""
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

    def error(self) -> HttpError:
        """The error for its status."""
        return http_error(self.status_code, self.method, self.at, self.words())

    def strange(self, what: str | None = None) -> KeycloakError:
        """The error for an answer that Keycloak never gives. what: it came with, instead of its content type."""
        return KeycloakError(
            f"Keycloak at '{self.base}': {self.method} {self.at} answered {self.status_code} with {what or self.kind}, "
            "which is not Keycloak's answer; check that url is its own address and not a page before it."
        )

    def created_id(self) -> str:
        """The id of what a POST has made. :raises KeycloakError: the answer names none."""
        found = self.headers.get("Location", "").rsplit("/", 1)[-1]
        if not _ID.fullmatch(found):
            raise self.strange("no address of what was made" if not found else f"the address '…/{self.hide(found)}'")
        return found

    def token(self) -> tuple[str, float]:
        """An access token, or '' where there is none, and its lifetime in seconds. :raises KeycloakError: it cannot be one."""
        body = self.json()
        token = body.get("access_token") if isinstance(body, dict) else None
        if not token:
            return "", 0
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise self.strange("an access token that no header can hold")
        seconds = body.get("expires_in", DEFAULT_SECONDS)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds >= 0:
            raise self.strange("an access token whose expires_in is no number of seconds")
        return token, float(min(seconds, LONGEST_SECONDS))

    def _parsed(self) -> Any:
        """:raises ValueError: it is no JSON, one so deep that nothing can be read from it, or holds halves of characters."""
        try:
            value = json.loads(self.content, parse_constant=_refuse)
            if _HALF_CHARACTER.search(self.content):
                json.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise ValueError("too deep") from None
        return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
