"""Names that two objects would have: two resources of one program, or a resource and a mapper of another type."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from kcadmin.objects.marked_mappers import MarkedMappers
from kcadmin.rest.errors import sentence
from kcadmin.rest.odd import Odd
from kcadmin.rest.texts import named
from providers.base import messages
from providers.base.connections import CONNECTION
from providers.base.face import this_run

if TYPE_CHECKING:
    from providers.base.provider import KeycloakProvider

TWICE = Odd(
    "object-twice",
    "is declared by the resource {one}, and by {other} as {kind}",
    "give one of them another name, or remove it",
)
_declared: WeakKeyDictionary[object, dict[tuple[str, ...], tuple[str, str]]] = WeakKeyDictionary()


def declare(provider: "KeycloakProvider", resource_name: str, given: Mapping[str, Any]) -> None:
    """Notes which object a resource of the program declares. If an input is an output, that is not known.

    :raises pulumi.RunError: another resource of the program declares the same object.
    """
    run, name, realm = this_run(), given.get("name"), given.get("realm")
    places = [given.get(field) for field in (*provider.CLIENTS, *provider.CLIENTS.values())]
    if run is None or not all(isinstance(each, str) for each in (name, realm)) or given.get(CONNECTION):
        return
    if not all(each is None or isinstance(each, str) for each in places):
        return
    kind = MarkedMappers.__name__ if _is_mapper(provider) else type(provider).__name__
    key = (kind, str(realm), str(name), *(str(each) for each in places))
    this = (resource_name, provider.OBJECT)
    first = _declared.setdefault(run, {}).setdefault(key, this)
    if first != this:
        odd = TWICE.told(one=named(resource_name), other=named(first[0]), kind=first[1])
        raise messages.program_error([sentence(provider.OBJECT, str(name), str(realm), odd.wrong, odd.remedy)])


def taken(store: object, name: str) -> Iterator[str]:
    """A clause if a mapper of another type has the name. store: the object's."""
    if isinstance(store, MarkedMappers) and (other := store.other_type(name)):
        yield f"the name is taken by a mapper of type {named(other)}; choose another name, or remove that mapper"


def _is_mapper(provider: "KeycloakProvider") -> bool:
    """Mappers of a client share one space of names, whatever their types."""
    return getattr(provider, "HOLDER", None) == "client_uuid"
