"""Where a client's secret comes from: the environment, the server, a person; and that each is asked for once."""

from typing import Any

import pytest

from kcadmin.objects.client_secrets import ClientSecrets, own_variable, variable
from kcadmin.rest.errors import Forbidden, Refusal
from tests.unit.fake_token_endpoint import FakeRealm


def test_variable() -> None:
    assert variable("my.api-2/é") == "KEYCLOAK_CLIENT_SECRET_MY_API_2__"


CONFIDENTIAL = {"clientAuthenticatorType": "client-secret"}


@pytest.mark.parametrize(
    ("client", "secret", "read", "typed", "expected"),
    [
        (CONFIDENTIAL, "from-server", True, None, "from-server"),
        (CONFIDENTIAL, "from-server", False, "typed", "typed"),
        (CONFIDENTIAL, "**********", True, "typed", "typed"),
        (CONFIDENTIAL, Forbidden(403, "GET", "/p", "no"), True, "typed", "typed"),
        ({"publicClient": True}, "", False, None, ""),
        (
            CONFIDENTIAL,
            "from-server",
            False,
            None,
            Refusal("its secret is not known; set KEYCLOAK_CLIENT_SECRET_API to it."),
        ),
        (CONFIDENTIAL, "from-server", False, "", Refusal("its secret is not known")),
        (CONFIDENTIAL, "***", True, None, Refusal("the server does not show its secret")),
        ({"clientAuthenticatorType": "client-jwt"}, "x", True, "typed", Refusal("to its private key (PEM).")),
        ({"clientAuthenticatorType": "client-x509"}, "x", True, "typed", Refusal("authenticates by 'client-x509'")),
        (None, "x", True, "typed", Refusal("does not exist")),
    ],
)
def test_where_a_secret_comes_from(
    client: dict[str, Any] | None, secret: str | Exception, read: bool, typed: str | None, expected: str | Refusal
) -> None:
    realm = FakeRealm(clients={"api": client} if client else {}, secret=secret)
    get = ClientSecrets(realm.session, {}, read=read, ask=None if typed is None else lambda what: typed)
    for _ in range(2):
        if isinstance(expected, Refusal):
            with pytest.raises(Refusal) as raised:
                get("r", "api")
            assert str(expected) in str(raised.value)
        else:
            assert get("r", "api") == expected
    assert len(realm.looked_up) <= 2, "looked up again"


def test_the_environment_wins_and_asks_nobody() -> None:
    realm = FakeRealm()
    assert ClientSecrets(realm.session, {"KEYCLOAK_CLIENT_SECRET_API": "env"}, read=True)("r", "api") == "env"
    assert not realm.looked_up


PLACES = [("r", "team1/tool"), ("r", "team1-tool"), ("other", "api"), ("r", "api"), ("r", "alone")]


def test_one_variable_of_several_clients_is_refused_and_each_has_its_own() -> None:
    realm = FakeRealm(clients={name: CONFIDENTIAL for _, name in PLACES})
    shared = {"KEYCLOAK_CLIENT_SECRET_TEAM1_TOOL": "whose?", "KEYCLOAK_CLIENT_SECRET_ALONE": "mine"}
    get = ClientSecrets(realm.session, shared, read=True, among=PLACES)
    slash, hyphen = own_variable("r", "team1/tool"), own_variable("r", "team1-tool")
    with pytest.raises(Refusal) as raised:
        get("r", "team1/tool")
    assert str(raised.value) == (
        "client 'team1/tool' in realm 'r': KEYCLOAK_CLIENT_SECRET_TEAM1_TOOL is set, which is the variable of 'team1-tool' of "
        f"realm 'r' too; set {slash} and {hyphen} in its place."
    )
    assert get("r", "alone") == "mine" and get("r", "api") == get("other", "api") == "from-server"
    own = ClientSecrets(realm.session, {**shared, slash: "one", hyphen: "two"}, read=False, among=PLACES)
    assert [own("r", "team1/tool"), own("r", "team1-tool")] == ["one", "two"]
    with pytest.raises(Refusal, match=f"set {own_variable('other', 'api')} to it"):
        own("other", "api")
    realm.clients = {"team1/tool": {"publicClient": True}}
    assert ClientSecrets(realm.session, shared, read=False, among=PLACES)("r", "team1/tool") == ""
