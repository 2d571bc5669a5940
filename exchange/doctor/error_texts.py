"""Finds a refusal in the catalogue of errors, from a sentence, a JSON answer or a line of a log."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from exchange.doctor.error_catalogue import BOTH, HEADINGS, ROWS, Logged, Row

LONGEST = 20_000  # characters of a text that are searched for an error
_PLACE = re.compile(r"\\\{(\w+)\\\}")


@dataclass(frozen=True)
class Reading:
    """What a text says. title: in the catalogue's words; values: the names in it, such as ``scopes``.

    causes: likeliest first; token: whose audience it is about, or ''; exchanges: which of the two may have said it.
    """

    title: str
    causes: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    exchanges: frozenset[str] = frozenset()
    rows: tuple[Row, ...] = ()


def read_error(text: str, exchange: str | None = None) -> Reading | None:
    """The causes that a text may have, or None where the catalogue does not know it.

    :param exchange: which exchange was asked; rows of the other one are left out where others fit.
    """
    text = text[:LONGEST]
    said = _answer(text)
    words = " ".join(said.values()) if said else text
    fits = {id(row): match for row in ROWS if (match := _match(row.description, words))}
    rows = _longest([row for row in ROWS if id(row) in fits])
    if not rows:
        rows = [row for row in ROWS if row.event and row.event.reason and _match(row.event.reason, words)]
        fits = {id(row): match for row in rows if row.event and (match := _match(row.event.reason, words))}
    heading = next((each for each in HEADINGS if each in words.lower()), None)
    if not rows and heading:
        return Reading(heading, HEADINGS[heading])
    rows = rows or [row for row in ROWS if _has_word(row.error, words)]
    return _reading(rows, words, exchange, {} if not rows or id(rows[0]) not in fits else fits[id(rows[0])].groupdict())


def read_event(error: str, reason: str, exchange: str | None = None) -> Reading | None:
    """The causes of a realm's event ``TOKEN_EXCHANGE_ERROR``, by its ``error`` and the detail ``reason``."""
    rows = [row for row in ROWS if row.event and _says(row.event, error, reason)]
    return _reading(rows, "", exchange, {})


def _says(event: Logged, error: str, reason: str) -> bool:
    return event.error == error and (not event.reason or _match(event.reason, reason) is not None)


def _reading(rows: Iterable[Row], words: str, exchange: str | None, values: Mapping[str, str]) -> Reading | None:
    chosen = _only(rows, lambda row: _has_word(row.error, words))
    chosen = _only(chosen, lambda row: _has_word(str(row.status), words))
    chosen = _only(chosen, lambda row: row.exchange in (BOTH, exchange))
    if not chosen:
        return None
    title = chosen[0].description if len({row.description for row in chosen}) == 1 else chosen[0].error
    return Reading(
        title or chosen[0].error,
        tuple(dict.fromkeys(cause for row in chosen for cause in row.causes)),
        dict(values),
        next((row.token for row in chosen), ""),
        frozenset(row.exchange for row in chosen),
        tuple(chosen),
    )


def _only(rows: Iterable[Row], fits: Callable[[Row], bool]) -> list[Row]:
    """The rows that fit, or all where none does."""
    given = list(rows)
    return [row for row in given if fits(row)] or given


def _longest(rows: list[Row]) -> list[Row]:
    """Other descriptions contain ``Invalid token``, too."""
    most = max((len(row.description) for row in rows), default=0)
    return [row for row in rows if len(row.description) == most]


def _match(description: str, words: str) -> re.Match[str] | None:
    if not description:
        return None
    pattern = _PLACE.sub(r"(?P<\1>.+?)", re.escape(description))
    if description.endswith("}"):
        pattern += r"(?=$|[\"'\n])"
    return re.search(pattern, words, re.IGNORECASE)


def _has_word(word: str, words: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", words) is not None


def _answer(text: str) -> dict[str, str]:
    """The texts of the JSON answer in a text; empty if there is none."""
    for found in _objects(text):
        if isinstance(found.get("error"), str):
            return {key: str(found[key]) for key in ("error", "error_description") if found.get(key)}
    return {}


def _objects(text: str) -> Iterator[Mapping[str, object]]:
    decoder = json.JSONDecoder()
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            found, _ = decoder.raw_decode(text, start)
        except ValueError:
            continue
        except RecursionError:  # what is inside is nested as deeply, or nearly
            return
        if isinstance(found, dict):
            yield found
