"""Objects of a resource server with one owner each, besides policies: scope permissions and authorization scopes.

Each has a store with the same five verbs (``named``, ``get``, ``create``, ``update``, ``delete``) over a frozen dataclass whose
field ``mark`` is the hash of its owner; ``stored`` are the fields that are stored although they are empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from kcadmin.authz.policies import LOGIC, STRATEGIES, given, spell, stored_empty
from kcadmin.marks.ownership import NOBODY, Writer, hash16, marked, unmarked
from kcadmin.objects.claims import Kind, adopted_kind, claims
from kcadmin.objects.clients import RECENT_SECONDS, Clients
from kcadmin.objects.resource_server import ResourceServer

SCOPE = "authorization-scope:"


@dataclass(frozen=True)
class ScopePermission:
    """A scope permission. ``scopes`` are names; ``policies`` and ``resources`` are ids or names."""

    name: str
    description: str
    scopes: tuple[str, ...]
    policies: tuple[str, ...]
    resources: tuple[str, ...]
    logic: Annotated[str, LOGIC]
    decision_strategy: Annotated[str, STRATEGIES]
    owner: str | None = None
    mark: str | None = None
    id: str | None = None
    stored: tuple[str, ...] = ()
    writer: Writer = NOBODY


@dataclass(frozen=True)
class AuthorizationScope:
    """An authorization scope. It has no room for a mark."""

    name: str
    display_name: str | None
    icon_uri: str | None
    owner: str | None = None
    mark: str | None = None
    id: str | None = None
    stored: tuple[str, ...] = ()
    writer: Writer = NOBODY


class ScopePermissions:
    """The scope permissions of a resource server."""

    def __init__(self, server: ResourceServer, spelled: frozenset[str] = frozenset()) -> None:
        """``spelled``: the names or ids that the stack uses for policies and resources."""
        self._server = server
        self._spelled = spelled

    def named(self, name: str) -> list[ScopePermission]:
        """The scope permission of that name; a policy of another type counts as one that differs in everything."""
        found = self._server.policy_named(name)
        if found is None:
            return []
        if found["type"] != "scope":
            return [ScopePermission(name, f"a policy of type {found['type']}", (), (), (), "", "", id=str(found["id"]))]
        permission = self.get(str(found["id"]))
        return [permission] if permission else []

    def get(self, permission_id: str) -> ScopePermission | None:
        """The permission with that id, or None."""
        found = self._server.permission(permission_id)
        if found is None:
            return None
        description, mark, writer = unmarked(str(found.get("description") or ""))
        return ScopePermission(
            str(found["name"]),
            description,
            tuple(sorted(str(scope["name"]) for scope in self._server.scopes_of(permission_id))),
            tuple(
                sorted(
                    spell(each["id"], each["name"], self._spelled) for each in self._server.policies_of(permission_id)
                )
            ),
            tuple(
                sorted(
                    spell(each["_id"], each["name"], self._spelled) for each in self._server.resources_of(permission_id)
                )
            ),
            str(found["logic"]),
            str(found["decisionStrategy"]),
            mark=mark,
            id=str(found["id"]),
            stored=stored_empty(found, "description"),
            writer=writer,
        )

    def create(self, wanted: ScopePermission) -> ScopePermission:
        """:raises Conflict: the name is taken, by a policy or permission of any type."""
        return replace(wanted, id=self._server.create_permission(self._body(wanted)))

    def update(self, permission_id: str, wanted: ScopePermission) -> ScopePermission:
        """Replaces every field."""
        self._server.update_permission(permission_id, self._body(wanted))
        return replace(wanted, id=permission_id)

    def delete(self, permission_id: str) -> None:
        """Deletes the permission; its policies stay."""
        self._server.delete_policy(permission_id)

    def _body(self, wanted: ScopePermission) -> dict[str, Any]:
        return {
            "type": "scope",
            "name": wanted.name,
            **given(wanted.stored, description=marked(wanted.description, wanted.owner, wanted.writer)),
            "logic": wanted.logic,
            "decisionStrategy": wanted.decision_strategy,
            "scopes": list(wanted.scopes),
            "policies": list(wanted.policies),
            "resources": list(wanted.resources),
        }


class AuthorizationScopes:
    """The authorization scopes of a resource server; their owner is noted in a claim on the server's client."""

    def __init__(self, server: ResourceServer, clients: Clients, owner: str) -> None:
        self._server = server
        self._clients = clients
        self._owner = owner

    def named(self, name: str) -> list[AuthorizationScope]:
        """The scope of that name."""
        found = self._server.scope_named(name)
        return [self._read(found)] if found else []

    def get(self, scope_id: str) -> AuthorizationScope | None:
        """The scope with that id, or None."""
        found = self._server.scope(scope_id)
        return self._read(found) if found else None

    def create(self, wanted: AuthorizationScope) -> AuthorizationScope:
        """Creates a scope whose name is free: a POST of a taken one would overwrite it."""
        return replace(wanted, id=self._server.create_scope(self._body(wanted)))

    def update(self, scope_id: str, wanted: AuthorizationScope) -> AuthorizationScope:
        """Replaces name, display name and icon."""
        self._server.update_scope(scope_id, self._body(wanted))
        return replace(wanted, id=scope_id)

    def delete(self, scope_id: str) -> None:
        """Deletes the scope."""
        self._server.delete_scope(scope_id)

    def _read(self, found: Mapping[str, Any]) -> AuthorizationScope:
        client = self._clients.get(self._server.client_uuid, max_age=RECENT_SECONDS)
        kinds = (scope_kind(str(found["name"])), adopted_kind(str(found["id"]), AuthorizationScope))
        held = {claim.owner: claim.writer for kind in kinds for claim in claims(client, kind)}
        owner = self._owner if self._owner in held else next(iter(held), None)
        return AuthorizationScope(
            str(found["name"]),
            found.get("displayName") or None,
            found.get("iconUri") or None,
            mark=hash16(owner) if owner else None,
            id=str(found["id"]),
            stored=stored_empty(found, "displayName", "iconUri"),
            writer=held[owner] if owner else NOBODY,
        )

    def _body(self, wanted: AuthorizationScope) -> dict[str, Any]:
        texts = given(wanted.stored, displayName=wanted.display_name, iconUri=wanted.icon_uri)
        return {"name": wanted.name, **texts}


def scope_kind(name: str) -> Kind:
    """The kind of the claim on a client for one of its authorization scopes."""
    return Kind(f"{SCOPE}{name}")
