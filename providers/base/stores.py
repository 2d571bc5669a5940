"""Where objects that one owner holds live, and what they have in common."""

from enum import Enum
from typing import Protocol, TypeVar

from providers.base.held import MarkedObject


class Found(Enum):
    """What an object in sight is to a resource that is created. IN_THE_WAY: it has the name, and differs or is another's."""

    OURS, AS_WANTED, IN_THE_WAY = range(3)


class StoredObject(MarkedObject, Protocol):
    """The common fields of a store's objects."""

    @property
    def id(self) -> str | None: ...
    @property
    def name(self) -> str: ...


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
