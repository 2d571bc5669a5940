"""Client scopes that put a client into the ``aud`` of tokens: their mapper, their marks, and their former content.

https://www.keycloak.org/docs/latest/server_admin/#_client_scopes
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.marks.ownership import NOBODY, NUMBER_KEY, OWNER_KEY, STACK_KEY, Writer, hash16
from kcadmin.objects.mappers import AUDIENCE_MAPPER, AudienceMapper
from kcadmin.objects.marked_mappers import acts_on_tokens
from kcadmin.rest.errors import Refusal, sentence
from kcadmin.rest.texts import named
from kcadmin.writes.votes import is_true

IN_TOKEN_SCOPE = "include.in.token.scope"
_MAPPER_NAME = "audience"


@dataclass(frozen=True)
class AudienceScope:
    """A client scope that puts a client into ``aud``. ``roles``: (client id or "", role); it is for holders of one of them.

    ``stored``: its name, our attribute and our mapper's configuration exactly as read, to restore them exactly.
    """

    name: str
    description: str
    included_client: str | None
    roles: tuple[tuple[str, str], ...]
    in_token_scope: bool
    owner: str | None = None
    mark: str | None = None
    id: str | None = None
    writer: Writer = NOBODY
    stored: tuple[tuple[str, str], ...] = ()

    @property
    def realm_roles(self) -> list[str]:
        """The names of realm roles."""
        return [role for client, role in self.roles if not client]

    @property
    def client_roles(self) -> dict[str, list[str]]:
        """The names of client roles by client id."""
        of_clients: dict[str, list[str]] = {}
        for client, role in self.roles:
            if client:
                of_clients.setdefault(client, []).append(role)
        return of_clients

    def may_have_been(self, was: Mapping[str, Any]) -> bool:
        """Whether it may have been as a note says: it added no other audience to tokens, and was for no more users."""
        held = was.get("stored") or ()
        config = _stored_config(replace(self, stored=tuple((str(key), str(value)) for key, value in held)))
        stored = AudienceMapper.read({"id": "", "name": "", "config": config}).audience
        noted = {each for each in (was.get("included_client"), *stored) if each}
        return noted <= {self.included_client} and {*map(tuple, was.get("roles") or ())} == {*self.roles}


def roles_of(realm_roles: Iterable[str], client_roles: Mapping[str, Iterable[str]]) -> tuple[tuple[str, str], ...]:
    """The field ``roles``."""
    of_clients = [(client, role) for client, roles in client_roles.items() for role in roles]
    return tuple(sorted([("", role) for role in realm_roles] + of_clients))


def are_client_roles(given: object) -> bool:
    """Whether they are lists of names by client id."""
    return isinstance(given, Mapping) and all(
        client
        and isinstance(client, str)
        and isinstance(names, list | tuple)
        and all(isinstance(each, str) for each in names)
        for client, names in given.items()
    )


def read_scope(found: Mapping[str, Any], roles: tuple[tuple[str, str], ...]) -> AudienceScope:
    """From the server's representation. roles: those that are mapped to it."""
    attributes: Mapping[str, str] = found.get("attributes") or {}
    owner = attributes.get(OWNER_KEY) or None
    included = set(_audiences(found).values())
    return AudienceScope(
        str(found["name"]),
        str(found.get("description") or ""),
        included.pop() if len(included) == 1 else None,
        roles,
        is_true(attributes.get(IN_TOKEN_SCOPE, "true")),
        owner=owner,
        mark=hash16(owner) if owner else None,
        id=str(found["id"]),
        writer=Writer(attributes.get(STACK_KEY) or "", attributes.get(NUMBER_KEY) or ""),
        stored=_stored(found),
    )


def described_scope(wanted: AudienceScope) -> dict[str, Any]:
    """The scope with its mapper, as Keycloak takes it."""
    return {
        "name": wanted.name,
        "description": wanted.description,
        "protocol": "openid-connect",
        "attributes": {
            IN_TOKEN_SCOPE: "true" if wanted.in_token_scope else "false",
            "display.on.consent.screen": "false",
            **{key: value for key, value in _marks(wanted).items() if value},
        },
        "protocolMappers": [described_mapper(wanted)],
    }


def scope_body(found: Mapping[str, Any], wanted: AudienceScope) -> dict[str, Any]:
    """The body of a PUT; what it leaves out stays. None removes an attribute; an empty text would stay."""
    held: Mapping[str, str] = found.get("attributes") or {}
    attributes = _marks(wanted)
    if wanted.in_token_scope != is_true(held.get(IN_TOKEN_SCOPE, "true")):
        absent = wanted.in_token_scope and wanted.stored and IN_TOKEN_SCOPE not in dict(wanted.stored)
        attributes[IN_TOKEN_SCOPE] = None if absent else str(wanted.in_token_scope).lower()
    described = {"description": wanted.description} if wanted.description != (found.get("description") or "") else {}
    changed = {key: value for key, value in attributes.items() if value != held.get(key)}
    return {"name": wanted.name, **described, "attributes": changed}


