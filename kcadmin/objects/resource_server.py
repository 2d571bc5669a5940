"""A client's authorization services: its resource server with scopes, policies and permissions.

It has paths and representations, and knows nothing of owners. The authorization paths of the Admin REST API are hardly
documented;
https://www.keycloak.org/docs/latest/authorization_services/ names the objects.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kcadmin.objects.clients import Clients
from kcadmin.rest.errors import Forbidden, KeycloakError, NotFound
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named

NEGATIVE = "NEGATIVE"
TOKEN_EXCHANGE = "token-exchange"
COMPOSED = ("aggregate", "resource", "scope", "uma")
"""The types that combine or use other policies."""
Json = dict[str, Any]


def permission_name(client_uuid: str, scope: str = TOKEN_EXCHANGE) -> str:
    """The name by which Keycloak finds the permission on a client at each exchange.

    Under another name the permission grants nothing.
    """
    return f"{scope}.permission.client.{client_uuid}"


def resource_name(client_uuid: str) -> str:
    """The name of the resource that represents a client while its management permissions are on."""
    return f"client.resource.{client_uuid}"


class ResourceServer:
    """The resource server of one client, named by the client's UUID.

    ``touched``: the ids and names of policies and permissions that this process has written.
    """

    def __init__(self, session: Session, clients: Clients, client_uuid: str, touched: set[str]) -> None:
        self._session = session
        self._clients = clients
        self.client_uuid = client_uuid
        self.touched = touched

    def _path(self, *segments: str) -> str:
        return self._clients.path(self.client_uuid, "authz", "resource-server", *segments)

    def settings(self) -> Json | None:
        """The whole export, by names; None while the client has no authorization services.

        Keycloak gives it only to a login that may manage. A login that may only read gets the same from lists, in which
        roles, groups, users and client scopes are ids.
        """
        try:
            return self._object("settings")
        except Forbidden:
            return self._listed()

    def rules(self) -> Json | None:
        """``policyEnforcementMode`` and ``decisionStrategy``; None while the client has no authorization services."""
        return self._object()

    def policy_named(self, name: str) -> Json | None:
        """The policy or permission of exactly that name; the list's ``name=`` finds substrings too."""
        return self._search("policy", name)

    def scope_named(self, name: str) -> Json | None:
        """The authorization scope of exactly that name."""
        return self._search("scope", name)

    def resource_named(self, name: str) -> Json | None:
        """The resource of exactly that name; its id is ``_id``."""
        return self._search("resource", name)

    def policy(self, kind: str, policy_id: str) -> Json | None:
        """A policy with the fields of its type, or None."""
        return self._object("policy", kind, policy_id)

    def policy_of_any_type(self, policy_id: str) -> Json | None:
        """A policy or permission with its type and, as texts, its ``config``; None if the id does not exist."""
        return self._object("policy", policy_id)

    def policy_types(self) -> list[str]:
        """The types of policies and permissions that the server offers, deployed scripts as ``script-<file>.js``."""
        return sorted(str(each["type"]) for each in self._session.get(self._path("policy", "providers")))

    def create_policy(self, kind: str, body: Mapping[str, Any]) -> str:
        """:raises Conflict: the name is taken, by a policy or permission of any type."""
        self.touched.add(str(body["name"]))
        return str(self._session.post_json(self._path("policy", kind), dict(body))["id"])

    def update_policy(self, kind: str, policy_id: str, body: Mapping[str, Any]) -> None:
        """Replaces a policy. Fields that are left out are cleared; ``clients`` left out is an error 500."""
        self.touched.update((policy_id, str(body["name"])))
        self._session.put(self._path("policy", kind, policy_id), {**body, "id": policy_id})

    def delete_policy(self, policy_id: str) -> None:
        """Deletes a policy or permission; one that is gone is done.

        The server itself removes a policy from its permissions, and deletes a permission with its last policy.
        """
        self.touched.add(policy_id)
        self._delete("policy", policy_id)

    def permission(self, permission_id: str) -> Json | None:
        """A scope permission, or None; without its policies, scopes and resources."""
        return self._object("permission", "scope", permission_id)

    def create_permission(self, body: Mapping[str, Any]) -> str:
        """:raises Conflict: the name is taken, by a policy or permission of any type."""
        self.touched.add(str(body["name"]))
        return str(self._session.post_json(self._path("permission", "scope"), dict(body))["id"])

    def update_permission(self, permission_id: str, body: Mapping[str, Any], *, once: bool = False) -> None:
        """Writes a scope permission. Lists that are left out stay; a strategy or description that is left out is reset.

        :param once: the body holds a list that was just read, so it is not sent again by itself.
        """
        self.touched.update((permission_id, str(body["name"])))
        put = self._session.put_once if once else self._session.put
        put(self._path("permission", "scope", permission_id), {**body, "id": permission_id})

    def policies_of(self, policy_id: str) -> list[Json]:
        """The policies of a permission or an aggregate policy."""
        return list(self._session.get(self._path("policy", policy_id, "associatedPolicies")))

    def scopes_of(self, permission_id: str) -> list[Json]:
        """The scopes of a permission."""
        return list(self._session.get(self._path("permission", permission_id, "scopes")))

    def resources_of(self, permission_id: str) -> list[Json]:
        """The resources of a permission; their id is ``_id``."""
        return list(self._session.get(self._path("permission", permission_id, "resources")))

    def permissions_of(self, resource_id: str) -> list[Json]:
        """The permissions that a resource is in."""
        return list(self._session.get(self._path("resource", resource_id, "permissions")))

    def users_of(self, policy_id: str) -> list[Json]:
        """The permissions and aggregate policies that use a policy; none when it is gone."""
        return list(self._get_or_none("policy", policy_id, "dependentPolicies") or [])

    def scope(self, scope_id: str) -> Json | None:
        """An authorization scope, or None."""
        return self._object("scope", scope_id)

    def create_scope(self, body: Mapping[str, Any]) -> str:
        """A POST of an existing name overwrites that scope and answers 201: read it before."""
        return str(self._session.post_json(self._path("scope"), dict(body))["id"])

    def update_scope(self, scope_id: str, body: Mapping[str, Any]) -> None:
        """Replaces an authorization scope."""
        self._session.put(self._path("scope", scope_id), {**body, "id": scope_id})

    def delete_scope(self, scope_id: str) -> None:
        """Deletes an authorization scope; one that is gone is done."""
        self._delete("scope", scope_id)

    def _listed(self) -> Json | None:
        rules = self.rules()
        if rules is None:
            return None
        lists = {
            "resources": ("resource", {"deep": "true"}),
            "policies": ("policy", {"fields": "*"}),
            "scopes": ("scope", {}),
        }
        found = {
            key: [dict(each) for page in self._session.pages(self._path(kind), **query) for each in page]
            for key, (kind, query) in lists.items()
        }
        return {**rules, **found, "policies": [self._as_exported(each) for each in found["policies"]]}

    def _as_exported(self, listed: Json) -> Json:
        """A policy or permission from a list, with the names that an export has in its config."""
        kind, config = listed["type"], dict(listed.get("config") or {})
        held = {key: [str(each["name"]) for each in listed.get(f"{key}Data") or ()] for key in ("resources", "scopes")}
        if kind in COMPOSED:
            held["applyPolicies"] = [str(each["name"]) for each in self.policies_of(str(listed["id"]))]
        if kind == "client":
            clients = map(self._clients.get, map(str, names_in(listed, "clients")))
            held["clients"] = [client.client_id for client in clients if client]
        return {**listed, "config": config | {key: json.dumps(names) for key, names in held.items() if names}}

    def _search(self, kind: str, name: str) -> Json | None:
        """``search?name=`` is exact and answers 204 for none."""
        try:
            found = self._session.get_optional(self._path(kind, "search"), name=name)
        except NotFound:
            return None
        return dict(found) if found else None

    def _object(self, *segments: str) -> Json | None:
        found = self._get_or_none(*segments)
        return None if found is None else dict(found)

    def _get_or_none(self, *segments: str) -> Any:
        try:
            return self._session.get(self._path(*segments))
        except NotFound:
            return None

    def _delete(self, *segments: str) -> None:
        with suppress(NotFound):  # only 404 is success: the object, or its whole client, is gone
            self._session.delete(self._path(*segments))


def names_in(policy: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """A list in a policy's ``config``, which Keycloak exports as JSON in a text: ``clients``, ``applyPolicies``, ``roles``.

    :raises KeycloakError: it is no such list.
    """
    try:
        found = json.loads((policy.get("config") or {}).get(key) or "[]")
    except (ValueError, TypeError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str | dict) for each in found):
        raise KeycloakError(
            f"policy {named(str(policy.get('name')))}: its {key} are not a JSON list; correct the policy."
        )
    return tuple(found)


def is_negative(policy: Mapping[str, Any]) -> bool:
    """Whether a policy lets through what it does not match (logic NEGATIVE)."""
    return policy.get("logic") == NEGATIVE
