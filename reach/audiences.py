"""Which mappers add clients to the ``aud`` of a client's access tokens. No other module answers this.

A mapper adds a client in one of these ways, each proven by tokens of Keycloak 26.7.3:

* an audience mapper adds its included client, or its custom audience where it includes none. From 26.7.5 on, a client that
does not exist or is disabled is not added; in no version may it exchange tokens;
* a mapper of the claim ``aud`` writes a fixed value, or a value of the user, which may be any client's id. It replaces what other
  mappers added before it, in no defined order;
* the audience-resolve mapper adds each client of which the token carries a role. A hard-coded role is in it even if the
user lacks it, and a renamed role counts for the client in its new name;
* a script, or a mapper of a type that is not Keycloak's, may add any client.

https://www.keycloak.org/docs/latest/server_admin/#_audience
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.clients import Client
from kcadmin.objects.mappers import (
    AUDIENCE_MAPPER,
    INTROSPECTION_CLAIM,
    LIGHTWEIGHT_CLAIM,
    LIGHTWEIGHT_TOKENS,
    RESOLVE_MAPPER,
    TOKEN_CLAIM,
    AudienceMapper,
    is_set,
)
from kcadmin.rest.texts import named, quoted
from reach.held_mappers import AssignedScope, Held, Json, Scopes, held_mappers, of_scope
from reach.written_audiences import (
    CLAIM_MAPPERS,
    LATE_MAPPERS,
    RENAMED_ROLE_MAPPER,
    ROLE_MAPPER,
    is_by_role,
    is_unknown,
    parties,
)
from reach.written_audiences import written as written_by


@dataclass(frozen=True)
class Shapes:
    """What gives a client's access tokens another shape, in which other mappers act.

    lighteners: client policies that may make them lightweight (``reach.lightweight``); None where the login may not read them.
    introspectors: clients that get complete tokens, signed again (``reach.introspection``), in words.
    """

    lighteners: Sequence[str] | None = ()
    introspectors: str = ""


AS_ISSUED = Shapes()
UNREADABLE = "one of the client policies, which this login may not read (role view-realm),"


class Introspected(str):
    """A condition in words: a client passes on the token that it gets at introspection. An exchange never makes such a token."""

    __slots__ = ()


@dataclass(frozen=True)
class Added:
    """What one mapper adds to the ``aud`` of a client's access tokens.

    audience: a client id, or any text; None where it may be any client's id.
    by: the mapper in words, with its place.
    mapper: as Keycloak describes it.
    owner: the owner in its mark, or in its client scope's. Others can write it: it is shown, never trusted. scopes: the
    client scopes that must all count for a token; none for a mapper of the client itself.
    renamed: ``<client id>.<role>`` or ``<role>``, which the user must have.
    sets: whether it replaces what other mappers added.
    on: whether it acts on the access tokens that the client gets now, which may be lightweight ones.
    when: what a client policy, or a client at introspection, must do or not do for that, a phrase; else None.
    """

    audience: str | None
    by: str
    mapper: Json
    owner: str | None = None
    scopes: tuple[AssignedScope, ...] = ()
    renamed: str | None = None
    sets: bool = False
    on: bool = True
    when: str | None = None

    @property
    def own(self) -> AudienceMapper | None:
        """The mapper, if it is an audience mapper of the client itself; else None."""
        return None if self.scopes or self.mapper["protocolMapper"] != AUDIENCE_MAPPER else self.audience_mapper

    @property
    def audience_mapper(self) -> AudienceMapper | None:
        """The mapper, if it is an audience mapper of the client or of a client scope."""
        return AudienceMapper.read(self.mapper) if self.mapper["protocolMapper"] == AUDIENCE_MAPPER else None

    @property
    def by_role(self) -> bool:
        """Whether it adds the client of a role, by an audience-resolve mapper."""
        return is_by_role(self.mapper)

    @property
    def is_late(self) -> bool:
        """Whether it acts after the audience-resolve mapper, so that it replaces what that added, too."""
        return self.mapper["protocolMapper"] in LATE_MAPPERS or is_unknown(self.mapper)

    @property
    def on_request(self) -> bool:
        """Whether it acts only on tokens whose request asked for a client scope."""
        return any(scope.kind == OPTIONAL for scope in self.scopes)

    def may_add(self, audience: str) -> bool:
        """Whether it adds a client, or may add any."""
        return self.audience in (None, audience)


def added(client: Client, scopes: Scopes, shapes: Shapes = AS_ISSUED) -> list[Added]:
    """All that mappers add to a client's access tokens: its own mappers, and those of the client scopes that it holds.

    :param scopes: the realm's client scopes by name, as Keycloak describes them.
    """
    return [each for each in switched(client, scopes, shapes) if each.on]


def switched(client: Client, scopes: Scopes, shapes: Shapes = AS_ISSUED) -> list[Added]:
    """The same, with mappers that are switched off for its access tokens (``on`` is false)."""
    mappers = [*held_mappers(client, scopes)]
    through = _resolvers(mappers, client, shapes)
    return [
        each for mapper, by, held, owner in mappers for each in _adds(client, mapper, by, held, owner, through, shapes)
    ]


def resolvers(client: Client, scopes: Scopes, shapes: Shapes = AS_ISSUED) -> list[Added]:
    """The mappers that add to a client's access tokens each client of which they contain a role; ``audience`` is unused."""
    return _resolvers(held_mappers(client, scopes), client, shapes)


