"""The properties of a resource, parsed once: its inputs, and what its state has beside them.

A frozen dataclass declares both. An input without a default must be given. ``check`` fills in a default, unless it is None.
In a preview a field may be Pulumi's unknown: see ``is_known``.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from kcadmin.marks.ownership import Writer
from kcadmin.objects.shared_settings import Taken
from kcadmin.rest.texts import shown
from providers.base.uuids import is_known

RESTORE, REVOKE, KEEP = "restore", "revoke", "keep"
TEXT, FLAG, TEXTS, NUMBER, LIST, MAP = "a text", "true or false", "a list of texts", "a whole number", "a list", "a map"
_OUTPUT, _UUID_OF = "output", "uuid_of"
R = TypeVar("R", bound="KeycloakProps")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Outputs = Mapping[str, object]
"""Fields of a resource as they go into its state. None: the field has no value."""


def _once_a_kind(function: F) -> F:
    """Caches a result per kind, since a stack has thousands of resources of each."""
    return cast(F, functools.cache(function))


def outputs(**values: object) -> Outputs:
    """Fields by name. A name that the resource does not have is an error when the state is made."""
    return values


def output(default: Any = None) -> Any:
    """A field that no program gives."""
    return field(default=default, metadata={_OUTPUT: True})


def uuid_of(client: str) -> Any:
    """A client's UUID, derived from the input with its client id."""
    return field(default="", metadata={_UUID_OF: client})


def uuids_of(clients: str) -> Any:
    """The same for a list of clients."""
    return field(default=(), metadata={_UUID_OF: clients})


@dataclass(frozen=True, kw_only=True)
class KeycloakProps:
    """The fields of all resources.

    held: numbers in the stack's own state. keeps: the number of the resource that passes the object on. found: how
    ``create`` found it. was: what it was before.
    """

    realm: str
    owner: str = ""
    adopt: bool = False
    on_remove: str = RESTORE
    stack: str = ""
    accept_policy_changes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    keeps: str | None = None
    number: str = output("")
    found: str = output("")
    was: Mapping[str, Any] | None = output()

    @property
    def writer(self) -> Writer:
        """The resource as writer of marks and claims."""
        return Writer(self.stack, self.number)

    @property
    def taken(self) -> Taken:
        """How a setting came to be as declared."""
        return Taken(self.found, dict(self.was or {}))

    @property
    def revoke(self) -> bool:
        """Whether what already existed is removed, too."""
        return self.on_remove == REVOKE

    @property
    def keep(self) -> bool:
        """Whether the object stays when the resource is removed."""
        return self.on_remove == KEEP


@dataclass(frozen=True, kw_only=True)
class ClientProps(KeycloakProps):
    """Fields of a part or a setting of a client."""

    client_id: str
    client_uuid: str = uuid_of("client_id")


@dataclass(frozen=True, kw_only=True)
class ResourceServerProps(KeycloakProps):
    """Fields of an object on a resource server, which is a client."""

    resource_server: str
    resource_server_uuid: str = uuid_of("resource_server")
    name: str


def parse(kind: type[R], given: Mapping[str, Any]) -> R:
    """:raises KeyError: a required field is missing."""
    values: dict[str, Any] = {}
    for each in _declared(kind):
        value = given.get(each.name)
        if value is not None:
            values[each.name] = each.typed(value)
        elif each.must_be_given:
            if not _admits_none(each.hint):
                raise KeyError(each.name)
            values[each.name] = None
    return kind(**values)


@dataclass(frozen=True)
class _Declared:
    """What is known about a field of a kind of resource. hint: its type. is_list: a tuple of them."""

    name: str
    hint: Any
    is_output: bool
    must_be_given: bool
    is_number: bool
    is_list: bool

    def typed(self, value: Any) -> Any:
        """A value that Pulumi handed over."""
        if self.is_number and isinstance(value, float):
            return int(value)
        return tuple(value) if self.is_list and isinstance(value, Sequence) and not isinstance(value, str) else value


@_once_a_kind
def _declared(kind: type[KeycloakProps]) -> tuple[_Declared, ...]:
    return tuple(
        _Declared(
            each.name,
            hint := get_type_hints(kind)[each.name],
            _OUTPUT in each.metadata,
            _has_no_default(each),
            _plain(hint) is int,
            get_origin(_plain(hint)) is tuple,
        )
        for each in fields(kind)
    )


