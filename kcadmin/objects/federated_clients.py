"""The clients among which Keycloak searches for a token of another issuer, robots or not.

Of two with the same subject it refuses both, except that for a while it remembers the one that logged in before (26.7.5).
Disabled clients do not count; clients with another authenticator do.
"""

from typing import Any

from kcadmin.objects.realm import Realm
from kcadmin.objects.robot_login import ISSUER, SUBJECT
from kcadmin.rest.session import path

SPIFFE_ID = "spiffe://"


def clients_with_subject(realm: Realm, alias: str, subject: str) -> list[dict[str, Any]]:
    """Those with a subject at an identity provider, or at any for a SPIFFE id, which Keycloak finds by itself."""
    if subject.startswith(SPIFFE_ID):
        return [each for each in _clients_with(realm, SUBJECT, subject) if each["attributes"].get(ISSUER)]
    return [each for each in clients_of_provider(realm, alias) if each["attributes"].get(SUBJECT) == subject]


def clients_of_provider(realm: Realm, alias: str) -> list[dict[str, Any]]:
    """Those of an identity provider."""
    return _clients_with(realm, ISSUER, alias)


def _clients_with(realm: Realm, attribute: str, value: str) -> list[dict[str, Any]]:
    found = realm.session.get(path("admin", "realms", realm.name, "clients"), q=f'{attribute}:"{value}"')
    return [each for each in found if (each.get("attributes") or {}).get(attribute) == value]
