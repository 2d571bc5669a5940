"""Texts from people or a server: how a sentence shows them, whatever they contain, and what no name may contain."""

import difflib
import functools
import json
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

LONGEST_SHOWN = 100
LONGEST_PATH = 300
"""Of a request in a sentence; a server may name objects as it likes."""
MOST_QUOTED = 30
"""So many names are shown in a sentence, since another party may decide how many there are."""
FEW = 5
T = TypeVar("T")
OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control characters, directions of text, half characters, line breaks
NO_CHARACTER = "\ufffd"  # comes before the digits of half a character, so that names stay distinguishable
PULUMI_COLOUR = "<{%"  # Pulumi removes such directives from texts, and panics at an unknown one
COMMAND = re.compile(r"#(?=#(?:vso|teamcity)?\[)|^(\s*):(?=:[a-z-]+.*::)", re.IGNORECASE)
"""What a pipeline obeys at the beginning of a text: ``::error::`` and ``##[error]`` at GitHub, ``##vso[…]`` at Azure."""
_NO_NAME = re.compile(
    f"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff{NO_CHARACTER}]|{PULUMI_COLOUR}"
)
_PLAIN_IN_YAML = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_NO_TEXT_IN_YAML = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HUMP = re.compile("(?<=[a-z0-9])([A-Z])")
_SNAKE = re.compile(r"_([a-z])")
_HALF = re.compile("[\ud800-\udfff]")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_SECRET = re.compile(
    r"-----BEGIN [\w ]*PRIVATE KEY-----.*?(?:-----END [\w ]*PRIVATE KEY-----|$)|eyJ[\w-]{6,}\.[\w.~+/=%-]{6,}",
    re.DOTALL | re.IGNORECASE,
)
"""A private key or a token, which people sometimes give instead of a file's path."""
STEPS = (".", "..")
"""Characters that lead from one path to another, also when quoted."""


def shown(value: object) -> str:
    """A value as a sentence shows it: in one line, shortened in the middle, a text in quotes, without keys and tokens."""
    try:
        own = type(value).__repr__ is not object.__repr__
        text = " ".join(repr(value).splitlines()) if own else f"of type {type(value).__name__}"
    except (ValueError, RecursionError):  # an int of thousands of digits, a list in a list in a list …
        text = f"a very large {type(value).__name__}"
    return abridged(_SECRET.sub("(left out)", text), LONGEST_SHOWN)


def abridged(text: str, longest: int) -> str:
    """The text, without its middle where it is longer."""
    return text if len(text) <= longest else f"{text[: longest // 2]}…{text[-longest // 2 :]}"


def snake(name: str) -> str:
    """A name in camelCase as Python writes it."""
    return _HUMP.sub(lambda found: f"_{found[1].lower()}", name)


@functools.lru_cache(1024)
def camel(name: str) -> str:
    """The same the other way."""
    return _SNAKE.sub(lambda found: found[1].upper(), name)


def harmless(text: str) -> str:
    """A text in one line. What a terminal, a pipeline or Pulumi would obey is shown as in JSON: ``\\n``, ``\\u001b``.

    A text that is harmless stays as it is, so nothing is escaped twice.
    """
    if not text.isprintable():
        text = "".join(json.dumps(each)[1:-1] if is_obeyed(each) else each for each in text)
    text = COMMAND.sub(lambda found: f"{found[1] or ''}\\u{ord(found[0][-1]):04x}", text)
    return text.replace(PULUMI_COLOUR, f"\\u003c{PULUMI_COLOUR[1:]}")


def harmless_lines(text: str) -> str:
    """The same for a text of several lines. JSON stays the JSON that it was."""
    return "\n".join(map(harmless, text.split("\n")))


def is_obeyed(letter: str) -> bool:
    """Whether a terminal or a log would obey a character instead of showing it."""
    return unicodedata.category(letter) in OBEYED


def named(name: object) -> str:
    """A name in quotes. Quotes within it are distinguishable from the outer ones: ``'api'``, ``"a', 'b"``."""
    return repr(str(name))


def in_yaml(text: str) -> str:
    """A text as YAML reads it, also within a list: in quotes if it might be read as something else."""
    plain = _PLAIN_IN_YAML.fullmatch(text) and text.lower() not in _NO_TEXT_IN_YAML
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())


def quoted(names: Iterable[str], last: str = "") -> str:
    """Names as a sentence lists them, each in quotes of its own. last: ``and`` or ``or``, before the last of several."""
    *others, end = [named(name) for name in names] or [""]
    if len(others) >= MOST_QUOTED:
        return first_few([*others, end], MOST_QUOTED)
    return f"{', '.join(others)} {last} {end}" if others and last else ", ".join([*others, end])


def some(names: Iterable[str], most: int = FEW) -> str:
    """Names in quotes, of which there may be thousands: the first ones, and how many more."""
    return first_few([shown(name) for name in names], most)


def first_few(listed: Sequence[str], most: int = FEW, between: str = ", ") -> str:
    """The first of many texts, and how many more there are."""
    return between.join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")


def together(found: Iterable[T], place: Callable[[T], Hashable], most: int = FEW) -> list[list[T]]:
    """Splits things into those that are reported one by one and those that are reported together: many at one place.

    :param place: where a thing is; things without a place are reported one by one.
    """
    places: dict[Hashable, list[T]] = {}
    for each in found:
        where = place(each)
        places.setdefault(id(each) if where is None else (where,), []).append(each)
    return [part for held in places.values() for part in ([held] if len(held) > most else [[each] for each in held])]


def unfit(text: str, *, lines: bool = False) -> str | None:
    """What a text contains that Keycloak, its database, JSON or Pulumi does not accept, as a name or at all.

    A name has one line and one direction of text, since resources have it in their names, which Pulumi prints unchanged. It
    must not be a step of a path (``.`` or ``..``).
    :param lines: the text is for people and may have several lines.
    """
    if text in STEPS and not lines:
        return unfit_segment(text)
    found = (_NO_TEXT if lines else _NO_NAME).search(text)
    return f"holds {found.group()!r}, which is not allowed in a {'text' if lines else 'name'}" if found else None


def unfit_segment(text: str) -> str | None:
    """Why a text cannot be a segment of a path: it would lead to another object."""
    if text in ("", *STEPS):
        return f"is '{text}', which is not allowed in an address"
    found = _HALF.search(text)
    return f"holds {found.group()!r}, which is not allowed in an address" if found else None


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that is most like a given one, as a question; '' if none is."""
    close = difflib.get_close_matches(name, sorted(known), 1)
    return f"did you mean {named(close[0])}?" if close else ""
