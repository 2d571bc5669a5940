"""Who exchanged what: a realm's events of token exchanges, each with the grants of the stack that it belongs to."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from exchange.stack.place import Place
from exchange.stack.stack import StackProblem
from kcadmin.objects import events
from kcadmin.objects.event_audiences import ClientIds
from kcadmin.objects.events import (
    DAY_SECONDS,
    NEEDED,
    NOT_IN_AUDIENCE,
    Event,
    EventsConfig,
    oldest_event,
    read_config,
    read_events,
)
from kcadmin.objects.realm import realm_for
from kcadmin.objects.recorded_events import recorded_since
from kcadmin.rest.errors import Forbidden, InvalidSettings, Refusal
from kcadmin.rest.texts import named
from reach.proof import RECIPIENT, Case

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
POLL_SECONDS = 2
OVERLAP_SECONDS = 30  # how late an event may be written after others of its time
UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY_SECONDS, "w": 7 * DAY_SECONDS}
UNDECLARED, UNKNOWN, ALLOWED, REFUSED = "undeclared", "unknown", "allowed", "refused"


@dataclass(frozen=True)
class Record:
    """An event, and the grants that it may belong to: none if it is undeclared, several if it fits several.

    grants: None without a stack. target: the client that the token is for, if the event contains it.
    """

    event: Event
    grants: tuple[str, ...] | None
    target: str | None


@dataclass(frozen=True)
class Wanted:
    """Which records. since, until: seconds since 1970. client: requester, subject's client or audience; user: name or id."""

    since: float | None = None
    until: float | None = None
    grant: str | None = None
    client: str | None = None
    user: str | None = None
    refused: bool = False


@dataclass(frozen=True)
class Unused:
    """A grant without an allowed exchange since ``since`` (seconds since 1970), as far as the events reach back.

    certain: they reach back for as long as was asked.
    """

    grant: str
    since: float
    certain: bool


