"""Token exchanges as a realm's stored events tell of them, for who watches whether a change is felt by callers.

The standard exchange notes which client the subject token was issued for, the legacy one does not: so a refusal tells which
of them answered, where the token was looked at. A success tells it by its token's id.
https://www.keycloak.org/docs/latest/server_admin/#configuring-auditing-to-track-events
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.errors import Forbidden, sentence
from kcadmin.features import LEGACY, STANDARD
from kcadmin.session import Session, path

DONE, REFUSED = "TOKEN_EXCHANGE", "TOKEN_EXCHANGE_ERROR"
PAGE = 500
OVERLAP_MS = 3000  # a node may store an event some time after the time that it bears
_MADE_BY = {"te": STANDARD, "na": LEGACY}
_ISSUED_FOR = "subject_token_client_id"


@dataclass(frozen=True)
class ExchangeSeen:
    """One exchange that was asked for. time: milliseconds since 1970, by the server. reason: None where it was allowed.

    exchange: which one answered, None where that cannot be told. audience: a client id, as far as the event names one.
    source: whom the subject token was issued for; only the standard exchange tells it.
    """

    id: str
    time: int
    requester: str
    reason: str | None
    exchange: str | None
    audience: str | None = None
    source: str | None = None
    requested_type: str | None = None
    address: str | None = None

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "ExchangeSeen":
        """From the server's representation; before Keycloak 26 an event has no id."""
        details: Mapping[str, str] = event.get("details") or {}
        refused, requester, time = event["type"] == REFUSED, str(event.get("clientId") or ""), int(event["time"])
        made_by = _MADE_BY.get(str(details.get("token_id") or "").partition(":")[0][4:6])
        apart = (event.get("userId"), event.get("sessionId"), details.get("token_id"), details.get("reason"))
        return cls(
            id=str(event.get("id") or f"{time} {requester} {apart}"),
            time=time,
            requester=requester,
            reason=(details.get("reason") or str(event.get("error") or "no reason")) if refused else None,
            exchange=(STANDARD if _ISSUED_FOR in details else None) if refused else made_by,
            audience=details.get("audience"),
            source=details.get(_ISSUED_FOR),
            requested_type=details.get("requested_token_type"),
            address=event.get("ipAddress"),
        )


class ExchangesSeen:
    """The exchanges of a realm from a time on; each is given once."""

    def __init__(self, session: Session, realm: str, since: int) -> None:
        self._session, self._realm = session, realm
        self._since, self._newest = since, since
        self._given: dict[str, int] = {}

    def new(self) -> list[ExchangeSeen]:
        """What came since the last look, oldest first."""
        since = max(self._since, self._newest - OVERLAP_MS)
        found = [each for each in read_events(self._session, self._realm, since) if each.id not in self._given]
        self._newest = max([self._newest, *(each.time for each in found)])
        self._given = {id_: time for id_, time in self._given.items() if time >= self._newest - 2 * OVERLAP_MS}
        self._given |= {each.id: each.time for each in found}
        return sorted(found, key=lambda each: each.time)


def read_events(
    session: Session, realm: str, since: int, types: Collection[str] = (DONE, REFUSED), page_size: int = PAGE
) -> Iterator[ExchangeSeen]:
    """The stored exchanges from a time on, in milliseconds, newest first. :raises Forbidden: the login lacks view-events."""
    at, first, kinds = path("admin", "realms", realm, "events"), 0, "&type=".join(types)
    while True:
        page = session.get(f"{at}?type={kinds}", dateFrom=str(max(0, since)), first=str(first), max=str(page_size))
        yield from (ExchangeSeen.read(each) for each in page)
        first += len(page)
        if len(page) < page_size:
            return


def unseen_because(session: Session, realm: str) -> str | None:
    """Why exchanges leave no events to be read, in a sentence; None where they do."""
    try:
        config = session.get(path("admin", "realms", realm, "events", "config"))
        session.get(path("admin", "realms", realm, "events"), type=DONE, max="1")
    except Forbidden:
        return sentence("events", "of exchanges", realm, "this login may not read them", "give it the role view-events")
    kinds = config.get("enabledEventTypes") or [DONE, REFUSED]
    if not config.get("eventsEnabled"):
        return sentence(
            "events", "of exchanges", realm, "are not saved", "switch Save events on (Realm settings, Events)"
        )
    if lacking := [each for each in (DONE, REFUSED) if each not in kinds]:
        return sentence("events", ", ".join(lacking), realm, "are not among those saved", "add them to the saved types")
    return None
