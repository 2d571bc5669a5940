"""Who may still exchange after a part of a grant was removed, and how long issued tokens live: a sentence each."""

import math
from contextlib import suppress

from kcadmin.marks.ownership import same_stack
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, REFRESH, SAME_SESSION, STANDARD, SWITCH
from kcadmin.objects.lifespans import UNTIL_SESSION_ENDS, access_token_lifespan
from kcadmin.objects.mappers import AudienceMappers
from kcadmin.objects.realm import Realm
from kcadmin.rest import texts
from kcadmin.rest.errors import KeycloakError, NotFound, sentence
from kcadmin.rest.texts import first_few, quoted, some

REMEDY = "take that away if nobody needs it"


def token_life(realm: Realm, client: Client, exchange: str) -> str:
    """How long tokens from earlier exchanges live.

    :param client: the one whose lifespan they have: with the standard exchange the requester, with the legacy one the target.
    """
    how, also = "it got by exchange", ""
    if exchange == LEGACY:  # gives refresh tokens too, unless the requester has switched them off
        how, also = "were exchanged for it", ", refresh tokens, where given, until the user's session ends"
    elif client.value(REFRESH) == SAME_SESSION:
        also = ", refresh tokens until the user's session ends"
    text = f"access tokens that {how} live {_life(realm, client)}{also}"
    return f"client {texts.named(client.client_id)} in realm {texts.named(realm.name)}: {text}."


def exchange_with_lifespan_of(client: Client, audience: str, exchange: str) -> str | None:
    """The exchange whose tokens have the lifespan of a grant's client; None if the removal of its switch reports it."""
    if exchange == LEGACY and client.client_id == audience:
        return LEGACY
    return STANDARD if exchange == STANDARD and client.is_on(SWITCH) else None


def switch_stays(realm: Realm, client: Client, others: list[str]) -> str:
    """The standard exchange of a client stays on. others: the owners who claim it; none if it was on before us."""
    whose = f"is used by {some(sorted(others))}" if others else "was on before this stack"
    return _still(
        realm, client.client_id, f"may still exchange tokens, since its standard exchange {whose} and stays on"
    )


def mappers_stay(realm: Realm, client: Client, audience: str, owner: str) -> str | None:
    """The tokens of a client still have another in aud after our audience mapper is removed; None if not.

    Mappers with this stack's mark count, too, since others may have written it.
    """
    left = [
        f"{texts.named(each.name)}{_of(each.owner, owner)}"
        for each in AudienceMappers(realm.clients, client.uuid).all()
        if audience in each.audience and each.access_token
    ]
    if not left or client.client_id == audience:
        return None
    return _still(
        realm,
        client.client_id,
        f"its tokens may still be exchanged for {texts.named(audience)}, which the audience mapper {first_few(left)} puts into "
        f"them: by either client while its standard exchange is on, by {texts.named(audience)} also with the legacy exchange",
    )


def policies_stay(realm: Realm, client_id: str, permission_id: str) -> str | None:
    """A client's token-exchange permission still has policies; None if it is gone, with what it allowed."""
    policies: list[str] = []
    with suppress(NotFound):
        policies = [str(each["name"]) for each in realm.permissions_server().policies_of(permission_id)]
    held = f"the policies {quoted(sorted(policies))} on its token-exchange permission match"
    return (
        _still(realm, client_id, f"tokens may still be exchanged for it by clients that {held}") if policies else None
    )


def _still(realm: Realm, client_id: str, what: str) -> str:
    return sentence("client", client_id, realm.name, what, REMEDY)


def _of(owner: str | None, this: str) -> str:
    if not owner:
        return ""
    return " (which bears this stack's mark)" if same_stack(owner, this) else f" of {texts.named(owner)}"


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
