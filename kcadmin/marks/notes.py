"""Notes that we leave on the server, read as data: anybody who may write the object may have written them.

A note is JSON of a shape that type hints declare. JSON of another shape is not a note.
"""

import functools
import json
import logging
import re
import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

LARGEST_NUMBER = 2**53  # up to this, numbers in JSON are exact, also in Pulumi's state
_HALF = re.compile("[\ud800-\udfff]")  # half of a character, which no digest can be made of
_lock = threading.Lock()
_said: set[Hashable] = set()
BOOLEAN_TEXT = Annotated[str | None, re.compile("true|false", re.IGNORECASE)]
"""A switch that Keycloak keeps as an attribute."""
HASH8 = Annotated[str, re.compile("[0-9a-f]{8}")]
HASH16 = Annotated[str, re.compile("[0-9a-f]{16}")]
SECONDS = Annotated[int, range(LARGEST_NUMBER)]


def read_note(text: object) -> Any:
    """Parses JSON without ambiguity: no key twice, no NaN.

    :raises ValueError: it is not such a text, or it is nested too deeply to be read.
    """
    if not isinstance(text, str):
        raise ValueError("a note is a text")
    try:
        return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def typed(hint: Any, value: Any) -> Any:
    """A value out of JSON as a hint describes it: lists become tuples, whole numbers ``int``, mappings dataclasses.

    Hints may be ``None``, ``bool``, ``int``, ``str``, ``Literal``, unions, tuples, dataclasses, and ``Annotated`` with a range of
    numbers or a regular expression for the whole text.

    :raises ValueError: it is something else.
    """
    origin, args = _parts_of(hint)
    if origin is Annotated:
        found = typed(args[0], value)
        if found is None or (found in args[1] if isinstance(args[1], range) else args[1].fullmatch(found)):
            return found
        raise ValueError("a value that is not allowed")
    if origin in (Union, UnionType):
        return _first_that_fits(args, value)
    if origin is Literal:
        if any(type(value) is type(each) and value == each for each in args):
            return value
    elif origin is not None and issubclass(origin, Sequence):
        if isinstance(value, list | tuple):
            return _items(args, value)
    elif hint in (None, NoneType):
        if value is None:
            return None
    elif hint is int:
        whole = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER
        if whole and value == int(value):
            return int(value)
    elif is_dataclass(hint):
        if isinstance(value, Mapping):
            made = _fields(hint, value)
            return hint(**made)  # type: ignore[operator]
    elif hint in (bool, str) and isinstance(value, hint) and not (hint is str and _HALF.search(value)):
        return value
    raise ValueError("a value of another type")


@functools.cache
def _parts_of(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(hint), get_args(hint)


def typed_fields(hints: Mapping[str, Any], value: Any, needed: Sequence[str] = ()) -> dict[str, Any]:
    """A mapping of known fields. :raises ValueError: one is unknown, has another type, or is needed and absent."""
    if not isinstance(value, Mapping) or not hints.keys() >= value.keys() or not value.keys() >= set(needed):
        raise ValueError("other fields")
    return {key: typed(hints[key], each) for key, each in value.items()}


def fits(hint: Any, value: Any) -> bool:
    """Whether a value is of the type that a hint describes."""
    try:
        typed(hint, value)
    except ValueError:
        return False
    return True


def plain(value: Any) -> Any:
    """A value that was read by a hint, as JSON holds it."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def warn_once(log: logging.Logger, about: Hashable, text: str) -> None:
    """Warns of notes that are ignored: once a run for each object that has them."""
    with _lock:
        if about in _said:
            return
        _said.add(about)
    log.warning("%s", text)


def warn_again() -> None:
    """Another run begins in this process."""
    with _lock:
        _said.clear()


def hints_of(kind: type, *left_out: str) -> dict[str, Any]:
    """The hints of a dataclass's fields, but for some."""
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: hints[each.name] for each in fields(kind) if each.name not in left_out}


def required_fields(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass that have no default."""
    return tuple(each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING)


def _fields(kind: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    return typed_fields(hints_of(kind), value, required_fields(kind))


def _items(args: tuple[Any, ...], value: Sequence[Any]) -> tuple[Any, ...]:
    fixed = len(args) > 1 and Ellipsis not in args
    hints = args if fixed else args[:1] * len(value)
    return tuple(typed(hint, item) for hint, item in zip(hints, value, strict=True))


def _first_that_fits(hints: Sequence[Any], value: Any) -> Any:
    for hint in hints:
        if fits(hint, value):
            return typed(hint, value)
    raise ValueError("a value of another type")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
