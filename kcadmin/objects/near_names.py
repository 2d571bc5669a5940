"""The names nearest to one that does not exist, for the message. It takes one more request, only in this case.

At most 100 names that share its first letter are read. If a realm has more, and none of them is near, those that share its
beginning are read. It never fails: without an answer nothing is proposed.
"""

import difflib
from collections.abc import Iterable

from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.odd import Odd
from kcadmin.rest.session import Session, path
from kcadmin.rest.texts import UUID, shown

MOST, LISTED, BEGINNING, CUTOFF = 3, 100, 3, 0.6
SERVICE_ACCOUNT = "service-account-"
NOT_FOUND = Odd("name-not-found", "does not exist", "correct the name (near it: {names})")
ODD = (NOT_FOUND,)


def near_clients(realm: Realm, client_id: str) -> str:
    """The client ids nearest to a name, as the end of a message; '' if none is near.

    People also give a client's UUID, or the name of its service account.
    """
    at = path("admin", "realms", realm.name, "clients")
    if UUID.fullmatch(client_id):
        try:
            return in_words([str(realm.session.get(at + path(client_id))["clientId"])])
        except KeycloakError:
            return ""
    name = client_id.removeprefix(SERVICE_ACCOUNT) or client_id
    return _searched(realm.session, at, name, "clientId", "clientId", client_id, search="true")


def near_roles(realm: Realm, role: str, client_id: str = "") -> str:
    """The same for roles of the realm, or of a client."""
    client = realm.clients.find(client_id) if client_id else None
    if client_id and client is None:
        return ""
    at = realm.clients.path(client.uuid, "roles") if client else path("admin", "realms", realm.name, "roles")
    return _searched(realm.session, at, role, "search", "name")


def near_users(realm: Realm, username: str) -> str:
    """The same for users."""
    at = path("admin", "realms", realm.name, "users")
    return _searched(realm.session, at, username, "username", "username", briefRepresentation="true")


def near_realms(session: Session, name: str) -> str:
    """The same for realms, as far as the login may see any."""
    try:
        found = session.get("/admin/realms", briefRepresentation="true")
    except KeycloakError:
        return ""
    return in_words(nearest(name, (str(each["realm"]) for each in found)))


def nearest(name: str, names: Iterable[str], given: str | None = None) -> list[str]:
    """At most three of them, the nearest first; upper and lower case make no difference.

    :param given: what people gave, if that is not the name. It may exist by now, and does not count as near to itself.
    """
    folded: dict[str, list[str]] = {}
    for each in (other for other in names if other != (given or name)):
        folded.setdefault(each.casefold(), []).append(each)
    close = difflib.get_close_matches(name.casefold(), folded, MOST, CUTOFF)
    return [each for key in close for each in sorted(folded[key])][:MOST]


def in_words(names: list[str]) -> str:
    """Names as the end of a message, made harmless."""
    return f" (near it: {', '.join(shown(name) for name in names)})" if names else ""


def _searched(
    session: Session, at: str, name: str, parameter: str, field: str, given: str | None = None, **query: str
) -> str:
    names: list[str] = []
    try:
        for part in (name[:1], name[:BEGINNING]):
            found = session.get(at, **query, **{parameter: part}, max=str(LISTED))
            names = nearest(name, (str(each[field]) for each in found), given)
            if names or len(found) < LISTED:
                break
    except KeycloakError:
        return ""
    return in_words(names)