def _marks(wanted: AudienceScope) -> dict[str, str | None]:
    marks = {OWNER_KEY: wanted.owner, STACK_KEY: wanted.writer.stack, NUMBER_KEY: wanted.writer.number}
    return {key: (value or None) if wanted.owner else None for key, value in marks.items()}


def our_mapper(scope: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The mapper that bears the name of ours, as the server describes it."""
    return next((each for each in scope.get("protocolMappers") or () if each["name"] == _MAPPER_NAME), None)


def audience_of_our_mapper(scope: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The client, or the text, that our mapper puts into tokens; neither if there is no such audience mapper."""
    ours = our_mapper(scope)
    is_ours = ours is not None and ours["protocolMapper"] == AUDIENCE_MAPPER
    return AudienceMapper.read(ours).audience if ours and is_ours else (None, None)


def _stored(scope: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    attribute = (scope.get("attributes") or {}).get(IN_TOKEN_SCOPE)
    config = (our_mapper(scope) or {}).get("config") or {}
    held = {"name": scope["name"], **({IN_TOKEN_SCOPE: attribute} if attribute else {})}
    return tuple(sorted((str(key), str(value)) for key, value in {**held, **_prefixed(config)}.items()))


def _prefixed(config: Mapping[str, str]) -> dict[str, str]:
    return {f"{_MAPPER_NAME}.{key}": value for key, value in config.items()}


def mapper_given_back(wanted: AudienceScope) -> dict[str, str] | None:
    """The former configuration of our mapper in a scope that is restored; empty if it had none, None if that is not known."""
    if wanted.owner or not wanted.stored:
        return None
    config, client = _stored_config(wanted), audience_of_ours(wanted)
    of_now = client and wanted.included_client and client != wanted.included_client  # the state has no ``stored``
    return None if of_now else config


def given_back(found: Mapping[str, Any], wanted: AudienceScope) -> dict[str, Any]:
    """A client scope as Keycloak will describe it when it is restored."""
    config, ours = mapper_given_back(wanted), our_mapper(found)
    back = {**ours, "config": ours["config"] if config is None else config} if ours and config != {} else None
    others = [each for each in found.get("protocolMappers") or () if each is not ours]
    return {**found, "protocolMappers": [*others, *([back] if back else [])]}


def audience_of_ours(scope: AudienceScope) -> str | None:
    """The client that our mapper, and no other, puts into tokens, by ``stored``."""
    return AudienceMapper.read({"id": "", "name": "", "config": _stored_config(scope)}).included_client


def _stored_config(scope: AudienceScope) -> dict[str, str]:
    prefix = f"{_MAPPER_NAME}."
    return {key.removeprefix(prefix): value for key, value in scope.stored if key.startswith(prefix)}


def _audiences(scope: Mapping[str, Any]) -> dict[str, str]:
    """What the audience mappers of a client scope put into access tokens, by the mapper's name."""
    mappers = [
        AudienceMapper.read(each)
        for each in scope.get("protocolMappers") or ()
        if each["protocolMapper"] == AUDIENCE_MAPPER and acts_on_tokens(each)
    ]
    return {
        each.name: audience
        for each in mappers
        if each.access_token and (audience := each.included_client or each.custom_audience)
    }


def refuse_other_mappers(scope: Mapping[str, Any], wanted: AudienceScope, realm: str) -> None:
    """:raises Refusal: other mappers in the scope make it differ from the declared one, whatever ours does."""
    wrongs = [
        f"its mapper {named(name)} puts {named(audience)} into tokens beside {named(wanted.included_client)}"
        for name, audience in _audiences(scope).items()
        if name != _MAPPER_NAME and audience != wanted.included_client
    ]
    ours = our_mapper(scope) or {}
    kind = ours.get("protocolMapper", AUDIENCE_MAPPER)
    if kind != AUDIENCE_MAPPER:
        wrongs.append(f"its mapper {named(_MAPPER_NAME)} is {named(kind)} and no audience mapper")
    if not acts_on_tokens(ours):
        wrongs.append(
            f"its mapper {named(_MAPPER_NAME)} is of the protocol {named(ours['protocol'])} and does not act on tokens"
        )
    if wrongs:
        remedy = "delete that mapper, or choose another name for this scope"
        raise Refusal(*(sentence("client scope", wanted.name, realm, wrong, remedy) for wrong in wrongs))


def with_audience(scope: Mapping[str, Any], wanted: AudienceScope) -> dict[str, Any]:
    """A client scope as Keycloak will describe it when it is as declared, with its other content."""
    others = [each for each in scope.get("protocolMappers") or () if each["name"] != _MAPPER_NAME]
    return {
        "protocol": "openid-connect",
        **scope,
        "name": wanted.name,
        "attributes": {**(scope.get("attributes") or {}), OWNER_KEY: wanted.owner or ""},
        "protocolMappers": [*others, {"id": "", **described_mapper(wanted)}],
    }


def described_mapper(wanted: AudienceScope) -> dict[str, Any]:
    """Our mapper as Keycloak takes it."""
    return AudienceMapper(_MAPPER_NAME, wanted.included_client, None, True, False, True).described()
