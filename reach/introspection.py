"""Clients that get another client's complete access token at introspection: signed again, with what its mappers left out.

Keycloak lets any holder of such a token exchange it: proven on Keycloak 26.7.3 to 26.7.5 (both exchanges), with lightweight
tokens and others. A confidential client with the setting below gets one when it introspects a token and asks for a JWT: up
to 26.7.4 any such client; since then one in the token's ``aud``, or one with the exception below. A token without ``aud``
is judged by
what it would contain at introspection. A server may be started with that exception for all clients, which no request shows.
https://www.keycloak.org/docs/latest/server_admin/#_lightweight_access_token
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from kcadmin.objects.bulk_reading import CLIENTS_READ
from kcadmin.objects.clients import ATTRIBUTE, RECENT_SECONDS, Client
from kcadmin.objects.features import Features
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Forbidden
from kcadmin.rest.texts import quoted
from reach.audiences import Shapes, added, issued, resolvers, switched
from reach.held_mappers import Scopes

SETTING = "client.introspection.response.allow.jwt.claim.enabled"
EXCEPTION = "allow.token.introspection.without.audience.check"
MANY = f"one of more than {CLIENTS_READ:,} clients, if it may,"
HIDDEN = "a client that this login may not see (role view-clients), if there is one,"
OF_KEYCLOAK = frozenset({"account", "account-console", "admin-cli", "broker", "security-admin-console"})
"""Clients that Keycloak makes in each realm. A login that sees at most one of them may see only a few clients."""
ANY_SHAPE = Shapes(lighteners=None, introspectors=HIDDEN)
"""Tokens in each possible shape: every possible audience counts."""


@dataclass(frozen=True)
class Introspector:
    """A client with the setting.

    only_in_aud: whether it gets only tokens with it in aud. has_roles: it has roles, which may add it to aud.
    """

    client_id: str
    only_in_aud: bool = False
    has_roles: bool = True

    def gets(self, client: Client, scopes: Scopes) -> bool:
        """Whether it may get a client's tokens."""
        if not self.only_in_aud or any(each.may_add(self.client_id) for each in added(client, scopes, ANY_SHAPE)):
            return True
        return self.has_roles and any(resolvers(client, scopes, ANY_SHAPE))


@dataclass(frozen=True)
class Introspectors:
    """Those of a realm. unseen: in words, if not all of its clients are known."""

    found: tuple[Introspector, ...] = ()
    unseen: str = ""

    def of(self, client: Client, scopes: Scopes) -> str:
        """Those that may get a client's complete tokens, in words; empty if there are none."""
        return self.unseen or quoted(sorted(each.client_id for each in self.found if each.gets(client, scopes)), "or")


NOBODY = Introspectors()


def introspectors(realm: Realm, clients: Collection[Client], features: Features) -> Introspectors:
    """Those among all clients that a login sees in a realm."""
    if not features.whole_tokens:
        return NOBODY
    if len(OF_KEYCLOAK & {client.client_id for client in clients}) < 2:
        return Introspectors(unseen=HIDDEN)
    return Introspectors(tuple(_introspector(realm, client, features) for client in clients if _passes_on(client)))


def introspectors_for(
    realm: Realm, clients: Iterable[Client], scopes: Scopes, features: Features | None = None
) -> Introspectors:
    """The same for a realm, read only if they change the audiences of these clients' tokens. features: if known."""
    if not any(changes_tokens(Shapes(introspectors=HIDDEN), client, scopes) for client in clients):
        return NOBODY
    found = realm.clients.at_most(CLIENTS_READ, RECENT_SECONDS)
    features = features or realm.features()
    if found is None:
        return Introspectors(unseen=MANY if features.whole_tokens else "")
    return introspectors(realm, found, features)


def changes_tokens(shapes: Shapes, client: Client, scopes: Scopes) -> bool:
    """Whether it changes the audiences of a client's tokens, or the client that they pass for."""
    found = (of(client, scopes, shapes) for of in (switched, resolvers, issued))
    return any(each.when for some in found for each in some)


def _passes_on(client: Client) -> bool:
    return client.is_on(ATTRIBUTE + SETTING) and client.is_on("enabled") and not client.is_on("publicClient")


def _introspector(realm: Realm, client: Client, features: Features) -> Introspector:
    only_in_aud = features.whole_tokens_in_aud and not client.is_on(ATTRIBUTE + EXCEPTION)
    return Introspector(client.client_id, only_in_aud, only_in_aud and _has_roles(realm, client))


def _has_roles(realm: Realm, client: Client) -> bool:
    try:
        return bool(realm.session.get(realm.clients.path(client.uuid, "roles"), first="0", max="1"))
    except Forbidden:
        return True  # this login may not see them
