"""Client scopes that put an audience into tokens, and the clients' lists of default and optional scopes.

A scope with role scope mappings applies only to users who hold one of the roles; without mappings it applies to all. So a role is
mapped before another is removed, and a scope is added to a client only when it is complete.
https://www.keycloak.org/docs/latest/server_admin/#_client_scopes
"""

import math
import re
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from kcadmin.marks.ownership import Writer, hash16
from kcadmin.objects.audience_scopes import (
    AudienceScope,
    described_mapper,
    described_scope,
    mapper_given_back,
    our_mapper,
    read_scope,
    refuse_other_mappers,
    scope_body,
)
from kcadmin.objects.clients import RECENT_SECONDS, Client, Clients
from kcadmin.objects.writers import require_one_stack
from kcadmin.rest import texts
from kcadmin.rest.errors import Forbidden, KeycloakError, NotFound, Refusal, sentence
from kcadmin.rest.session import Session, path

DEFAULT, OPTIONAL = "default", "optional"
UNSEEN = "client scopes cannot be seen by this login"
TO_SEE = "give it the role view-clients, or the permission to view client scopes"
_NOT_IN_A_SCOPE = re.compile(r"[^\x21\x23-\x5b\x5d-\x7e]")  # RFC 6749, section 3.3: the characters of a scope's name


def _lists(client: Client) -> dict[str, Collection[str]]:
    return {kind: client.value(f"{kind}ClientScopes") or () for kind in (DEFAULT, OPTIONAL)}


def scope_token(text: str) -> str:
    """A text as the name of a scope that callers may request."""
    return _NOT_IN_A_SCOPE.sub("-", text)