def _resolvers(mappers: Iterable[Held], client: Client, shapes: Shapes) -> list[Added]:
    found = (
        (mapper, by, held, owner, _acts(mapper, client, shapes))
        for mapper, by, held, owner in mappers
        if mapper["protocolMapper"] == RESOLVE_MAPPER
    )
    return [
        Added("", by, mapper, owner, (held,) if held else (), when=when)
        for mapper, by, held, owner, (on, when) in found
        if on
    ]


def issued(client: Client, scopes: Scopes, shapes: Shapes = AS_ISSUED) -> list[Added]:
    """The mappers that write ``azp``. ``audience``: the client that may exchange such a token as its own.

    Keycloak takes the token while its user is logged in to that client, too, in the same session.
    """
    return [
        Added(value, f"{by}, which writes azp", mapper, owner, (held,) if held else (), when=when)
        for mapper, by, held, owner in held_mappers(client, scopes)
        for found, (on, when) in ((parties(mapper), _acts(mapper, client, shapes)),)
        for value in ((None,) if found is None else found)
        if on
    ]


def if_held(client: Client, scope: Json) -> list[Added]:
    """What the mappers of one client scope would add if the client held it, without roles."""
    held = AssignedScope(str(scope["name"]), DEFAULT)
    by = f"the client scope {named(held.name)}"
    return [each for mapper in of_scope(scope) for each in _adds(client, mapper, by, held, None, [])]


def names_by_itself(client: Client, audience: str) -> bool:
    """Whether an audience mapper of the client itself adds a client to all of its access tokens."""
    return any(each.on and each.own and each.audience == audience for each in added(client, {}))


def _acts(mapper: Json, client: Client, shapes: Shapes) -> tuple[bool, str | None]:
    """Whether a mapper acts on some shape of a client's access tokens, and what must be true for that."""
    on, when = acts_at_issue(mapper, client, shapes.lighteners)
    if not _is_set(mapper, INTROSPECTION_CLAIM) or not shapes.introspectors or (on and when is None):
        return on, when
    passed_on = f"{shapes.introspectors} passes on the whole token that it gets at introspection"
    return True, f"{when}, or {passed_on}" if on else Introspected(passed_on)


def acts_at_issue(mapper: Json, client: Client, lighteners: Sequence[str] | None) -> tuple[bool, str | None]:
    """The same for tokens as they are issued."""
    if mapper["protocolMapper"] in (ROLE_MAPPER, RENAMED_ROLE_MAPPER):
        return True, None  # they have no such setting
    plain, light = (_is_set(mapper, setting) for setting in (TOKEN_CLAIM, LIGHTWEIGHT_CLAIM))
    if client.is_on(LIGHTWEIGHT_TOKENS):
        return light, None
    if plain == light or (lighteners is not None and not lighteners):
        return plain, None
    who = UNREADABLE
    if lighteners is not None:
        who = f"client {'policy' if len(lighteners) == 1 else 'policies'} {quoted(lighteners, 'or')}"
    return True, f"{who} {'makes' if light else 'does not make'} the token lightweight"


def _is_set(mapper: Json, setting: str) -> bool:
    """A setting as Keycloak reads it. A mapper of an unknown type without the setting may act."""
    return is_set(mapper, setting, unsaid=is_unknown(mapper))


def replacing(each: Added, found: Iterable[Added]) -> list[str]:
    """The mappers, in words, that may replace what one adds."""
    return [other.by for other in found if other is not each and other.sets and (other.is_late or not each.by_role)]


def _adds(
    client: Client,
    mapper: Json,
    by: str,
    held: AssignedScope | None,
    owner: str | None,
    through: list[Added],
    shapes: Shapes = AS_ISSUED,
) -> Iterator[Added]:
    scopes = (held,) if held else ()
    on, when = _acts(mapper, client, shapes)
    kind, config = mapper["protocolMapper"], mapper.get("config") or {}
    if kind in (ROLE_MAPPER, RENAMED_ROLE_MAPPER):
        old, new = str(config.get("role") or ""), str(config.get("new.role.name") or "")
        renamed = old if kind == RENAMED_ROLE_MAPPER else None
        audience, dot, _ = (new if renamed else old).rpartition(".")  # as Keycloak splits a client id and a role
        for each in through if dot and audience != client.client_id else ():
            yield Added(
                audience, by, mapper, owner, tuple(dict.fromkeys((*scopes, *each.scopes))), renamed, when=each.when
            )
        return
    written = written_by(mapper)
    sets = kind in CLAIM_MAPPERS or (written is None and is_unknown(mapper))
    for value in (None,) if written is None else written:
        yield Added(value, by, mapper, owner, scopes, sets=sets, on=on, when=when)
