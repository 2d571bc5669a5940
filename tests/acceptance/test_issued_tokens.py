"""What SECURITY.md says of tokens that an exchange has given: which end with the grant, the subject token, or the session."""

from typing import Any

from kcadmin.objects.features import LEGACY
from kcadmin.rest.session import path
from tests.acceptance.test_ownership import EXCHANGES
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.realms import PASSWORD, TOKEN_EXCHANGE, TestRealm

TYPES = "urn:ietf:params:oauth:token-type:"


def ask(realm: TestRealm, endpoint: str, client: str, **form: str) -> dict[str, Any]:
    at = path("realms", realm.name, "protocol", "openid-connect", *endpoint.split("/"))
    answer = realm.session.public("POST", at, form={"client_id": client, "client_secret": "s", **form})
    return {} if endpoint == "revoke" else dict(answer.json())


def logged_in(realm: TestRealm) -> str:
    found = ask(
        realm, "token", "frontend", grant_type="password", username=realm.user, password=PASSWORD, scope="openid"
    )
    return str(found["access_token"])


def exchanged(realm: TestRealm, token: str, kind: str = "refresh_token") -> dict[str, Any]:
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": f"{TYPES}access_token"}
    return ask(realm, "token", "api", **form, requested_token_type=f"{TYPES}{kind}")


def is_active(realm: TestRealm, token: str) -> bool:
    return bool(ask(realm, "token/introspect", "api", token=token).get("active"))


def is_renewed(realm: TestRealm, got: dict[str, Any]) -> bool:
    return "access_token" in ask(realm, "token", "api", grant_type="refresh_token", refresh_token=got["refresh_token"])


@EXCHANGES
def test_what_ends_the_tokens_of_an_exchange(make_realm: MakeRealm, exchange: str) -> None:
    realm = make_realm(exchange)
    realm.change("frontend", attributes={"access.token.lifespan": "150"})
    stack = Stack(realm.robot)
    grant = {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "exchange": exchange}
    stack.up({**grant, "allowRefresh": True})
    subject, other, third = (logged_in(realm) for _ in range(3))
    got, plain, kept = exchanged(realm, subject), exchanged(realm, other, "access_token"), exchanged(realm, third)
    assert got["expires_in"] > 150  # the subject token's
    stack.destroy()
    until_it_expires = exchange == LEGACY  # a token of before names the target still, and no permission is asked for
    assert ("access_token" in exchanged(realm, third)) is until_it_expires
    assert "access_token" not in exchanged(realm, logged_in(realm))
    assert is_active(realm, got["access_token"]) and is_renewed(realm, got)
    for token in (subject, other):
        ask(realm, "revoke", "frontend", token=token)
    assert is_renewed(realm, got) is is_active(realm, got["access_token"]) is (exchange == LEGACY)
    assert is_active(realm, plain["access_token"]) and is_active(realm, kept["access_token"])
    user = realm.get("users", username=realm.user, exact="true")[0]["id"]
    realm.session.post(realm.at("users", user, "logout"), None)
    assert not any(is_active(realm, each["access_token"]) for each in (got, plain, kept)) and not is_renewed(
        realm, kept
    )


@EXCHANGES
def test_a_user_who_is_disabled_or_locked_out(make_realm: MakeRealm, exchange: str) -> None:
    """Locked out for a time: only the login is refused."""
    realm = make_realm(exchange)
    Stack(realm.robot).up(
        {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "exchange": exchange}
    )
    token, user = logged_in(realm), realm.get("users", username=realm.user, exact="true")[0]
    protected = {"bruteForceProtected": True, "failureFactor": 1, "waitIncrementSeconds": 600}
    realm.session.put(realm.at(), {**protected, "maxFailureWaitSeconds": 900})
    for password in ("wrong", PASSWORD):
        refused = ask(realm, "token", "frontend", grant_type="password", username=realm.user, password=password)
        assert "access_token" not in refused and realm.is_locked()
    assert "access_token" in exchanged(realm, token, "access_token")
    realm.session.put(realm.at("users", user["id"]), {**user, "enabled": False})
    assert exchanged(realm, token, "access_token").get("error_description") == "Invalid token"