class ClientScopes:
    """The client scopes of a realm: listed once a process, since Keycloak cannot search them by name."""

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

    def are_hidden(self) -> bool:
        """Whether this login sees no client scope. Then the lists of clients come back empty, too (Keycloak 26.8)."""
        try:
            return not self.all()
        except Forbidden:
            return True

    def forget(self, older_than: float = 0.0) -> None:
        """The next read lists them again. older_than: seconds; a younger list stays."""
        with self._lock:
            if time.monotonic() - self._listed_at >= older_than:
                self._known = None

    def named(self, name: str) -> list[AudienceScope]:
        """The client scope of that name."""
        return [read_scope(each, self._mapped(str(each["id"]))) for each in self.all() if each["name"] == name]

    def get(self, scope_id: str) -> AudienceScope | None:
        """The client scope with that id, or None."""
        found = self._found(scope_id)
        return read_scope(found, self._mapped(scope_id)) if found else None

    def marked_now(self, scope_id: str) -> AudienceScope | None:
        """The same at this moment, without its roles."""
        try:
            return read_scope(self._session.get(self.path(scope_id)), ())
        except NotFound:
            return None

    def create(self, wanted: AudienceScope) -> AudienceScope:
        """Makes the scope with its mapper in one request, then adds its roles. No client holds it yet.

        :raises Conflict: the name is taken. :raises Refusal: a role does not exist.
        """
        roles = self._roles(wanted.roles)
        try:
            scope_id = self._session.create(path(*self._at), described_scope(wanted))
        finally:  # somebody may have made it since the list was read
            self.forget()
        try:
            self._map(scope_id, roles)
        except KeycloakError:  # without its roles it would be open to all
            with suppress(KeycloakError):
                self.delete(scope_id)
            raise
        return replace(wanted, id=scope_id)

    def update(self, scope_id: str, wanted: AudienceScope) -> AudienceScope:
        """Writes what differs; a role is mapped before another is taken away.

        :raises Refusal: it would not be as declared: see ``require_no_others``. A scope that is restored is not checked.
        """
        found = self._found(scope_id)
        if wanted.owner:
            refuse_other_mappers(found, wanted, self._realm)
        roles, former = self._roles(wanted.roles), self._mapped(scope_id)
        self._map(scope_id, {key: role for key, role in roles.items() if key not in former})
        self._unmap(scope_id, self._roles([key for key in former if key not in wanted.roles]))
        self._session.put(self.path(scope_id), scope_body(found, wanted))
        self._write_mapper(scope_id, found, wanted)
        self.forget()
        return replace(wanted, id=scope_id)

    def require_no_others(self, scope_id: str, wanted: AudienceScope) -> None:
        """:raises Refusal: other mappers of the scope prevent that it becomes as declared."""
        refuse_other_mappers(self._found(scope_id), wanted, self._realm)

    def delete(self, scope_id: str) -> None:
        """Deletes the scope, which takes it from every client; one that is gone is done."""
        with suppress(NotFound):  # only 404 is success
            self._session.delete(self.path(scope_id))
        self.forget()

    def to_assign(
        self, client_uuid: str, name: str, kind: str, owner: str, writer: Writer
    ) -> tuple[AudienceScope, str | None]:
        """A scope, and as what kind the client holds it.

        :raises Refusal: it does not exist, another stack has its owner, or it is of the other kind there.
        """
        now = self.kind_of(client_uuid, name, max_age=RECENT_SECONDS)
        found = self.named(name)
        if not found:
            remedy = "create it, or correct scope"
            raise Refusal(sentence("client scope", name, self._realm, "does not exist", remedy))
        if found[0].mark == hash16(owner):
            require_one_stack(self._realm, owner, f"client scope {texts.shown(name)}", found[0].writer, writer)
        if now not in (None, kind):
            client = self._clients.get(client_uuid)
            wrong = f"holds {texts.named(name)} as {now} scope instead of {kind}"
            remedy = f"take it out there, or set kind to {now}"
            raise Refusal(sentence("client", client.client_id if client else client_uuid, self._realm, wrong, remedy))
        return found[0], now

    def assign(self, client_uuid: str, scope_id: str, kind: str) -> None:
        """Adds a scope to a client. Keycloak answers 204 and does nothing if it is in the other list: see ``kind_of``."""
        self._session.put(self._clients.path(client_uuid, f"{kind}-client-scopes", scope_id), None)
        self._clients.forget(client_uuid)

    def unassign(self, client_uuid: str, scope_id: str, kind: str) -> None:
        """Removes a scope from a client, if it holds it."""
        with suppress(NotFound):  # only 404 is success
            self._session.delete(self._clients.path(client_uuid, f"{kind}-client-scopes", scope_id))
        self._clients.forget(client_uuid)

    def kind_of(self, client_uuid: str, name: str, *, max_age: float = math.inf) -> str | None:
        """In which of its lists a client holds the scope of that name, if in any; None when the client is gone.

        :raises Refusal: the lists cannot be seen.
        """
        client = self._clients.get(client_uuid, max_age=max_age)
        if client is None:
            return None
        return next((kind for kind, names in self._seen(client).items() if name in names), None)

    def held_by(self, client: Client) -> frozenset[str]:
        """The names of the scopes in a client's lists. :raises Refusal: they cannot be seen."""
        return frozenset(name for names in self._seen(client).values() for name in names)

    def _seen(self, client: Client) -> dict[str, Collection[str]]:
        self.require_seen(client)
        return _lists(client)

    def require_seen(self, client: Client) -> None:
        """:raises Refusal: its lists are empty, but this login sees no client scope, so they may be hidden."""
        if not any(_lists(client).values()) and self.are_hidden():
            raise Refusal(sentence("client", client.client_id, self._realm, f"its {UNSEEN}", TO_SEE))

    def _found(self, scope_id: str) -> Mapping[str, Any]:
        """As the server describes it; empty where it is gone."""
        return next((each for each in self.all() if each["id"] == scope_id), {})

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
        """The path at which each role is mapped, and its representation. :raises Refusal: it does not exist."""
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
                kind = f"role of client {texts.named(client_id)}" if client_id else "realm role"
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
        at, ours, mapper = (
            self.path(scope_id, "protocol-mappers", "models"),
            our_mapper(found),
            described_mapper(wanted),
        )
        back = mapper_given_back(wanted)
        config = {**(ours or {}).get("config", {}), **mapper["config"]} if back is None else back
        if back == {}:
            if ours:
                self._session.delete(f"{at}/{ours['id']}")
        elif ours is None:
            self._session.create(at, {**mapper, "config": config})
        elif ours.get("config") != config:
            self._session.put(f"{at}/{ours['id']}", {**mapper, "config": config, "id": ours["id"]})
