"""Parts of grants that are collected instead of registered with Pulumi each, so that one resource can hold them all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pulumi

from kcadmin.marks.packed import Part

REFERENCE = "id_of"
_collected: ContextVar[dict[str, Part] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[dict[str, Part]]:
    """Within it, our resources are collected instead of registered. Gives the parts by their resources' names."""
    parts: dict[str, Part] = {}
    token = _collected.set(parts)
    try:
        yield parts
    finally:
        _collected.reset(token)


def collect(resource: pulumi.CustomResource, name: str, given: Mapping[str, Any], awaited: Sequence[Any]) -> bool:
    """Collects a resource instead of registering it; returns whether it did.

    awaited: what it depends on. Outputs become inputs of the resource that contains the parts.
    """
    parts = _collected.get()
    if parts is None:
        return False
    props = {
        field: value for field, value in given.items() if value is not None and not isinstance(value, pulumi.Output)
    }
    after = [each.__dict__["id"][REFERENCE] for each in awaited]  # parts, too
    parts[name] = Part(type(resource).__name__, props, tuple(dict.fromkeys([*after, *references(props)])))
    resource.__dict__["id"] = {REFERENCE: name}
    return True


def references(value: Any) -> Iterator[str]:
    """The places of the parts whose ids a value holds."""
    if isinstance(value, str):
        return
    if is_reference(value):
        yield value[REFERENCE]
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from references(each)


def is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {REFERENCE}


def resolved(value: Any, ids: Mapping[str, Any], unknown: Any) -> Any:
    """A value with the ids of other parts. unknown: the value for those that do not exist yet."""
    if isinstance(value, str):
        return value
    if is_reference(value):
        return ids.get(value[REFERENCE], unknown)
    if isinstance(value, Mapping):
        return {key: resolved(each, ids, unknown) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(each, ids, unknown) for each in value]
    return value
