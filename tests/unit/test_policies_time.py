"""Time policies by Keycloak's rules, and windows of hours made of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.authz import time_windows
from kcadmin.authz.time_windows import TimeParts, time_faults, time_parts, window_faults
from tests.support.examples import examples

PARTS_OF_A_DATE = {"year": "year", "month": "month", "day_month": "day", "hour": "hour", "minute": "minute"}


def matches(fields: Mapping[str, Any], logic: str, now: datetime) -> bool:
    """What Keycloak's TimePolicyProvider does: two dates, then each part of the date between two numbers, both included."""
    form = "%Y-%m-%d %H:%M:%S"
    within = not (
        ("not_before" in fields and now < datetime.strptime(fields["not_before"], form))
        or ("not_on_or_after" in fields and now > datetime.strptime(fields["not_on_or_after"], form))
    )
    for field, part in PARTS_OF_A_DATE.items():
        if field in fields:  # an end without a beginning is not looked at
            first = int(fields[field])
            within = within and first <= getattr(now, part) <= int(fields.get(f"{field}_end", first))
    return within == (logic == "POSITIVE")


def allows(parts: TimeParts, now: datetime) -> bool:
    found = [matches(part.fields, part.logic, now) for part in parts.policies]
    assert parts.decision_strategy == "AFFIRMATIVE"
    return any(found)


FIELDS = {
    "year": st.integers(2025, 2027),
    "month": st.integers(1, 12),
    "day_month": st.integers(1, 31),
    "hour": st.integers(0, 23),
    "minute": st.integers(0, 59),
}
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(microsecond=0))
DATES = MOMENTS.map(lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"))
ANY_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        **FIELDS,
        **{f"{name}_end": values for name, values in FIELDS.items()},
        "not_before": DATES,
        "not_on_or_after": DATES,
    },
)


@examples(300)
@given(ANY_FIELDS, MOMENTS)
def test_what_matches_at_a_moment(fields: dict[str, Any], moment: datetime) -> None:
    said = {key: str(value) for key, value in fields.items()}
    assert time_windows.matches(said, moment) == matches(fields, "POSITIVE", moment)


TIMES = st.tuples(st.integers(0, 23), st.integers(0, 59))


def text(time: tuple[int, int]) -> str:
    return f"{time[0]:02}:{time[1]:02}"


@examples(40)
@given(TIMES, TIMES)
def test_a_window_holds_at_exactly_its_minutes(start: tuple[int, int], end: tuple[int, int]) -> None:
    if start == end:
        return
    parts = time_parts(text(start), text(end))
    midnight = datetime(2026, 3, 1)
    for minute in range(24 * 60):
        now = midnight + timedelta(minutes=minute, seconds=59 if minute % 2 else 0)
        at = (now.hour, now.minute)
        wanted = start <= at < end if start < end else at >= start or at < end
        assert allows(parts, now) == wanted, (start, end, at, parts)


@pytest.mark.parametrize(
    ("start", "end", "policies"),
    [
        ("09:00", "17:00", [{"hour": 9, "hour_end": 16}]),
        ("20:00", "06:00", [{"hour": 20, "hour_end": 23}, {"hour": 0, "hour_end": 5}]),
        ("20:00", "00:00", [{"hour": 20, "hour_end": 23}]),
        ("00:00", "23:59", [{"hour": 0, "hour_end": 22}, {"hour": 23, "hour_end": 23, "minute": 0, "minute_end": 58}]),
        ("08:15", "08:45", [{"hour": 8, "hour_end": 8, "minute": 15, "minute_end": 44}]),
        (
            "08:30",
            "17:15",
            [
                {"hour": 8, "hour_end": 8, "minute": 30, "minute_end": 59},
                {"hour": 9, "hour_end": 16},
                {"hour": 17, "hour_end": 17, "minute": 0, "minute_end": 14},
            ],
        ),
    ],
)
def test_a_window_takes_no_more_policies_than_it_needs(start: str, end: str, policies: list[dict[str, int]]) -> None:
    assert [dict(part.fields) for part in time_parts(start, end).policies] == policies


