"""Audience mappers, which put a client, or any text, into the ``aud`` of a client's tokens.

https://www.keycloak.org/docs/latest/server_admin/#_audience
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.marks.ownership import NOBODY, OWNER_KEY, Writer, hash16, same_stack
from kcadmin.objects.clients import RECENT_SECONDS, Client, Clients
from kcadmin.objects.marked_mappers import EXCHANGE_KEY, OPENID_CONNECT, MarkedMappers, marks, writer_of
from kcadmin.rest.errors import Refusal, sentence

AUDIENCE_MAPPER, RESOLVE_MAPPER = "oidc-audience-mapper", "oidc-audience-resolve-mapper"
TOKEN_CLAIM = "access.token.claim"  # a setting's name
LIGHTWEIGHT_CLAIM = "lightweight.claim"
INTROSPECTION_CLAIM = "introspection.token.claim"
ID_TOKEN_CLAIM, USERINFO_CLAIM = "id.token.claim", "userinfo.token.claim"
LIGHTWEIGHT_TOKENS = "attributes.client.use.lightweight.access.token.enabled"
_CLIENT, _CUSTOM = "included.client.audience", "included.custom.audience"
_OTHERWISE = {INTROSPECTION_CLAIM: TOKEN_CLAIM, USERINFO_CLAIM: ID_TOKEN_CLAIM}


@dataclass(frozen=True)
class AudienceMapper:
    """An audience mapper of a client. ``owner``: whose it is. ``exchange``: for which exchange a grant needs it.

    ``stored``: the configuration exactly as read, to restore it exactly.
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

    adds = audience

    def may_have_been(self, was: Mapping[str, Any]) -> bool:
        """Whether it may have been as a note says: it added no other audience to tokens, and had no mark."""
        config = dict(was.get("stored") or ())
        stored = AudienceMapper.read({"name": "", "id": "", "config": config}).audience if config else self.audience
        noted = (was.get("included_client"), was.get("custom_audience"))
        return {stored, noted} == {self.audience} and OWNER_KEY not in config

    @classmethod
    def read(cls, mapper: Mapping[str, Any]) -> "AudienceMapper":
        """From the server's representation."""
        config: Mapping[str, str] = mapper.get("config") or {}
        return cls(
            name=str(mapper["name"]),
            included_client=config.get(_CLIENT) or None,
            custom_audience=config.get(_CUSTOM) or None,
            access_token=is_set(mapper, TOKEN_CLAIM),
            id_token=is_set(mapper, ID_TOKEN_CLAIM),
            introspection=is_set(mapper, INTROSPECTION_CLAIM),
            owner=config.get(OWNER_KEY) or None,
            exchange=config.get(EXCHANGE_KEY) or None,
            id=str(mapper["id"]),
            stored=tuple(sorted(config.items())),
            writer=writer_of(config),
        )

    def described(self) -> dict[str, Any]:
        """As Keycloak takes it and describes it, without an id."""
        return {
            "name": self.name,
            "protocol": OPENID_CONNECT,
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
            ID_TOKEN_CLAIM: _text(self.id_token),
            INTROSPECTION_CLAIM: _text(self.introspection),
            EXCHANGE_KEY: self.exchange,
        }
        return {key: value for key, value in entries.items() if value} | marks(self)


def is_set(mapper: Mapping[str, Any], setting: str, *, unsaid: bool = False) -> bool:
    """Whether a setting of a mapper of any type is on, as Keycloak reads it.

    Without a setting of its own, introspection is as the access token, and userinfo as the ID token. An audience-resolve
    mapper without settings is on, since older ones had none.
    :param unsaid: the value if no setting says it.
    """
    said = (mapper.get("config") or {}).get(setting)
    if said is not None:
        return bool(said == "true")
    if mapper.get("protocolMapper") == RESOLVE_MAPPER:
        return setting != LIGHTWEIGHT_CLAIM
    return is_set(mapper, _OTHERWISE[setting], unsaid=unsaid) if setting in _OTHERWISE else unsaid


def reaches_tokens(mapper: AudienceMapper, client: Client | None) -> bool:
    """Whether a mapper acts on the access tokens of its client, which may be lightweight."""
    lightweight = client is not None and client.is_on(LIGHTWEIGHT_TOKENS)
    return not lightweight or (LIGHTWEIGHT_CLAIM, "true") in mapper.stored


class AudienceMappers(MarkedMappers[AudienceMapper]):
    """The audience mappers of one client."""

    TYPE = AUDIENCE_MAPPER
    OURS = frozenset({_CLIENT, _CUSTOM, TOKEN_CLAIM, LIGHTWEIGHT_CLAIM, ID_TOKEN_CLAIM, INTROSPECTION_CLAIM})
    READ = AudienceMapper.read


def delete_own_mappers(clients: Clients, uuid: str, mapper_ids: Iterable[str], owner: str) -> None:
    """Deletes mappers of an owner's stack. :raises Refusal: one is another's."""
    mappers = AudienceMappers(clients, uuid, max_age=RECENT_SECONDS)
    for mapper_id in mapper_ids:
        found = mappers.get(mapper_id)
        if found and not same_stack(found.owner or "", owner):
            client = clients.get(uuid)
            where = client.realm if client else "?"
            raise Refusal(sentence("audience mapper", found.name, where, "is another's now", "run `pulumi up` again"))
        if found:
            mappers.delete(mapper_id)


def _text(on: bool) -> str:
    return "true" if on else "false"
