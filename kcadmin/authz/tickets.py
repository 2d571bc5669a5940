"""Tokens that a client's authorization services issue: they are for that client, whatever its mappers add.

Any holder of an access token of the realm may ask, and gets one as soon as a permission grants anything. Its ``azp`` is still the
client that asked, so the client with the services may exchange it: proven on Keycloak 24.0.5 to 26.7.3, both exchanges.
https://www.keycloak.org/docs/latest/authorization_services/#_service_obtaining_permissions
"""

from collections.abc import Mapping
from typing import Any

from kcadmin.authz.authorization_services import SERVICES
from kcadmin.authz.exchange_permission import ENFORCING
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Forbidden
from kcadmin.rest.texts import named, some

PERMISSIONS = ("resource", "scope", "uma")


def ticket_way(realm: Realm, target: Client) -> str | None:
    """What may let a target's authorization services give a token, in words; None where they give none."""
    if not target.is_on(SERVICES):
        return None
    try:
        found = _grants(realm.resource_server(target.uuid).settings() or {}, target)
    except Forbidden:
        found = "which this login may not read (role view-authorization)"
    return f"the authorization services of {named(target.client_id)}, {found}" if found else None


def unjudged(client_id: str) -> str:
    """A sentence for a command that reads a whole realm, but not the content of authorization services."""
    name = named(client_id)
    return (
        f"authorization services of {name}: give whoever holds a token and gets a permission there a token for {name}, which it "
        "may exchange; their policies are not judged here"
    )


def _grants(settings: Mapping[str, Any], target: Client) -> str | None:
    """A clause. Its policies on users are not judged."""
    things = [*(settings.get("resources") or ()), *(settings.get("scopes") or ())]
    mode = str(settings.get("policyEnforcementMode") or ENFORCING)
    if mode != ENFORCING:
        return f"whose policy enforcement mode is {mode}" if things else None
    permissions = [each["name"] for each in settings.get("policies") or () if each.get("type") in PERMISSIONS]
    if permissions:
        return f"which give tokens for it by permission {some(map(str, permissions))}"
    owned = [str(each["name"]) for each in settings.get("resources") or () if _is_a_users(each, target)]
    return f"which give tokens for it to the owners of {some(owned)}" if owned else None


def _is_a_users(resource: Mapping[str, Any], target: Client) -> bool:
    """Whether a user owns a resource or may share it. Then the owner, and users that it is shared with, need no permission."""
    owner = resource.get("owner") or {}
    names = {owner.get("id"), owner.get("name")} - {None} if isinstance(owner, Mapping) else {owner}
    return bool(resource.get("ownerManagedAccess")) or bool(names - {target.uuid, target.client_id})