def made_of(kind: type[T], props: KeycloakProps) -> T:
    """An object whose fields have the names of those of a resource."""
    given = {each: getattr(props, each.name, MISSING) for each in fields(kind)}  # type: ignore[arg-type]
    known = {each.name: _sorted(value) for each, value in given.items() if value is not MISSING}
    unset = [each.name for each, value in given.items() if value is None and each.default is not MISSING]
    return kind(**{key: value for key, value in known.items() if key not in unset})


def _sorted(value: Any) -> Any:
    return tuple(sorted(value)) if isinstance(value, tuple) else value


def type_faults(kind: type[KeycloakProps], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each input that is missing or has another type than declared, with the fault; unknowns are not judged."""
    for each in _declared(kind):
        value = given.get(each.name)
        if each.is_output or (value is None and not each.must_be_given):
            continue
        words = _words(each.hint)
        if value is None:
            yield each.name, f"{each.name} is not set; give {words}"
        elif is_known(value) and not _is(words, value):
            yield each.name, f"{each.name} is {shown(value)}; give {words}"


@_once_a_kind
def inputs_of(kind: type[KeycloakProps]) -> tuple[str, ...]:
    """The inputs that ``diff`` compares: those of the object itself."""
    common = {each.name for each in fields(KeycloakProps)} - {"realm"}
    return tuple(each.name for each in fields(kind) if each.name not in common and _OUTPUT not in each.metadata)


@_once_a_kind
def needed_of(kind: type[KeycloakProps]) -> tuple[str, ...]:
    """The inputs that must be given."""
    return tuple(each.name for each in fields(kind) if _has_no_default(each))


def defaults_of(kind: type[KeycloakProps]) -> Mapping[str, Any]:
    """What ``check`` fills in."""
    own = [each for each in fields(kind) if each.name in inputs_of(kind) and _UUID_OF not in each.metadata]
    values = {each.name: each.default for each in own if each.default not in (MISSING, None)}
    made = {each.name: each.default_factory() for each in own if each.default_factory is not MISSING}
    return values | made


def sets_of(kind: type[KeycloakProps]) -> tuple[str, ...]:
    """The lists of texts, whose order does not matter."""
    return tuple(each.name for each in _declared(kind) if each.name in inputs_of(kind) and _words(each.hint) == TEXTS)


def in_order(kind: type[KeycloakProps], given: Mapping[str, Any]) -> dict[str, Any]:
    """The maps of lists of texts, whose order does not matter either, as far as they are known."""
    maps = {name: given.get(name) for name in _maps_of_texts(kind)}
    return {
        name: {key: sorted(set(found[key])) for key in sorted(found)}
        for name, found in maps.items()
        if found and is_known(found)
    }


@_once_a_kind
def _maps_of_texts(kind: type[KeycloakProps]) -> tuple[str, ...]:
    known = {each.name: _plain(each.hint) for each in _declared(kind)}
    return tuple(name for name in inputs_of(kind) if known[name] == Mapping[str, Sequence[str]])


def clients_of(kind: type[KeycloakProps]) -> Mapping[str, str]:
    """The inputs with client ids, each with the one that has the UUIDs."""
    return {each.metadata[_UUID_OF]: each.name for each in fields(kind) if _UUID_OF in each.metadata}


def _has_no_default(each: "Field[Any]") -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _admits_none(hint: Any) -> bool:
    return type(None) in get_args(hint)


def _plain(hint: Any) -> Any:
    """A hint without None."""
    return next(each for each in get_args(hint) if each is not type(None)) if _admits_none(hint) else hint


@functools.cache
def _words(hint: Any) -> str:
    plain = _plain(hint)
    if get_origin(plain) is tuple:
        return TEXTS if get_args(plain)[0] is str else LIST
    return {str: TEXT, bool: FLAG, int: NUMBER}.get(plain, MAP)


def _is(words: str, value: Any) -> bool:
    """Whether a value has a type. What a list or a map has in it, its provider says."""
    if words == TEXTS:
        return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
    if words == NUMBER:  # Pulumi hands every number over as a float
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1
    return words in (LIST, MAP) or isinstance(value, str if words == TEXT else bool)
