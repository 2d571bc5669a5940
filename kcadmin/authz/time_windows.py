"""When a time policy matches, by Keycloak's rules, and which policies together make a window of hours.

A policy's fields are judged one by one at the server's own clock and zone: year, month, day of the month, hour and minute must
each be between two numbers, both included. So no field wraps around midnight, and 08:30 to 17:15 needs three policies.
https://www.keycloak.org/docs/latest/authorization_services/#_policy_time
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kcadmin.authz.exchange_permission import AFFIRMATIVE
from kcadmin.authz.policies import TIME_DATES
from kcadmin.rest.texts import named, shown

RANGES: Mapping[str, tuple[int, int]] = {
    "year": (1970, 9999),
    "month": (1, 12),
    "day_month": (1, 31),
    "hour": (0, 23),
    "minute": (0, 59),
}
DAY = 24 * 60
_DATE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def time_faults(given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the fields of a time policy. Keycloak stores any.

    :param given: numbers by name, dates as text; None is unset.
    """
    fields = {key: value if key in TIME_DATES else int(value) for key, value in given.items() if value is not None}
    if not fields:
        yield "it has no time, so it would match always; give hour, not_before or another of its fields"
    dates = {key: _date(str(fields[key])) for key in TIME_DATES if key in fields}
    for key, date in dates.items():
        if date is None:
            yield (
                f"{key} is {shown(fields[key])}, which is an error 500 or another date at each exchange; give it as "
                "YYYY-MM-DD HH:MM:SS, by the server's clock"
            )
    if len(dates) == 2 and None not in dates.values() and fields["not_before"] >= fields["not_on_or_after"]:
        yield (
            f"not_before is {named(fields['not_before'])}, not before not_on_or_after "
            f"{named(fields['not_on_or_after'])}; correct them"
        )
    for key, (lowest, highest) in RANGES.items():
        yield from _range_faults(key, lowest, highest, fields)


def _range_faults(key: str, lowest: int, highest: int, fields: Mapping[str, Any]) -> Iterator[str]:
    start, end = fields.get(key), fields.get(f"{key}_end")
    wrong = [name for name in (key, f"{key}_end") if not lowest <= fields.get(name, lowest) <= highest]
    for name in wrong:
        yield f"{name} is {shown(fields[name])}; give {lowest} to {highest}"
    if wrong or end is None:
        return
    if start is None:
        yield f"{key}_end is {end} without {key}, which Keycloak ignores; give {key}, too"
    elif end < start and key == "year":
        yield f"year is {start} and year_end {end}, which never matches; correct them"
    elif end < start:
        negative = (
            f", or take {end + 1} to {start - 1} with logic NEGATIVE"
            if end + 1 < start and set(fields) == {key, f"{key}_end"}
            else ""
        )
        yield (
            f"{key} is {start} and {key}_end {end}, which never matches, since Keycloak's span ends at {highest}; make "
            f"two TimePolicies, {start} to {highest} and {lowest} to {end}, and an AggregatePolicy with AFFIRMATIVE{negative}"
        )


@dataclass(frozen=True)
class TimePart:
    """One time policy of a window: its fields, as ``TimePolicy`` takes them, and its logic."""

    fields: Mapping[str, int | str]
    logic: str = "POSITIVE"


@dataclass(frozen=True)
class TimeParts:
    """A window as time policies; where there are several, an aggregate policy with the strategy holds them."""

    policies: tuple[TimePart, ...]
    decision_strategy: str = AFFIRMATIVE


def window_faults(start: str | None, end: str | None, **fields: int | str | None) -> Iterator[str]:
    """What is wrong with a window. See ``time_parts`` for the arguments."""
    for name, text in (("start", start), ("end", end)):
        if text is not None and not _TIME_OF_DAY.fullmatch(text):
            yield f"{name} is {shown(text)}; give it as HH:MM, 00:00 to 23:59, by the server's clock"
    if (start is None) != (end is None):
        yield "only one of start and end is set; give both"
    elif start is not None and start == end:
        yield f"start and end are both {start}; leave both out for whole days, or correct one"
    hours = [key for key in ("hour", "hour_end", "minute", "minute_end") if fields.get(key) is not None]
    if hours and start is not None:
        yield f"{', '.join(hours)} beside start and end; leave {'it' if len(hours) == 1 else 'them'} out"
    elif any(value is not None for value in fields.values()) or start is None:
        yield from time_faults(fields)


def time_parts(start: str | None, end: str | None, **fields: int | str | None) -> TimeParts:
    """The time policies that together match from ``start`` until just before ``end``, also past midnight.

    :param start: ``HH:MM`` by the server's clock, as ``end``; None, both, for whole days.
    :param fields: other fields of a time policy (dates, years, months, days of the month), in each of the policies. They
        are judged at the moment of an exchange: the hours after midnight belong to the next day.
    :raises ValueError: the window is none, with what ``window_faults`` says.
    """
    faults = list(window_faults(start, end, **fields))
    if faults:
        raise ValueError("; ".join(faults))
    others = {key: value for key, value in fields.items() if value is not None}
    if start is None or end is None:
        return TimeParts((TimePart(others),))
    first, last = _minute_of_day(start), _minute_of_day(end)
    spans = [(first, last)] if first < last else [(first, DAY), (0, last)]
    return TimeParts(tuple(TimePart({**hours, **others}) for span in spans for hours in _pieces(*span)))


def _pieces(first: int, after: int) -> Iterator[dict[str, int]]:
    """Splits minutes of one day into the rest of an hour, whole hours, and the beginning of an hour."""
    if first == after:
        return
    (hour, minute), (hour_end, minute_end) = divmod(first, 60), divmod(after - 1, 60)
    if hour == hour_end:
        yield _piece(hour, hour, minute, minute_end)
        return
    if minute > 0:
        yield _piece(hour, hour, minute, 59)
    whole, whole_end = hour + (minute > 0), hour_end - (minute_end < 59)
    if whole <= whole_end:
        yield _piece(whole, whole_end, 0, 59)
    if minute_end < 59:
        yield _piece(hour_end, hour_end, 0, minute_end)


def matches(fields: Mapping[str, int | str], moment: datetime) -> bool:
    """Whether a time policy matches at a moment of the server's clock. fields: by our names, as ``time_faults`` takes them.

    An invalid date, which is an error 500 at each exchange, never matches.
    """
    for key, value in fields.items():
        if key in TIME_DATES:
            date = _date(str(value))
            if date is None or (moment < date if key == "not_before" else moment > date):
                return False
        elif not key.endswith("_end"):
            now = int(getattr(moment, "day" if key == "day_month" else key))
            if not int(value) <= now <= int(fields.get(f"{key}_end") or value):
                return False
    return True


def _piece(hour: int, hour_end: int, minute: int, minute_end: int) -> dict[str, int]:
    minutes = {} if (minute, minute_end) == (0, 59) else {"minute": minute, "minute_end": minute_end}
    return {"hour": hour, "hour_end": hour_end, **minutes}


def _minute_of_day(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _date(text: str) -> datetime | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:  # the 30th of February: Keycloak takes it for the 2nd of March
        return None
