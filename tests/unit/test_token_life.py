"""When no token is left that was issued before a change, whatever issued it."""

from typing import Any

import pytest

from kcadmin.objects.clients import Client
from kcadmin.objects.lifespans import access_token_lifespan, longest_token_life
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Forbidden, HttpError, KeycloakError, UnexpectedAnswer, Unreachable

REALM = {
    "accessTokenLifespan": 300,
    "accessTokenLifespanForImplicitFlow": 900,
    "ssoSessionMaxLifespan": 36000,
    "ssoSessionMaxLifespanRememberMe": 72000,
}


class Server:
    """A realm's settings, as far as the login sees them; None refuses."""

    def __init__(self, settings: dict[str, Any] | None) -> None:
        self.settings = settings

    def get(self, at: str) -> dict[str, Any]:
        assert at == "/admin/realms/r"
        if self.settings is None:
            raise Forbidden(403, "GET", at, "no")
        return self.settings


def own(lifespan: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"access.token.lifespan": lifespan}, **fields}


@pytest.mark.parametrize(
    ("settings", "client", "seconds"),
    [
        (REALM, {}, 300),
        (REALM, own("60"), 60),
        (REALM, own("-1"), 72000),  # until the longest session ends
        (REALM, {"implicitFlowEnabled": True}, 900),
        (REALM, own("1200", implicitFlowEnabled=True), 1200),
        ({}, own("60"), 60),
        ({}, {}, None),  # a login without view-realm sees a realm without its settings
        ({}, own("-1"), None),
        ({}, own("60", implicitFlowEnabled=True), None),
        (None, own("60"), 60),
        (None, {}, None),
    ],
    ids=str,
)
def test_the_longest_life_of_a_token(
    settings: dict[str, Any] | None, client: dict[str, Any], seconds: int | None
) -> None:
    realm = Realm(Server(settings), "r")  # type: ignore[arg-type]
    assert longest_token_life(realm, Client("u", "web", client)) == seconds


@pytest.mark.parametrize(
    "problem", [Unreachable("no answer"), UnexpectedAnswer(403, "a page"), HttpError(500, "GET", "/", "x")]
)
def test_a_life_that_cannot_be_read_is_not_one_that_nobody_may_see(problem: KeycloakError) -> None:
    class Silent:
        def get(self, at: str) -> None:
            raise problem

    realm = Realm(Silent(), "r")  # type: ignore[arg-type]
    for ask in (longest_token_life, access_token_lifespan):
        with pytest.raises(KeycloakError, match=str(problem)):
            ask(realm, Client("u", "web", {}))
