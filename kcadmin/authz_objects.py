"""Objects of a resource server that one owner holds: client policies, scope permissions and authorization scopes.

Each has a store with the same five verbs (``named``, ``get``, ``create``, ``update``, ``delete``) over a frozen dataclass whose
field ``mark`` is the hash of its owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.authz import ResourceServer
from kcadmin.clients import Clients
from kcadmin.ownership import adopted_claim_kind, claims, hash16, marked, unmarked
from kcadmin.permissions import delete_policy
from kcadmin.realm import Realm


@dataclass(frozen=True)
class ClientPolicy:
    """A client policy: matches requests of the named clients. ``clients``: client UUIDs, a set to Keycloak."""

    name: str
    description: str
    clients: tuple[str, ...]
    logic: str
    owner: str | None = None
    mark: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class ScopePermission:
    """A scope permission. ``scopes`` are names; ``policies`` and ``resources`` are ids or names."""

    name: str
    description: str
    scopes: tuple[str, ...]
    policies: tuple[str, ...]
    resources: tuple[str, ...]
    logic: str
    decision_strategy: str
    owner: str | None = None
    mark: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class AuthorizationScope:
    """An authorization scope. It has no room for a mark."""

    name: str
    display_name: str | None
    icon_uri: str | None
    owner: str | None = None
    mark: str | None = None
    id: str | None = None


class ClientPolicies:
    """The client policies of a resource server."""

    def __init__(self, realm: Realm, server: ResourceServer) -> None:
        self._realm = realm
        self._server = server

    def named(self, name: str) -> list[ClientPolicy]:
        """The client policy of that name; a policy of another type counts as one that differs in everything."""
        found = self._server.policy_named(name)
        if found is None:
            return []
        if found["type"] != "client":
            return [ClientPolicy(name, f"a policy of type {found['type']}", (), "", id=str(found["id"]))]
        policy = self.get(str(found["id"]))
        return [policy] if policy else []

    def get(self, policy_id: str) -> ClientPolicy | None:
        """The policy with that id, or None."""
        found = self._server.policy("client", policy_id)
        if found is None:
            return None
        description, mark = unmarked(str(found.get("description") or ""))
        return ClientPolicy(
            str(found["name"]),
            description,
            tuple(sorted(found.get("clients") or ())),
            str(found["logic"]),
            mark=mark,
            id=str(found["id"]),
        )

    def create(self, wanted: ClientPolicy) -> ClientPolicy:
        """:raises Conflict: the name is taken, by a policy or permission of any type."""
        return replace(wanted, id=self._server.create_policy("client", self._body(wanted)))

    def update(self, policy_id: str, wanted: ClientPolicy) -> ClientPolicy:
        """Replaces name, description, clients and logic."""
        self._server.update_policy("client", policy_id, self._body(wanted))
        return replace(wanted, id=policy_id)

    def delete(self, policy_id: str) -> None:
        """Deletes the policy, and keeps the permissions that used it."""
        delete_policy(self._realm, self._server, policy_id)

    def _body(self, wanted: ClientPolicy) -> dict[str, Any]:
        return {
            "type": "client",
            "name": wanted.name,
            "description": _described(wanted),
            "logic": wanted.logic,
            "decisionStrategy": "UNANIMOUS",
            "clients": list(wanted.clients),
        }


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
        description, mark = unmarked(str(found.get("description") or ""))
        return ScopePermission(
            str(found["name"]),
            description,
            tuple(sorted(str(scope["name"]) for scope in self._server.scopes_of(permission_id))),
            tuple(
                sorted(
                    _spell(each["id"], each["name"], self._spelled) for each in self._server.policies_of(permission_id)
                )
            ),
            tuple(
                sorted(
                    _spell(each["_id"], each["name"], self._spelled)
                    for each in self._server.resources_of(permission_id)
                )
            ),
            str(found["logic"]),
            str(found["decisionStrategy"]),
            mark=mark,
            id=str(found["id"]),
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
            "description": _described(wanted),
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
        client = self._clients.get(self._server.client_uuid)
        kinds = (scope_claim_kind(str(found["name"])), adopted_claim_kind(str(found["id"])))
        held = [claim.owner for kind in kinds for claim in (claims(client.attributes, kind) if client else ())]
        owner = self._owner if self._owner in held else next(iter(held), None)
        return AuthorizationScope(
            str(found["name"]),
            found.get("displayName") or None,
            found.get("iconUri") or None,
            mark=hash16(owner) if owner else None,
            id=str(found["id"]),
        )

    def _body(self, wanted: AuthorizationScope) -> dict[str, Any]:
        return {"name": wanted.name, "displayName": wanted.display_name or "", "iconUri": wanted.icon_uri or ""}


def scope_claim_kind(name: str) -> str:
    """The kind of the claim on a client for one of its authorization scopes."""
    return f"authorization-scope:{name}"


def _described(wanted: ClientPolicy | ScopePermission) -> str:
    return marked(wanted.description, wanted.owner) if wanted.owner else wanted.description


def _spell(identity: str, name: str, spelled: frozenset[str]) -> str:
    return name if name in spelled or identity not in spelled else identity
