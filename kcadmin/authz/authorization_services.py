"""Switches a client's authorization services off, with what Keycloak made for them, and only if nobody else has objects there.

https://www.keycloak.org/docs/latest/authorization_services/#_resource_server_overview
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from kcadmin.objects.claims import Kind
from kcadmin.objects.realm import Realm
from kcadmin.objects.side_effects import SIDE_ROLE, account_mappers, is_default
from kcadmin.rest.errors import NotFound
from kcadmin.rest.texts import quoted

SERVICES, ACCOUNT = "authorizationServicesEnabled", "serviceAccountsEnabled"
MAPPERS = "account_mappers"
CONTENT = ("resources", "policies", "scopes")
KIND = Kind(
    "authorization-services",
    {SERVICES: Literal[True], ACCOUNT: Literal[True]},
    {SERVICES: bool | None, ACCOUNT: bool | None, SIDE_ROLE: bool, MAPPERS: tuple[str, ...]},
)


def content(realm: Realm, uuid: str, client_id: str) -> str:
    """The names of what a client's resource server holds, which would go with it; empty where it holds nothing."""
    settings = realm.resource_server(uuid).settings() or {}
    held = [each for kind in CONTENT for each in settings.get(kind) or () if not is_default(each, client_id)]
    return quoted(sorted(str(each["name"]) for each in held)) if held else ""


def delete_by_products(realm: Realm, uuid: str, was: Mapping[str, Any], *, used: bool, revoked: bool) -> None:
    """Deletes what came with services, or with a service account, that are off now.

    :param was: what was noted of the client before. used: the services were on before, so nothing came with them.
    :param revoked: it is deleted although it existed before.
    """
    client = realm.clients.get(uuid)
    if client and not client.is_on(SERVICES) and (revoked or was.get(SIDE_ROLE) is False):
        with suppress(NotFound):  # only 404 is success
            realm.session.delete(realm.clients.path(uuid, "roles", SIDE_ROLE))
    if client and not client.is_on(ACCOUNT) and (revoked or not used):
        kept = () if revoked else was.get(MAPPERS) or ()
        for mapper_id in [id_ for name, id_ in account_mappers(client).items() if name not in kept]:
            realm.clients.delete_mapper(uuid, mapper_id)
