"""Protocol mappers of a client with our mark in their configuration, next to entries of others.

https://www.keycloak.org/docs-api/latest/rest-api/index.html#_protocol_mappers
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from kcadmin.marks.ownership import NUMBER_KEY, OWNER_KEY, STACK_KEY, Writer
from kcadmin.objects.claims import IDENTITY
from kcadmin.objects.clients import RECENT_SECONDS, Client, Clients

EXCHANGE_KEY = "pulumi.exchange"
OPENID_CONNECT = "openid-connect"
_MARK_KEYS = frozenset({OWNER_KEY, STACK_KEY, NUMBER_KEY, EXCHANGE_KEY})


class Marked(Protocol):
    """A mapper of any type, as a frozen dataclass. stored: its configuration exactly as it was read.

    adds: what it adds to tokens, which distinguishes two mappers of the same name.
    """

    @property
    def id(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    @property
    def owner(self) -> str | None: ...
    @property
    def mark(self) -> str | None: ...
    @property
    def writer(self) -> Writer: ...
    @property
    def stored(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def adds(self) -> tuple[str | None, str | None]: ...
    def config(self) -> dict[str, str]: ...
    def may_have_been(self, was: Mapping[str, Any]) -> bool: ...


M = TypeVar("M", bound=Marked)


def acts_on_tokens(mapper: Mapping[str, Any]) -> bool:
    """Whether Keycloak runs a mapper for tokens. A mapper of another protocol does nothing there."""
    return mapper.get("protocol") in (None, OPENID_CONNECT)


def writer_of(config: Mapping[str, str]) -> Writer:
    """Which stack and resource a mapper's configuration names."""
    return Writer(config.get(STACK_KEY) or "", config.get(NUMBER_KEY) or "")


def marks(mapper: Marked) -> dict[str, str]:
    """The owner in a mapper's configuration; empty without one."""
    said = {OWNER_KEY: mapper.owner, STACK_KEY: mapper.writer.stack, NUMBER_KEY: mapper.writer.number}
    return {key: value for key, value in said.items() if value} if mapper.owner else {}


class MarkedMappers(Generic[M]):
    """The mappers of one type of one client. ``max_age``: of a read, in seconds; a write reads by itself.

    ``TYPE``: Keycloak's. ``OURS``: the entries of a configuration that we manage, without marks. ``READ``: a representation.
    """

    TYPE: ClassVar[str]
    OURS: ClassVar[frozenset[str]]
    READ: ClassVar[Callable[..., Any]]

    def __init__(self, clients: Clients, client_uuid: str, *, max_age: float = math.inf) -> None:
        self._clients = clients
        self._uuid = client_uuid
        self._max_age = max_age

    def all(self) -> list[M]:
        """Every mapper of the type that acts; none when the client is gone."""
        client = self._clients.get(self._uuid, max_age=self._max_age)
        return self.of(client) if client else []

    @classmethod
    def of(cls, client: Client) -> list[M]:
        """The same of a client that was read."""
        of_type = (each for each in client.mappers if each["protocolMapper"] == cls.TYPE)
        return [cls.READ(each) for each in of_type if acts_on_tokens(each)]

    def named(self, name: str) -> list[M]:
        """Those of that name."""
        return [each for each in self.all() if each.name == name]

    def other_type(self, name: str) -> str | None:
        """The type of a mapper of another type that has the name, which is then taken; None where there is none."""
        client = self._clients.get(self._uuid, max_age=self._max_age)
        same = (each for each in (client.mappers if client else ()) if each["name"] == name and acts_on_tokens(each))
        return next((str(each["protocolMapper"]) for each in same if each["protocolMapper"] != self.TYPE), None)

    def get(self, mapper_id: str) -> M | None:
        """The mapper with that id, or None."""
        return next((each for each in self.all() if each.id == mapper_id), None)

    def create(self, wanted: M) -> M:
        """:raises Conflict: the client has a mapper of that name."""
        made = self._write({}, wanted.name, wanted.config())
        return replace(wanted, id=made)  # type: ignore[type-var]

    def update(self, mapper_id: str, wanted: M) -> M:
        """Writes our fields and keeps other entries of the config; or writes all of it as ``stored``, if that has no mark.

        An unmarked mapper that is as declared gets only the mark, so what we do not manage stays.
        """
        client = self._clients.get(self._uuid, max_age=RECENT_SECONDS)
        found = next((each for each in (client.mappers if client else ()) if each["id"] == mapper_id), {})
        had = dict(found.get("config") or {})
        config = {key: each for key, each in wanted.config().items() if wanted.owner or key not in _MARK_KEYS}
        stored = {str(key): str(value) for key, value in wanted.stored}
        if stored and OWNER_KEY not in stored:
            config = stored
        elif found and not (now := type(self).READ(found)).mark and _settings(now) == _settings(wanted):
            config = {**had, **{key: each for key, each in config.items() if key in _MARK_KEYS}}
        else:
            config = {**{key: each for key, each in had.items() if key not in {*_MARK_KEYS, *self.OURS}}, **config}
        self._write({"id": mapper_id}, wanted.name, config)
        return replace(wanted, id=mapper_id)  # type: ignore[type-var]

    def delete(self, mapper_id: str) -> None:
        """Deletes a mapper, if it still exists."""
        self._clients.delete_mapper(self._uuid, mapper_id)

    def _write(self, identity: Mapping[str, str], name: str, config: Mapping[str, str]) -> str:
        mapper = {"name": name, "protocol": OPENID_CONNECT, "protocolMapper": self.TYPE, "config": dict(config)}
        return self._clients.set_mapper(self._uuid, {**identity, **mapper})


def _settings(mapper: Any) -> dict[str, Any]:
    """A mapper without its owner's mark."""
    return {key: value for key, value in asdict(mapper).items() if key not in (*IDENTITY, "stored")}
