"""A realm's events of token exchanges, and which events Keycloak records in it.

https://www.keycloak.org/docs/latest/server_admin/#auditing-user-events
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.objects.event_audiences import BLANK, COMMA, Audiences, ClientIds, read_audiences
from kcadmin.objects.features import LEGACY, STANDARD, answered_by
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Forbidden, NotFound, Refusal
from kcadmin.rest.session import path
from kcadmin.rest.texts import named

EXCHANGED, REFUSED = "TOKEN_EXCHANGE", "TOKEN_EXCHANGE_ERROR"
NEEDED = (EXCHANGED, REFUSED)
PAGE = 100  # also what the server gives where nobody asks for a number
DAY_SECONDS = 86_400
NOT_AVAILABLE = "Requested audience not available"
NOT_IN_AUDIENCE = "client is not within the token audience"
_NAMING = re.compile(rf"{NOT_AVAILABLE}: (.+)")


@dataclass(frozen=True)
class EventsConfig:
    """What a realm records. expiration: seconds, 0 for ever; types: Keycloak's names, the server's own where none are set."""

    enabled: bool
    expiration: int
    types: tuple[str, ...]

    @property
    def lacking(self) -> tuple[str, ...]:
        """Which event types of a token exchange are not recorded."""
        return tuple(each for each in NEEDED if each not in self.types)


@dataclass(frozen=True)
class Event:
    """One exchange, allowed or refused. at: seconds since 1970. exchange: standard, legacy, or None where it is not known.

    subject: the client of the subject token; user: a name. Both, and the session, are None in events of the legacy exchange.
    audiences: of the exchanged token; of a refused exchange the requested ones, where the event contains them. requested_type: of
    token; the legacy exchange records a refresh token also where the caller requested no type.
    """

    id: str
    at: float
    allowed: bool
    requester: str
    subject: str | None
    audiences: Audiences
    user: str | None
    user_id: str | None
    session: str | None
    address: str
    exchange: str | None
    error: str | None
    reason: str | None
    requested_type: str | None = None

    @classmethod
    def read(cls, found: Mapping[str, Any], ids: ClientIds) -> "Event":
        """From Keycloak's representation. Events without an id, of older versions, are distinguished by their content."""
        details, allowed = found.get("details") or {}, found["type"] == EXCHANGED
        return cls(
            str(found.get("id") or json.dumps(found, sort_keys=True)),
            int(found["time"]) / 1000,
            allowed,
            str(found.get("clientId") or ""),
            details.get("subject_token_client_id"),
            _audiences(details, ids),
            details.get("username"),
            found.get("userId"),
            found.get("sessionId"),
            str(found.get("ipAddress") or ""),
            _exchange(details),
            None if allowed else found.get("error"),
            None if allowed else details.get("reason"),
            details.get("requested_token_type"),
        )


def read_events(
    realm: Realm,
    *,
    since: float | None = None,
    until: float | None = None,
    types: tuple[str, ...] = NEEDED,
    ids: ClientIds | None = None,
) -> Iterator[Event]:
    """Exchanges, newest first, each once, read in pages.

    :param since, until: seconds since 1970; both are compared here too, since old versions know days alone.
    :param ids: the client ids that audiences are read with; a caller that reads repeatedly passes the same each time.
    :raises Refusal: the realm does not exist, or the login may not see its events.
    """
    query = "&".join(f"type={each}" for each in types)
    at, seen, first = f"{_path(realm, 'events')}?{query}", set[str](), 0
    ids = ids or ClientIds(realm)
    while page := _get(realm, at, first=str(first), max=str(PAGE)):
        first += len(page)
        for event in (Event.read(found, ids) for found in page):
            if since is not None and event.at < since:
                return
            if event.id not in seen and (until is None or event.at < until):
                yield event
            seen.add(event.id)  # new events move the others on to the next page


def oldest_event(realm: Realm) -> float | None:
    """The time of the oldest stored event of any type, in seconds since 1970; None without events.

    :raises Refusal: as ``read_events``.
    """
    found = _get(realm, _path(realm, "events"), first="0", max="1", direction="asc")
    return int(found[0]["time"]) / 1000 if found else None


def read_config(realm: Realm) -> EventsConfig:
    """What the realm records. :raises Refusal: as ``read_events``."""
    found = _get(realm, _path(realm, "events", "config"))
    types = tuple(sorted(str(each) for each in found.get("enabledEventTypes") or ()))
    return EventsConfig(bool(found.get("eventsEnabled")), int(found.get("eventsExpiration") or 0), types)


def write_config(realm: Realm, now: EventsConfig, then: EventsConfig) -> bool:
    """Changes what the realm records. Returns whether there was something to change.

    A PUT of this part merges all fields except two: without ``eventsEnabled`` it switches events off, without
    ``eventsExpiration`` they are kept for ever. A list of types that is not sent stays as it is, and so do listeners and
    admin events.

    :raises Refusal: the login may not.
    """
    if now == then:
        return False
    body: dict[str, Any] = {"eventsEnabled": then.enabled, "eventsExpiration": then.expiration}
    if then.types != now.types:
        body["enabledEventTypes"] = list(then.types)
    try:
        realm.session.put(_path(realm, "events", "config"), body)
    except Forbidden:
        raise _forbidden(realm, "write what is recorded of them", "manage-events") from None
    return True


def with_needed(config: EventsConfig) -> EventsConfig:
    """The same, with the event types of a token exchange."""
    return replace(config, types=tuple(sorted({*config.types, *config.lacking})))


def _exchange(details: Mapping[str, str]) -> str | None:
    """By the prefix of the token's id; for a refused exchange, by details that only one of the two exchanges records."""
    told = answered_by(details.get("token_id") or "")
    if told or "subject_token_client_id" in details:
        return told or STANDARD
    return LEGACY if "requested_token_type" in details else None


def _audiences(details: Mapping[str, str], ids: ClientIds) -> Audiences:
    if details.get("audience"):
        return read_audiences(details["audience"], BLANK, ids)
    told = _NAMING.fullmatch(details.get("reason") or "")
    return read_audiences(told.group(1), COMMA, ids) if told else Audiences()


def _get(realm: Realm, at: str, **query: str) -> Any:
    try:
        return realm.session.get(at, **query)
    except NotFound:
        raise Refusal(f"realm {named(realm.name)}: does not exist, or the login may not see it; correct it.") from None
    except Forbidden:
        raise _forbidden(realm, "see them", "view-events") from None


def _forbidden(realm: Realm, what: str, role: str) -> Refusal:
    return Refusal(
        f"events of realm {named(realm.name)}: Keycloak does not let this login {what} (403); give it the role {role} of the "
        f"client {named(realm.management_client_id)}."
    )


def _path(realm: Realm, *segments: str) -> str:
    return path("admin", "realms", realm.name, *segments)
