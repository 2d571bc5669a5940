"""Client scopes that put an audience into tokens, and the lists of default and optional scopes that clients hold them in.

A scope with role scope mappings counts only for users who hold one of the roles; without any it counts for all. So a role
is mapped before another is taken away, and a scope is handed to a client only when it is whole.
https://www.keycloak.org/docs/latest/server_admin/#_client_scopes
"""

import math
import re
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.clients import Clients
from kcadmin.errors import KeycloakError, NotFound, Refusal, sentence
from kcadmin.mappers import AUDIENCE_MAPPER, AudienceMapper
from kcadmin.ownership import NOBODY, NUMBER_KEY, OWNER_KEY, STACK_KEY, Writer, hash16
from kcadmin.session import Session, path

DEFAULT, OPTIONAL = "default", "optional"
IN_TOKEN_SCOPE = "include.in.token.scope"
_MAPPER_NAME = "audience"
_NOT_IN_A_SCOPE = re.compile(r"[^\x21\x23-\x5b\x5d-\x7e]")  # RFC 6749, section 3.3: what a scope's name may hold


def scope_token(text: str) -> str:
    """A text as the name of a scope, which callers may ask for."""
    return _NOT_IN_A_SCOPE.sub("-", text)


@dataclass(frozen=True)
class AudienceScope:
    """A client scope that puts a client into ``aud``. ``roles``: (client id or "", role); holders of one of them get it.

    ``stored``: its name, and our attribute and our mapper's configuration exactly as found, to give them back exactly.
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


class ClientScopes:
    """The client scopes of a realm: listed once a process, since Keycloak finds none by name."""

    def __init__(self, session: Session, clients: Clients, realm: str) -> None:
        self._session = session
        self._clients = clients
        self._realm = realm
        self._at = ("admin", "realms", realm, "client-scopes")
        self._lock = threading.Lock()
        self._known: dict[str, Mapping[str, Any]] | None = None
        self._listed_at = 0.0

    def path(self, scope_id: str, *segments: str) -> str:
        """A path below a client scope."""
        return path(*self._at, scope_id, *segments)

    def all(self) -> list[Mapping[str, Any]]:
        """Every client scope as the server describes it, with its mappers."""
        with self._lock:
            if self._known is None:
                self._listed_at = time.monotonic()
                self._known = {str(each["id"]): each for each in self._session.get(path(*self._at))}
            return list(self._known.values())

    def forget(self, older_than: float = 0.0) -> None:
        """The next look lists them again. older_than: seconds; a younger list stays."""
        with self._lock:
            if time.monotonic() - self._listed_at >= older_than:
                self._known = None

    def named(self, name: str) -> list[AudienceScope]:
        """The client scope of that name."""
        return [self._read(each, self._mapped(str(each["id"]))) for each in self.all() if each["name"] == name]

    def get(self, scope_id: str) -> AudienceScope | None:
        """The client scope with that id, or None."""
        found = next((each for each in self.all() if each["id"] == scope_id), None)
        return self._read(found, self._mapped(scope_id)) if found else None

    def marked_now(self, scope_id: str) -> AudienceScope | None:
        """The same at this moment, without its roles."""
        try:
            return self._read(self._session.get(self.path(scope_id)), ())
        except NotFound:
            return None

    def create(self, wanted: AudienceScope) -> AudienceScope:
        """Makes the scope with its mapper in one request, then its roles; nobody holds it yet.

        :raises Conflict: the name is taken. :raises Refusal: a role does not exist.
        """
        roles = self._roles(wanted.roles)
        try:
            scope_id = self._session.create(
                path(*self._at), self._body(wanted) | {"protocolMappers": [_mapper(wanted)]}
            )
        finally:  # also where somebody has made it since the list was read
            self.forget()
        try:
            self._map(scope_id, roles)
        except KeycloakError:  # without its roles it would be open to all
            with suppress(KeycloakError):
                self.delete(scope_id)
            raise
        return replace(wanted, id=scope_id)

    def update(self, scope_id: str, wanted: AudienceScope) -> AudienceScope:
        """Writes what differs; a role is mapped before another is taken away."""
        found = next((each for each in self.all() if each["id"] == scope_id), {})
        roles, former = self._roles(wanted.roles), self._mapped(scope_id)
        self._map(scope_id, {key: role for key, role in roles.items() if key not in former})
        self._unmap(scope_id, self._roles([key for key in former if key not in wanted.roles]))
        self._session.put(self.path(scope_id), self._changes(found, wanted))
        self._write_mapper(scope_id, found, wanted)
        self.forget()
        return replace(wanted, id=scope_id)

    def delete(self, scope_id: str) -> None:
        """Deletes the scope, which takes it from every client; one that is gone is done."""
        with suppress(NotFound):  # only 404 is success
            self._session.delete(self.path(scope_id))
        self.forget()

    def assign(self, client_uuid: str, scope_id: str, kind: str) -> None:
        """Hands a scope to a client. Keycloak answers 204 and does nothing where it is in the other list: see ``kind_of``."""
        self._session.put(self._clients.path(client_uuid, f"{kind}-client-scopes", scope_id), None)
        self._clients.forget(client_uuid)

    def unassign(self, client_uuid: str, scope_id: str, kind: str) -> None:
        """Takes a scope from a client; one that it does not hold is done."""
        with suppress(NotFound):  # only 404 is success
            self._session.delete(self._clients.path(client_uuid, f"{kind}-client-scopes", scope_id))
        self._clients.forget(client_uuid)

    def kind_of(self, client_uuid: str, name: str, *, max_age: float = math.inf) -> str | None:
        """In which of its lists a client holds the scope of that name, if in any; None when the client is gone."""
        client = self._clients.get(client_uuid, max_age=max_age)
        lists = {kind: client.value(f"{kind}ClientScopes") or () for kind in (DEFAULT, OPTIONAL)} if client else {}
        return next((kind for kind, names in lists.items() if name in names), None)

    @staticmethod
    def _read(found: Mapping[str, Any], roles: tuple[tuple[str, str], ...]) -> AudienceScope:
        attributes: Mapping[str, str] = found.get("attributes") or {}
        owner = attributes.get(OWNER_KEY) or None
        named = [each for each in _audience_mappers(found) if each.access_token]
        included = {audience for each in named if (audience := each.included_client or each.custom_audience)}
        return AudienceScope(
            str(found["name"]),
            str(found.get("description") or ""),
            included.pop() if len(included) == 1 else None,
            roles,
            attributes.get(IN_TOKEN_SCOPE, "true") == "true",
            owner=owner,
            mark=hash16(owner) if owner else None,
            id=str(found["id"]),
            writer=Writer(attributes.get(STACK_KEY) or "", attributes.get(NUMBER_KEY) or ""),
            stored=_stored(found),
        )

    def _mapped(self, scope_id: str) -> tuple[tuple[str, str], ...]:
        found = self._session.get(self.path(scope_id, "scope-mappings"))
        of_realm = [("", str(role["name"])) for role in found.get("realmMappings") or ()]
        of_clients = [
            (str(client_id), str(role["name"]))
            for client_id, entry in (found.get("clientMappings") or {}).items()
            for role in entry["mappings"]
        ]
        return tuple(sorted(of_realm + of_clients))

    def _roles(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, Any]]:
        """Where each role is mapped, and its representation. :raises Refusal: it does not exist."""
        roles: dict[tuple[str, str], tuple[str, Any]] = {}
        for client_id, role in names:
            client = self._clients.find(client_id) if client_id else None
            holder = (
                path("admin", "realms", self._realm) if not client_id else client and self._clients.path(client.uuid)
            )
            try:
                found = self._session.get(holder + path("roles", role)) if holder else None
            except NotFound:
                found = None
            if found is None:
                kind = f"role of client '{client_id}'" if client_id else "realm role"
                remedy = "create it, or correct the required roles"
                raise Refusal(sentence(kind, role, self._realm, "does not exist", remedy))
            roles[client_id, role] = (f"clients/{client.uuid}" if client else "realm", found)
        return roles

    def _map(self, scope_id: str, roles: Mapping[tuple[str, str], tuple[str, Any]]) -> None:
        for place, found in roles.values():
            self._session.post(self.path(scope_id, "scope-mappings", *place.split("/")), [found])

    def _unmap(self, scope_id: str, roles: Mapping[tuple[str, str], tuple[str, Any]]) -> None:
        for place, found in roles.values():
            self._session.delete(self.path(scope_id, "scope-mappings", *place.split("/")), [found])

    def _write_mapper(self, scope_id: str, found: Mapping[str, Any], wanted: AudienceScope) -> None:
        at, ours, mapper = self.path(scope_id, "protocol-mappers", "models"), _our_mapper(found), _mapper(wanted)
        back = _mapper_given_back(wanted)
        config = {**(ours or {}).get("config", {}), **mapper["config"]} if back is None else back
        if back == {}:
            if ours:
                self._session.delete(f"{at}/{ours['id']}")
        elif ours is None:
            self._session.create(at, {**mapper, "config": config})
        elif ours.get("config") != config:
            self._session.put(f"{at}/{ours['id']}", {**mapper, "config": config, "id": ours["id"]})

    def _body(self, wanted: AudienceScope) -> dict[str, Any]:
        return {
            "name": wanted.name,
            "description": wanted.description,
            "protocol": "openid-connect",
            "attributes": {
                IN_TOKEN_SCOPE: "true" if wanted.in_token_scope else "false",
                "display.on.consent.screen": "false",
                **{key: value for key, value in _marks(wanted).items() if value},
            },
        }

    def _changes(self, found: Mapping[str, Any], wanted: AudienceScope) -> dict[str, Any]:
        """The body of a PUT, which leaves alone what it leaves out. None removes an attribute; an empty text would stay."""
        held: Mapping[str, str] = found.get("attributes") or {}
        attributes = _marks(wanted)
        if wanted.in_token_scope != (held.get(IN_TOKEN_SCOPE, "true") == "true"):
            absent = wanted.in_token_scope and wanted.stored and IN_TOKEN_SCOPE not in dict(wanted.stored)
            attributes[IN_TOKEN_SCOPE] = None if absent else str(wanted.in_token_scope).lower()
        described = (
            {"description": wanted.description} if wanted.description != (found.get("description") or "") else {}
        )
        changed = {key: value for key, value in attributes.items() if value != held.get(key)}
        return {"name": wanted.name, **described, "attributes": changed}


def _marks(wanted: AudienceScope) -> dict[str, str | None]:
    marks = {OWNER_KEY: wanted.owner, STACK_KEY: wanted.writer.stack, NUMBER_KEY: wanted.writer.number}
    return {key: (value or None) if wanted.owner else None for key, value in marks.items()}


def _our_mapper(scope: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((each for each in scope.get("protocolMappers") or () if each["name"] == _MAPPER_NAME), None)


def _stored(scope: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    attribute = (scope.get("attributes") or {}).get(IN_TOKEN_SCOPE)
    config = (_our_mapper(scope) or {}).get("config") or {}
    held = {"name": scope["name"], **({IN_TOKEN_SCOPE: attribute} if attribute else {})}
    return tuple(sorted((str(key), str(value)) for key, value in {**held, **_prefixed(config)}.items()))


def _prefixed(config: Mapping[str, str]) -> dict[str, str]:
    return {f"{_MAPPER_NAME}.{key}": value for key, value in config.items()}


def _mapper_given_back(wanted: AudienceScope) -> dict[str, str] | None:
    """The configuration of our mapper in a scope that is given back, empty where it had none; None where that is not known."""
    if wanted.owner or not wanted.stored:
        return None
    prefix = f"{_MAPPER_NAME}."
    config = {key.removeprefix(prefix): value for key, value in wanted.stored if key.startswith(prefix)}
    client = AudienceMapper.read({"id": "", "name": "", "config": config}).included_client
    of_now = client and wanted.included_client and client != wanted.included_client  # by a state without ``stored``
    return None if of_now else config


def _audience_mappers(scope: Mapping[str, Any]) -> list[AudienceMapper]:
    """The audience mappers of a client scope as the server describes it."""
    return [
        AudienceMapper.read(each)
        for each in scope.get("protocolMappers") or ()
        if each["protocolMapper"] == AUDIENCE_MAPPER
    ]


def with_audience(scope: Mapping[str, Any], wanted: AudienceScope) -> dict[str, Any]:
    """A client scope as Keycloak describes it once it is the wanted one, with what else it holds."""
    others = [each for each in scope.get("protocolMappers") or () if each["name"] != _MAPPER_NAME]
    return {
        "protocol": "openid-connect",
        **scope,
        "name": wanted.name,
        "attributes": {**(scope.get("attributes") or {}), OWNER_KEY: wanted.owner or ""},
        "protocolMappers": [*others, {"id": "", **_mapper(wanted)}],
    }


def _mapper(wanted: AudienceScope) -> dict[str, Any]:
    return AudienceMapper(_MAPPER_NAME, wanted.included_client, None, True, False, True).described()
