"""Audience mappers: what puts a client, or any text, into the ``aud`` of a client's tokens.

https://www.keycloak.org/docs/latest/server_admin/#_audience
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.marks.ownership import NOBODY, NUMBER_KEY, OWNER_KEY, STACK_KEY, Writer, hash16
from kcadmin.objects.clients import RECENT_SECONDS, Client, Clients

AUDIENCE_MAPPER = "oidc-audience-mapper"
EXCHANGE_KEY = "pulumi.exchange"
TOKEN_CLAIM = "access.token.claim"  # a setting's name
LIGHTWEIGHT_CLAIM = "lightweight.claim"
INTROSPECTION_CLAIM = "introspection.token.claim"
LIGHTWEIGHT_TOKENS = "attributes.client.use.lightweight.access.token.enabled"
_CLIENT, _CUSTOM = "included.client.audience", "included.custom.audience"


@dataclass(frozen=True)
class AudienceMapper:
    """An audience mapper of a client. ``owner`` is whose it is, ``exchange`` which exchange a grant needs it for.

    ``stored``: the configuration exactly as found, to give it back exactly.
    """

    name: str
    included_client: str | None
    custom_audience: str | None
    access_token: bool
    id_token: bool
    introspection: bool
    owner: str | None = None
    exchange: str | None = None
    id: str | None = None
    stored: tuple[tuple[str, str], ...] = ()
    writer: Writer = NOBODY

    @property
    def mark(self) -> str | None:
        """The hash of the owner, as on every kind of object."""
        return hash16(self.owner) if self.owner else None

    @property
    def audience(self) -> tuple[str | None, str | None]:
        """What identifies a mapper to a grant."""
        return (self.included_client, self.custom_audience)

    @classmethod
    def read(cls, mapper: Mapping[str, Any]) -> "AudienceMapper":
        """From the server's representation. It leaves out what is off, and introspection is on where it says nothing."""
        config: Mapping[str, str] = mapper.get("config") or {}
        return cls(
            name=str(mapper["name"]),
            included_client=config.get(_CLIENT) or None,
            custom_audience=config.get(_CUSTOM) or None,
            access_token=config.get(TOKEN_CLAIM) == "true",
            id_token=config.get("id.token.claim") == "true",
            introspection=config.get("introspection.token.claim", "true") == "true",
            owner=config.get(OWNER_KEY) or None,
            exchange=config.get(EXCHANGE_KEY) or None,
            id=str(mapper["id"]),
            stored=tuple(sorted(config.items())),
            writer=Writer(config.get(STACK_KEY) or "", config.get(NUMBER_KEY) or ""),
        )

    def described(self) -> dict[str, Any]:
        """As Keycloak takes it and describes it, without an id."""
        return {
            "name": self.name,
            "protocol": "openid-connect",
            "protocolMapper": AUDIENCE_MAPPER,
            "config": self.config(),
        }

    def config(self) -> dict[str, str]:
        """The server's configuration for this mapper; a lightweight token carries the audience too."""
        entries = {
            _CLIENT: self.included_client,
            _CUSTOM: self.custom_audience,
            TOKEN_CLAIM: _text(self.access_token),
            LIGHTWEIGHT_CLAIM: _text(self.access_token),
            "id.token.claim": _text(self.id_token),
            "introspection.token.claim": _text(self.introspection),
            OWNER_KEY: self.owner,
            STACK_KEY: self.writer.stack if self.owner else None,
            NUMBER_KEY: self.writer.number if self.owner else None,
            EXCHANGE_KEY: self.exchange,
        }
        return {key: value for key, value in entries.items() if value}


def audience_mappers(client: Client) -> list[AudienceMapper]:
    """Every audience mapper of a client as it was read."""
    return [AudienceMapper.read(each) for each in client.mappers if each["protocolMapper"] == AUDIENCE_MAPPER]


class AudienceMappers:
    """The audience mappers of one client. ``max_age``: of looks, in seconds; a write looks by itself."""

    def __init__(self, clients: Clients, client_uuid: str, *, max_age: float = math.inf) -> None:
        self._clients = clients
        self._uuid = client_uuid
        self._max_age = max_age

    def all(self) -> list[AudienceMapper]:
        """Every audience mapper of the client; none when the client is gone."""
        client = self._clients.get(self._uuid, max_age=self._max_age)
        return audience_mappers(client) if client else []

    def named(self, name: str) -> list[AudienceMapper]:
        """Those of that name."""
        return [each for each in self.all() if each.name == name]

    def get(self, mapper_id: str) -> AudienceMapper | None:
        """The mapper with that id, or None."""
        return next((each for each in self.all() if each.id == mapper_id), None)

    def create(self, wanted: AudienceMapper) -> AudienceMapper:
        """:raises Conflict: the client has a mapper of that name."""
        return replace(wanted, id=self._write({}, wanted.name, wanted.config()))

    def update(self, mapper_id: str, wanted: AudienceMapper) -> AudienceMapper:
        """Writes our fields, beside what others noted in the mapper's config; or all of it as ``stored``.

        One that nobody has marked and that is as wanted gets the mark alone: its lightweight tokens stay as they are.
        """
        client = self._clients.get(self._uuid, max_age=RECENT_SECONDS)
        found = next((each for each in (client.mappers if client else ()) if each["id"] == mapper_id), {})
        notes = {key: value for key, value in (found.get("config") or {}).items() if key not in OUR_KEYS}
        config = {str(key): str(value) for key, value in wanted.stored} or {**notes, **wanted.config()}
        if found and not wanted.stored and _only_unmarked(AudienceMapper.read(found), wanted):
            config = {**found["config"], **{key: each for key, each in config.items() if key in _MARK_KEYS}}
        self._write({"id": mapper_id}, wanted.name, config)
        return replace(wanted, id=mapper_id)

    def delete(self, mapper_id: str) -> None:
        """Deletes a mapper; one that is gone is done."""
        self._clients.delete_mapper(self._uuid, mapper_id)

    def _write(self, identity: Mapping[str, str], name: str, config: Mapping[str, str]) -> str:
        mapper = {"name": name, "protocol": "openid-connect", "protocolMapper": AUDIENCE_MAPPER, "config": dict(config)}
        return self._clients.set_mapper(self._uuid, {**identity, **mapper})


def may_have_been(audience: tuple[str | None, str | None], was: Mapping[str, Any]) -> bool:
    """Whether a mapper of an audience may have been as a note says: it brings no other one into tokens, nor a mark."""
    config = dict(was.get("stored") or ())
    stored = AudienceMapper.read({"name": "", "id": "", "config": config}).audience if config else audience
    noted = (was.get("included_client"), was.get("custom_audience"))
    return {stored, noted} == {audience} and OWNER_KEY not in config


def _only_unmarked(found: AudienceMapper, wanted: AudienceMapper) -> bool:
    """Whether a mapper is as wanted, but for the mark that it does not bear."""
    marks = {"owner": wanted.owner, "exchange": wanted.exchange, "writer": wanted.writer}
    return not found.mark and replace(found, id=wanted.id, stored=(), **marks) == wanted  # type: ignore[arg-type]


def _text(on: bool) -> str:
    return "true" if on else "false"


_FULL = AudienceMapper("", "client", "text", True, True, True, "owner", "exchange", writer=Writer("stack", "number"))
OUR_KEYS = frozenset(_FULL.config())
_MARK_KEYS = frozenset({OWNER_KEY, STACK_KEY, NUMBER_KEY, EXCHANGE_KEY})
