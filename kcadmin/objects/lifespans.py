"""How long access tokens live: a client's own setting, else its realm's.

https://www.keycloak.org/docs/latest/server_admin/#_timeouts
"""

import threading
from weakref import WeakKeyDictionary

from kcadmin.marks.notes import LARGEST_NUMBER
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm

LIFESPAN = "attributes.access.token.lifespan"
UNTIL_SESSION_ENDS = -1

_lock = threading.Lock()
_noted: "WeakKeyDictionary[Realm, dict[str, int]]" = WeakKeyDictionary()


def note_lifespan(realm: Realm, client_uuid: str, seconds: int) -> None:
    """This run removes the setting of a client, while tokens issued under it are still valid."""
    with _lock:
        _noted.setdefault(realm, {})[client_uuid] = seconds


def access_token_lifespan(realm: Realm, client: Client) -> int | None:
    """The lifespan of tokens issued for a client: seconds, ``UNTIL_SESSION_ENDS``, or None if the login may not read it.

    :raises KeycloakError: it cannot be read.
    """
    with _lock:
        noted = _noted.get(realm, {}).get(client.uuid)
    own = client.value(LIFESPAN)
    return noted or (realm_lifespan(realm) if own is None else seconds_of(own))


def realm_lifespan(realm: Realm) -> int | None:
    """The realm's own; None where the login may not view it. :raises KeycloakError: it cannot be read."""
    return seconds_of(realm.settings().get("accessTokenLifespan"))


def seconds_of(value: object) -> int | None:
    """A number of seconds as Keycloak stores it; None for another text, which a client's owner may have written."""
    try:
        seconds = int(str(value))
    except ValueError:
        return None
    return seconds if abs(seconds) <= LARGEST_NUMBER else None


def longest_token_life(realm: Realm, client: Client) -> int | None:
    """Seconds after which no earlier access token of a client is valid any more; None if the login may not read it.

    A token that lives until its session ends counts with the longest session. The implicit flow has its own lifespan.

    :raises KeycloakError: it cannot be read.
    """
    settings = realm.read_settings()
    own = seconds_of(client.value(LIFESPAN) or settings.get("accessTokenLifespan"))
    if own == UNTIL_SESSION_ENDS:
        own = max(seconds_of(settings.get(f"ssoSessionMaxLifespan{each}")) or 0 for each in ("", "RememberMe"))
    implicit = (
        seconds_of(settings.get("accessTokenLifespanForImplicitFlow")) if client.is_on("implicitFlowEnabled") else 0
    )
    return None if not own or implicit is None else max(own, implicit)
