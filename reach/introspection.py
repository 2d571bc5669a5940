"""Clients that get another client's whole access token at introspection: signed anew, with what its mappers left out.

Keycloak lets any holder of such a token exchange it: proven on Keycloak 26.7.3 (both exchanges), with lightweight tokens and
others. A confidential client with the setting below gets one when it introspects a token and asks for a JWT.
https://www.keycloak.org/docs/latest/server_admin/#_lightweight_access_token
"""

from collections.abc import Iterable

from kcadmin.objects.bulk_reading import CLIENTS_READ
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from reach.audiences import Scopes, Shapes, issued, resolvers, switched

SETTING = "client.introspection.response.allow.jwt.claim.enabled"
UNSEEN = "?"


def introspectors(clients: Iterable[Client]) -> tuple[str, ...]:
    """Their client ids."""
    return tuple(
        sorted(
            client.client_id
            for client in clients
            if client.attributes.get(SETTING) == "true" and client.is_on("enabled") and not client.is_on("publicClient")
        )
    )


def introspectors_for(realm: Realm, clients: Iterable[Client], scopes: Scopes) -> tuple[str, ...]:
    """The same of a realm, asked only where they change whom these clients' tokens name; ``?`` where it has too many clients."""
    if not any(changes(Shapes(introspectors=(UNSEEN,)), client, scopes) for client in clients):
        return ()
    found = realm.clients.at_most(CLIENTS_READ)
    return (UNSEEN,) if found is None else introspectors(found)


def changes(shapes: Shapes, client: Client, scopes: Scopes) -> bool:
    """Whether it changes whom a client's tokens name, or as whose they pass."""
    found = (of(client, scopes, shapes) for of in (switched, resolvers, issued))
    return any(each.when for some in found for each in some)
