"""Values without quotes that YAML does not read as texts: days, numbers, true and false."""

import re
from datetime import date
from typing import Any

_DAY = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? [+-]\d{4} \S+")
"""A day as Pulumi passes it on: YAML reads a day in a stack file as a point in time, with a zone."""


def is_a_day(text: object) -> bool:
    """Whether a text was a day without quotes in a stack's config."""
    return isinstance(text, str) and _DAY.fullmatch(text) is not None


def day_of(text: Any) -> Any:
    """A day as text, ``2027-01-01``. Any other value stays unchanged."""
    found = _DAY.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found and found[2] == "00:00:00" else text


def time_of(text: Any) -> Any:
    """The same with its time: ``2027-01-01 00:00:00``."""
    found = _DAY.fullmatch(text) if isinstance(text, str) else None
    return f"{found[1]} {found[2]}" if found else text


def no_day(text: str) -> bool:
    """Whether a text is not a day of the calendar."""
    try:
        return date.fromisoformat(text).isoformat() != text
    except ValueError:
        return True


def in_quotes(value: Any) -> str:
    """The advice for a value that should be a text."""
    parts = value if isinstance(value, list | tuple) else [value]
    return ", in quotes" if any(isinstance(each, int | float) or is_a_day(each) for each in parts) else ""
