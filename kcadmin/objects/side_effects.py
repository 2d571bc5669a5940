"""Objects that Keycloak makes when a client gets a service account and authorization services; they are removed with them."""

from collections.abc import Mapping
from typing import Any

from kcadmin.objects.clients import Client

SIDE_ROLE = "uma_protection"  # with authorization services; it stays when they go
_RESOURCE, _POLICY, _PERMISSION = "Default Resource", "Default Policy", "Default Permission"
_ACCOUNT_MAPPERS = {
    "Client ID": ("clientId", "client_id"),
    "Client Host": ("clientHost",),
    "Client IP Address": ("clientAddress",),
}
_NOTE_MAPPER, _NOTE = "oidc-usersessionmodel-note-mapper", "user.session.note"


def is_default(each: Mapping[str, Any], client_id: str) -> bool:
    """Whether an entry of a resource server's settings is one that Keycloak put into it when it was made, up to 26.2.

    They allow every user of the realm the resource ``/*``.
    """
    kind = f"urn:{client_id}:resources:default"
    as_made = {
        _RESOURCE: each.get("type") == kind and each.get("uris") == ["/*"] and not each.get("scopes"),
        _POLICY: each.get("type") == "js" and each.get("logic") == "POSITIVE",
        _PERMISSION: each.get("type") == "resource"
        and each.get("config") == {"defaultResourceType": kind, "applyPolicies": f'["{_POLICY}"]'},
    }
    return as_made.get(str(each.get("name")), False)


def account_mappers(client: Client) -> dict[str, str]:
    """The mappers, name to id, that a client gets with its service account up to 26.0; later a client scope holds them."""
    return {
        str(mapper["name"]): str(mapper["id"])
        for mapper in client.mappers
        if mapper["protocolMapper"] == _NOTE_MAPPER
        and (mapper.get("config") or {}).get(_NOTE) in _ACCOUNT_MAPPERS.get(str(mapper["name"]), ())
    }
