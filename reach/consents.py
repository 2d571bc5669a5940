"""What a user must have consented to before an exchange. The standard exchange asks no user: it refuses without consent.

https://www.keycloak.org/docs/latest/server_admin/#_client-consents
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kcadmin.objects.client_scopes import DEFAULT
from kcadmin.objects.clients import ATTRIBUTE, Client
from kcadmin.writes.votes import is_true
from reach.held_mappers import Scopes, held_scopes

SHOWN = "display.on.consent.screen"


def needed(requester: Client, scopes: Scopes, asked: str | None) -> frozenset[str]:
    """The client scopes of a requester's token that users consent to; nothing where it requires no consent.

    :param scopes: the realm's, by name. asked: what the exchange requests, besides the default ones.
    """
    if not requester.is_on("consentRequired"):
        return frozenset()
    words = (asked or "").split()
    given = {name for name, kind in held_scopes(requester).items() if kind == DEFAULT or name in words}
    shown = {name for name in given if is_true(_attributes(scopes.get(name)).get(SHOWN) or "true")}
    itself = {requester.client_id} if requester.is_on(ATTRIBUTE + SHOWN) else set()
    return frozenset(shown | itself)


def granted(consents: Iterable[Mapping[str, Any]], requester: Client) -> frozenset[str]:
    """What a user has consented to at one client, from all consents of the user as Keycloak lists them."""
    return frozenset(
        str(scope)
        for each in consents
        if each.get("clientId") == requester.client_id
        for scope in each.get("grantedClientScopes") or ()
    )


def _attributes(scope: Mapping[str, Any] | None) -> Mapping[str, str]:
    return (scope or {}).get("attributes") or {}
