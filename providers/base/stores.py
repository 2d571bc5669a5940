"""Stores of objects with one owner, and the common fields of these objects."""

from dataclasses import fields
from enum import Enum
from typing import Any, Protocol, TypeVar

from kcadmin.objects.claims import IDENTITY
from providers.base.held import MarkedObject


class Found(Enum):
    """What an existing object means for a resource that is created. IN_THE_WAY: it has the name, and differs or is another's."""

    OURS, AS_WANTED, IN_THE_WAY = range(3)


class StoredObject(MarkedObject, Protocol):
    """The common fields of a store's objects."""

    @property
    def id(self) -> str | None: ...
    @property
    def name(self) -> str: ...


NOT_COMPARED = (*IDENTITY, "stored")
T = TypeVar("T", bound=StoredObject)


class Store(Protocol[T]):
    """The objects of one kind on the server."""

    def named(self, name: str, /) -> list[T]: ...
    def get(self, id_: str, /) -> T | None: ...
    def create(self, wanted: T, /) -> T: ...
    def update(self, id_: str, wanted: T, /) -> T: ...
    def delete(self, id_: str, /) -> None: ...


def id_of(found: StoredObject) -> str:
    """The id of an object that is on the server."""
    assert found.id is not None
    return found.id


def differing_fields(found: T, wanted: T) -> dict[str, tuple[Any, Any]]:
    """By field, what an object has and what it should have, where they differ."""
    names = [each.name for each in fields(wanted) if each.name not in NOT_COMPARED]  # type: ignore[arg-type]
    pairs = {name: (getattr(found, name), getattr(wanted, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
