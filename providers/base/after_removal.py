"""What people should know when a part of a grant was removed: who may still exchange, and how long issued tokens live.

Each sentence is said once a client and run, by whichever part is removed first. It holds whatever else the run removes.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from kcadmin.marks.ownership import same_stack
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, REFRESH, SAME_SESSION, STANDARD, SWITCH
from kcadmin.objects.lifespans import UNTIL_SESSION_ENDS, access_token_lifespan
from kcadmin.objects.mappers import AudienceMappers
from kcadmin.objects.realm import Realm
from kcadmin.rest import texts
from kcadmin.rest.errors import KeycloakError, NotFound, sentence
from kcadmin.rest.texts import quoted, some
from providers.base.messages import first_time, info, warn

REMEDY = "take that away if nobody needs it"


@contextmanager
def never_in_the_way(named: str) -> Iterator[None]:
    """Information must not end a run that has done its work; that it is missing is said."""
    try:
        yield
    except KeycloakError as problem:
        warn(f"{named}: is removed; what still allows an exchange could not be read ({problem.clause}).")


def tell_kept(named: str) -> None:
    """An object stays as this stack made it, since its resource says so."""
    info(f"{named}: stays as it is (onRemove: keep), and this stack no longer manages it.")


def tell_token_life(realm: Realm, client: Client, exchange: str) -> None:
    """How long tokens from earlier exchanges live.

    :param client: the one whose lifespan they have: with the standard exchange the requester, with the legacy one the target.
    """
    how, also = "it got by exchange", ""
    if exchange == LEGACY:  # gives refresh tokens too, unless the requester has switched them off
        how, also = "were exchanged for it", ", refresh tokens, where given, until the user's session ends"
    elif client.value(REFRESH) == SAME_SESSION:
        also = ", refresh tokens until the user's session ends"
    text = f"access tokens that {how} live {_life(realm, client)}{also}"
    _once(realm, f"client {texts.named(client.client_id)} in realm {texts.named(realm.name)}: {text}.", info)


def tell_token_life_of_grant(realm: Realm, holder: str, audience: str, exchange: str) -> None:
    """The same for the clients that a grant's mapper serves; one whose switch has gone with the grant has told it."""
    for client_id in dict.fromkeys((holder, audience)):
        client = realm.clients.find(client_id)
        if client is None:
            continue
        if exchange == LEGACY and client_id == audience:
            tell_token_life(realm, client, LEGACY)
        elif exchange == STANDARD and client.is_on(SWITCH):
            tell_token_life(realm, client, STANDARD)


def warn_of_switch(realm: Realm, client: Client, others: list[str]) -> None:
    """The standard exchange of a client stays on. ``others``: the owners who claim it; none where it was on before us."""
    whose = f"is used by {some(sorted(others))}" if others else "was on before this stack"
    _warn(realm, client.client_id, f"may still exchange tokens, since its standard exchange {whose} and stays on")


def warn_of_mappers(realm: Realm, client: Client, audience: str, owner: str) -> None:
    """The tokens of a client still name a client after our audience mapper is gone. What bears this stack's mark counts, too:
    others may have written it."""
    left = [
        f"{texts.named(each.name)}{_of(each.owner, owner)}"
        for each in AudienceMappers(realm.clients, client.uuid).all()
        if audience in each.audience and each.access_token
    ]
    if left and client.client_id != audience:
        _warn(
            realm,
            client.client_id,
            f"its tokens may still be exchanged for {texts.named(audience)}, which the audience mapper "
            f"{', '.join(left)} puts into "
            f"them: by either client while its standard exchange is on, by {texts.named(audience)} also with the legacy exchange",
        )


def warn_of_policies(realm: Realm, client_id: str, permission_id: str) -> None:
    """A client's token-exchange permission still holds policies."""
    policies: list[str] = []
    with suppress(NotFound):  # the permission is gone, and what it allowed
        policies = [str(each["name"]) for each in realm.permissions_server().policies_of(permission_id)]
    if policies:
        held = f"the policies {quoted(sorted(policies))} on its token-exchange permission match"
        _warn(realm, client_id, f"tokens may still be exchanged for it by clients that {held}")


def _of(owner: str | None, this: str) -> str:
    if not owner:
        return ""
    return " (which bears this stack's mark)" if same_stack(owner, this) else f" of {texts.named(owner)}"


def _warn(realm: Realm, client_id: str, what: str) -> None:
    _once(realm, sentence("client", client_id, realm.name, what, REMEDY), warn)


def _once(realm: Realm, text: str, say: Callable[[str], None]) -> None:
    if first_time(realm, text):
        say(text)


def _life(realm: Realm, client: Client) -> str:
    try:
        seconds = access_token_lifespan(realm, client)
    except KeycloakError as problem:  # the run has done its work
        return f"up to the realm's access token lifespan, which could not be read ({problem.clause})"
    if seconds is None:
        return "up to the realm's access token lifespan"
    if seconds == UNTIL_SESSION_ENDS:
        return "until the user's session ends"
    minutes = math.ceil(seconds / 60)
    return f"up to {minutes} minute{'' if minutes == 1 else 's'}"
