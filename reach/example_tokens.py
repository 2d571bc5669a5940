"""Tokens as Keycloak would make them for a user, without a login. An example is not a valid token.

https://www.keycloak.org/docs/latest/server_admin/#_client_scopes_evaluate
"""

from collections.abc import Mapping
from typing import Any

from kcadmin.objects.clients import Client
from kcadmin.objects.events import NOT_AVAILABLE
from kcadmin.objects.near_names import near_users
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import SERVER_ERROR, Forbidden, HttpError, NotFound, Refusal, TokenRefused, sentence
from kcadmin.rest.texts import named
from reach.readable_claims import claim_rules, unread_claims
from reach.verdict import Claims


class NoExample(Refusal):
    """Keycloak makes no example of the token, although an exchange may issue it."""


class FailedExample(Refusal):
    """Keycloak fails at an example of a client's token, as it does at a mapper that lacks a setting."""


def user_named(realm: Realm, username: str) -> Mapping[str, Any]:
    """A user, by the exact name. :raises Refusal: there is none, or the login may not read it."""
    try:
        found = realm.users_named(username)
    except Forbidden:
        raise no_access(realm, username) from None
    if not found:
        wrong = "does not exist, or this login may not read it"
        raise Refusal(
            sentence(
                "user",
                username,
                realm.name,
                wrong,
                f"correct it, or give the login the role view-users{near_users(realm, username)}",
            )
        )
    return found[0]


def example_token(
    realm: Realm, client: Client, user: str, *, scope: str | None = None, audience: str | None = None
) -> Claims:
    """What a token of a client would say for a user. user: an id; scope: asked for beside the default ones.

    :raises Forbidden: the login may not read users. :raises TokenRefused: the token would not name the audience.
    :raises NoExample: Keycloak cannot be asked for that audience. :raises FailedExample: it fails.
    """
    at = realm.clients.path(client.uuid, "evaluate-scopes", "generate-example-access-token")
    if any(sign.isspace() for sign in audience or ""):  # this endpoint reads each word of it as a client
        raise NoExample(
            f"the exchanged token: Keycloak makes no example of it for {named(audience)}, a client id with a blank"
        )
    asked = {"audience": audience} if audience else {}
    try:
        told = realm.session.get(at, userId=user, scope=scope or "", **asked)
        return Claims.read(told, unread_claims(told, claim_rules(realm.features())))
    except HttpError as problem:
        if problem.status == SERVER_ERROR:
            raise FailedExample(
                f"Keycloak makes tokens of {named(client.client_id)}: it fails (500) at an example"
            ) from None
        if not isinstance(problem, NotFound) or NOT_AVAILABLE not in problem.message:
            raise
        raise TokenRefused(400, "invalid_request", f"{NOT_AVAILABLE}: {audience}") from None


def no_access(realm: Realm, username: str) -> Refusal:
    """That the login may not read a user."""
    remedy = "give it the role view-users, or leave --as-user out"
    return Refusal(sentence("user", username, realm.name, "cannot be read by this login (403)", remedy))