@examples(100)
@given(st.one_of(st.none(), st.tuples(TIMES, TIMES)), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_other_fields_hold_in_each_policy(hours: tuple[tuple[int, int], tuple[int, int]] | None, now: datetime) -> None:
    if hours and hours[0] == hours[1]:
        return
    start, end = (text(hours[0]), text(hours[1])) if hours else (None, None)
    others: dict[str, int | str] = {"month": 3, "month_end": 5, "not_before": "2024-04-01 12:00:00", "year": 2025}
    parts = time_parts(start, end, **others)
    all_day = time_parts(start, end).policies if hours else ()
    wanted = matches(others, "POSITIVE", now) and (
        not hours or any(matches(each.fields, each.logic, now) for each in all_day)
    )
    assert allows(parts, now) == wanted
    assert all(not list(time_faults(part.fields)) for part in parts.policies)


@pytest.mark.parametrize(
    ("start", "end", "fields", "words"),
    [
        ("20", "06:00", {}, "start is '20'; give it as HH:MM"),
        ("20:00", "24:00", {}, "end is '24:00'; give it as HH:MM"),
        ("20:00", None, {}, "only one of start and end is set; give both"),
        ("20:00", "20:00", {}, "start and end are both 20:00; leave both out for whole days"),
        ("20:00", "06:00", {"hour": 5}, "hour beside start and end; leave it out"),
        ("20:00", "06:00", {"month": 13}, "month is 13; give 1 to 12"),
        (None, None, {}, "it has no time, so it would match always"),
    ],
)
def test_what_is_no_window(start: str | None, end: str | None, fields: dict[str, int], words: str) -> None:
    (fault,) = window_faults(start, end, **fields)
    assert words in fault
    with pytest.raises(ValueError, match=r"give|leave|correct"):
        time_parts(start, end, **fields)


def test_a_window_of_dates_alone_is_one_policy() -> None:
    parts = time_parts(None, None, not_on_or_after="2030-01-01 00:00:00", month=None)
    assert [dict(part.fields) for part in parts.policies] == [{"not_on_or_after": "2030-01-01 00:00:00"}]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "it has no time, so it would match always; give hour"),
        (
            {"not_before": "2026-01-01T00:00:00Z"},
            "an error 500 or another date at each exchange; give it as YYYY-MM-DD HH:MM:SS",
        ),
        ({"not_before": "2026-01-01"}, "not_before is '2026-01-01'"),
        ({"not_on_or_after": "2026-02-30 00:00:00"}, "not_on_or_after is '2026-02-30 00:00:00'"),
        (
            {"not_before": "2026-01-02 00:00:00", "not_on_or_after": "2026-01-02 00:00:00"},
            "not_before is '2026-01-02 00:00:00', not before not_on_or_after '2026-01-02 00:00:00'; correct them",
        ),
        ({"hour": 24}, "hour is 24; give 0 to 23"),
        ({"hour": -1.0}, "hour is -1; give 0 to 23"),
        ({"hour": 1, "hour_end": 99}, "hour_end is 99; give 0 to 23"),
        ({"minute": 60}, "minute is 60; give 0 to 59"),
        ({"day_month": 0}, "day_month is 0; give 1 to 31"),
        ({"month": 13}, "month is 13; give 1 to 12"),
        ({"year": 26}, "year is 26; give 1970 to 9999"),
        ({"hour_end": 5}, "hour_end is 5 without hour, which Keycloak ignores; give hour, too"),
        (
            {"hour": 20.0, "hour_end": 6.0},
            "hour is 20 and hour_end 6, which never matches, since Keycloak's span ends at 23; make two TimePolicies, "
            "20 to 23 and 0 to 6, and an AggregatePolicy with AFFIRMATIVE, or take 7 to 19 with logic NEGATIVE",
        ),
        ({"hour": 20, "hour_end": 19}, "20 to 23 and 0 to 19, and an AggregatePolicy with AFFIRMATIVE"),
        ({"month": 11, "month_end": 2, "hour": 1}, "11 to 12 and 1 to 2, and an AggregatePolicy with AFFIRMATIVE"),
        ({"year": 2027, "year_end": 2026}, "year is 2027 and year_end 2026, which never matches; correct them"),
    ],
)
def test_what_a_time_policy_cannot_mean(fields: dict[str, Any], words: str) -> None:
    (fault,) = time_faults(fields)
    assert words in fault and fault.count("; ") == 1
    assert ("NEGATIVE" in fault) == ("NEGATIVE" in words)
