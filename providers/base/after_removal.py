"""Messages after a part of a grant was removed.

``reach/after_removal.py`` has the sentences. Each is shown once per client and run, by the part that is removed first. It
is true whatever else the run removes.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import KeycloakError
from providers.base.messages import first_time, info, warn
from reach import after_removal


@contextmanager
def never_in_the_way(named: str) -> Iterator[None]:
    """A failed report must not end a run that has done its work, so it is a warning."""
    try:
        yield
    except KeycloakError as problem:
        warn(f"{named}: is removed; what still allows an exchange could not be read ({problem.clause}).")


def tell_kept(named: str) -> None:
    """An object stays as this stack made it, since its resource has onRemove: keep."""
    info(f"{named}: stays as it is (onRemove: keep), and this stack no longer manages it.")


def tell_goes_on(named: str) -> None:
    """Another resource of the stack holds the object now."""
    info(f"{named}: continues under another name in the stack.")


def tell_unchanged(named: str) -> None:
    """An object stays that the stack used unchanged."""
    info(f"{named}: already existed as declared and is left unchanged.")


def tell_token_life(realm: Realm, client: Client | None, exchange: str) -> None:
    """How long tokens from earlier exchanges live; nothing if the client is gone."""
    text = after_removal.token_life(realm, client, exchange) if client else None
    if text and first_time(realm, text):
        info(text)


def tell_token_life_of_grant(realm: Realm, holder: str, audience: str, exchange: str) -> None:
    """The same for the clients that a grant's mapper serves, unless the removal of their switch has reported it."""
    for client_id in dict.fromkeys((holder, audience)):
        client = realm.clients.find(client_id)
        by = after_removal.exchange_with_lifespan_of(client, audience, exchange) if client else None
        if by:
            tell_token_life(realm, client, by)


def warn_of(realm: Realm, left: str | None) -> None:
    """Warns of what still allows an exchange."""
    if left and first_time(realm, left):
        warn(left)