class Audit:
    """The events of one realm, compared with the stack's grants in it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.realm = realm_for(place.session, place.realm)
        self.cases = place.cases()
        self.reasons = place.reasons
        stack = (each for case in self.cases or () for each in (case.source, case.requester, case.target))
        self._ids = ClientIds(self.realm, stack)

    def config(self) -> EventsConfig:
        """What the realm records. :raises Refusal: the login may not see it."""
        return read_config(self.realm)

    def ids_of(self, user: str | None) -> set[str] | None:
        """The ids of a user by name, since legacy events hold no name; the text itself may be one.

        None if the login lacks the role view-users.
        """
        if user is None or ID.fullmatch(user):
            return {user} if user else set()
        try:
            return {str(each["id"]) for each in self.realm.users_named(user)}
        except Forbidden:
            return None

    def records(self, wanted: Wanted) -> Iterator[Record]:
        """Newest first. :raises StackProblem: no such grant. :raises Refusal: the login may not see events."""
        if wanted.grant:
            self._check_grant(wanted.grant)
        user_ids = self.ids_of(wanted.user) or set()
        types = (events.REFUSED,) if wanted.refused else NEEDED
        for event in self._events(since=wanted.since, until=wanted.until, types=types):
            record = attribute(event, self.cases)
            if _is_wanted(record, wanted, user_ids):
                yield record

    def follow(self, wanted: Wanted, limit: int, wait: Callable[[float], object] = time.sleep) -> Iterator[Record]:
        """The newest ``limit`` that are there, then those that come, oldest first, each once; never ends."""
        user_ids = self.ids_of(wanted.user) or set()
        newest = next((event.at for event in self._events()), 0.0)
        seen = {event.id for event in self._events(since=newest - OVERLAP_SECONDS)}
        there = list(islice(self.records(wanted), limit))
        seen |= {record.event.id for record in there}
        yield from reversed(there)
        while True:
            wait(POLL_SECONDS)
            recent = [*self._events(since=newest - OVERLAP_SECONDS)]
            fresh = [attribute(event, self.cases) for event in recent if event.id not in seen]
            newest = max([newest, *(event.at for event in recent)])
            seen = {event.id for event in recent}
            yield from (record for record in reversed(fresh) if _is_wanted(record, wanted, user_ids))

    def unused(self, days: int) -> list[Unused]:
        """The grants without an allowed exchange in so many days. :raises StackProblem: there is no stack.

        :raises Refusal: exchanges are not recorded.
        """
        if self.cases is None:
            raise StackProblem("--unused: there is no stack whose grants could be unused; run it in a stack's folder.")
        config = self.config()
        if not config.enabled or events.EXCHANGED not in config.types:
            raise Refusal(f"events of realm {named(self.place.realm)}: {switched_off(config)}")
        asked = time.time() - days * DAY_SECONDS
        reach = max(asked, self._reach() or time.time())
        used = {
            name for record in self.records(Wanted(since=asked)) if record.event.allowed for name in record.grants or ()
        }
        names = dict.fromkeys(case.grant for case in self.cases)
        return [Unused(name, reach, certain=reach <= asked) for name in names if name not in used]

    def _reach(self) -> float | None:
        """Since when exchanges are known to be recorded; None if there is no event."""
        oldest = oldest_event(self.realm)
        try:
            switched_on = recorded_since(self.realm)
        except (Forbidden, Refusal):  # a login that may see events only: other types may have been recorded before
            return min((event.at for event in self._events()), default=None)
        return max(oldest, switched_on or 0) if oldest else None

    def _events(self, **query: Any) -> Iterator[Event]:
        return read_events(self.realm, ids=self._ids, **query)

    def _check_grant(self, name: str) -> None:
        if self.place.stack is None or self.cases is None:
            raise StackProblem(
                "--grant: there is no stack to take grants from; leave it out, or run it in a stack's folder."
            )
        self.place.stack.cases([name])


def attribute(event: Event, cases: Sequence[Case] | None) -> Record:
    """An event with the grants that it may belong to.

    A refused exchange without an audience, such as one with an invalid token, may belong to each grant of its requester. A
    legacy exchange, whose event has no source, may belong to each grant with its requester and target.
    """
    if cases is None:
        return Record(event, None, _target(event, ()))
    fitting = [case for case in cases if _fits(event, case)]
    same = [case for case in fitting if event.exchange in (None, case.exchange)] or fitting
    return Record(event, tuple(dict.fromkeys(case.grant for case in same)), _target(event, same))


def summary(records: Sequence[Record]) -> list[tuple[str, str, str, int]]:
    """How many by grant, exchange and result (``allowed``, or ``refused`` with Keycloak's error), in order."""
    counts = Counter(
        (grants_of(record), record.event.exchange or UNKNOWN, result_of(record.event)) for record in records
    )
    return [(*key, count) for key, count in sorted(counts.items())]


def grants_of(record: Record) -> str:
    """The grants' names; empty without a stack."""
    if record.grants is None:
        return ""
    return " or ".join(record.grants) or UNDECLARED


def result_of(event: Event) -> str:
    """``allowed``, or ``refused`` with Keycloak's error."""
    return ALLOWED if event.allowed else f"{REFUSED} {event.error or ''}".strip()


def switched_off(config: EventsConfig) -> str:
    """What is not recorded, and how to switch it on."""
    what = (
        f"{' and '.join(config.lacking)} {'is' if len(config.lacking) == 1 else 'are'} not among the types that are recorded"
        if config.enabled
        else "are switched off, so no exchange is recorded"
    )
    return (
        f"{what}; set the stack's config `events: true`, declare ExchangeEvents, or switch them on in the Admin Console under "
        "Realm settings → Events → User events settings."
    )


def parse_moment(text: str, now: float) -> float:
    """``2h``, ``7d`` before now, or an ISO date or time (UTC where it names no zone), in seconds since 1970.

    :raises InvalidSettings: it is neither.
    """
    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdecimal() and unit in UNITS and len(number) < 10:
        return now - int(number) * UNITS[unit]
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidSettings(
            [
                f"time {text!r}: is not a time; give 30m, 2h or 7d before now, or a date such as 2026-01-31 or 2026-01-31T08:00."
            ]
        ) from None


def _fits(event: Event, case: Case) -> bool:
    if event.requester != case.requester or event.subject not in (None, case.source):
        return False
    if event.audiences:  # aud of a recipient's new token contains the recipient; of a requester's, what it asked for
        return (event.audiences.may_include if case.flow == RECIPIENT else event.audiences.may_be_only)(case.target)
    return event.reason != NOT_IN_AUDIENCE or event.requester != case.source  # a requester holds its own token


def _target(event: Event, cases: Sequence[Case]) -> str | None:
    targets = {case.target for case in cases}
    if len(targets) == 1:
        return targets.pop()
    if event.audiences.may_include(event.requester):
        return event.requester
    return event.audiences.shown[0] if len(event.audiences.shown) == 1 else None


def _is_wanted(record: Record, wanted: Wanted, user_ids: set[str]) -> bool:
    event = record.event
    parts = (event.requester, event.subject, record.target)
    return (
        not (wanted.refused and event.allowed)
        and (wanted.grant is None or wanted.grant in (record.grants or ()))
        and (wanted.client is None or wanted.client in parts or event.audiences.may_include(wanted.client))
        and (wanted.user is None or event.user == wanted.user or event.user_id in user_ids)
    )
