"""Which issuer a server reports, and whether it is the expected one: an assertion for another server is never sent.

https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation
"""

import base64
import json
from typing import Any
from urllib.parse import unquote, urlsplit

from kcadmin.rest.answers import Answer
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import KeycloakError, Refusal
from kcadmin.rest.texts import named, shown

REALMS = "/realms/"
NO_REALM = "Realm does not exist"
PORTS = {"http": 80, "https": 443}


def discovered_issuer(connection: Connection, realm: str, answer: Answer) -> str:
    """The issuer that a realm's discovery document names.

    :raises Refusal: the realm does not exist, or the issuer is not at the ``publicUrl`` that the connection names.
    """
    if answer.status_code == 404 and answer.own_words() == NO_REALM:
        raise Refusal(
            f"realm {named(realm)}: Keycloak at {named(connection.url)} has no such realm; correct url, realm or loginRealm."
        )
    if not answer.ok:
        raise answer.error()
    found = answer.json()
    issuer = found.get("issuer") if isinstance(found, dict) else None
    if not isinstance(issuer, str):
        raise answer.unexpected("a document without an issuer")
    return own_issuer(connection, realm, issuer) if connection.public_url else issuer


def own_issuer(connection: Connection, realm: str, issuer: str) -> str:
    """Returns the issuer if it is at the server's own address: ``url``, or ``publicUrl`` if that is set.

    No assertion is made for another one, since a server could use it at another server.

    :raises Refusal: it is at another address.
    """
    if not _is_same(issuer, f"{connection.own_base}{REALMS}{realm}"):
        raise _another(connection, f"realm {named(realm)}", issuer)
    return issuer


def claims_of(token: str) -> dict[str, Any]:
    """A token's claims, unverified: of the server's own token, or for a message. Empty if they cannot be read."""
    try:
        said = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def base_of(connection: Connection, token: str) -> str:
    """The server's address as its token names it: ``iss`` without the realm.

    :raises Refusal: it is not the ``publicUrl`` that the connection names.
    """
    issuer = claims_of(token).get("iss")
    if not isinstance(issuer, str) or REALMS not in issuer:
        raise KeycloakError(
            f"Keycloak at {named(connection.url)}: gave a token whose issuer is not a realm; "
            "check that url is Keycloak's own address."
        )
    base = issuer.rsplit(REALMS, 1)[0]
    if connection.public_url and not _is_same(base, connection.public_url):
        raise _another(connection, "its tokens", base)
    return base


def _another(connection: Connection, what: str, issuer: str) -> Refusal:
    mine = f"publicUrl is {named(connection.public_url)}" if connection.public_url else "that is another address"
    return Refusal(
        f"Keycloak at {named(connection.url)}: the issuer of {what} is {shown(issuer)}, and {mine}; correct url, or set "
        "publicUrl to the address that you know to be this server's own."
    )


def _is_same(one: str, other: str) -> bool:
    return _parts(one) == _parts(other)


def _parts(address: str) -> tuple[object, ...]:
    """The form in which two addresses are compared: case of the host, a default port, and quoting make no difference."""
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return (address,)
    extra = (parts.username, parts.password, parts.query, parts.fragment)
    return parts.scheme, parts.hostname, port, unquote(parts.path).rstrip("/"), extra
