"""Clients that get another client's whole access token at introspection: signed anew, with what its mappers left out.

Keycloak lets any holder of such a token exchange it: proven on Keycloak 26.7.3 (both exchanges), with lightweight tokens and
others. A confidential client with the setting below gets one when it introspects a token and asks for a JWT.
https://www.keycloak.org/docs/latest/server_admin/#_lightweight_access_token
"""

from collections.abc import Collection, Iterable

from kcadmin.objects.bulk_reading import CLIENTS_READ
from kcadmin.objects.clients import ATTRIBUTE, Client
from kcadmin.objects.features import Features
from kcadmin.objects.realm import Realm
from kcadmin.rest.texts import quoted
from reach.audiences import Scopes, Shapes, issued, resolvers, switched

SETTING = "client.introspection.response.allow.jwt.claim.enabled"
MANY = f"one of more than {CLIENTS_READ:,} clients, if it may,"
HIDDEN = "a client that this login may not see (role view-clients), if there is one,"
OF_KEYCLOAK = frozenset({"account", "account-console", "admin-cli", "broker", "security-admin-console"})
"""Clients that Keycloak makes in each realm. A login that sees none but one of them was permitted a few clients alone."""


def introspectors(clients: Collection[Client], features: Features) -> str:
    """These clients in words, of all that a login sees in a realm; nothing where there are none."""
    if not features.whole_tokens:
        return ""
    if len(OF_KEYCLOAK & {client.client_id for client in clients}) < 2:
        return HIDDEN
    return quoted(sorted(client.client_id for client in clients if _passes_on(client)), "or")


def introspectors_for(realm: Realm, clients: Iterable[Client], scopes: Scopes, features: Features | None = None) -> str:
    """The same of a realm, asked only where they change whom these clients' tokens name. features: where they are known."""
    if not any(changes(Shapes(introspectors=HIDDEN), client, scopes) for client in clients):
        return ""
    found = realm.clients.at_most(CLIENTS_READ)
    features = features or realm.features()
    return introspectors(found, features) if found is not None else MANY if features.whole_tokens else ""


def changes(shapes: Shapes, client: Client, scopes: Scopes) -> bool:
    """Whether it changes whom a client's tokens name, or as whose they pass."""
    found = (of(client, scopes, shapes) for of in (switched, resolvers, issued))
    return any(each.when for some in found for each in some)


def _passes_on(client: Client) -> bool:
    return client.is_on(ATTRIBUTE + SETTING) and client.is_on("enabled") and not client.is_on("publicClient")
