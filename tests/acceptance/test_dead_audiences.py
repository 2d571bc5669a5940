"""Mappers that name a disabled client, or none at all: their names in tokens, and that nobody exchanges by them."""

import itertools

import jwt
import pytest

from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from kcadmin.objects.features import read_features
from kcadmin.objects.realm import realm_for
from kcadmin.rest.errors import TokenRefused
from kcadmin.rest.session import Session
from local import keycloak
from reach.among_clients import reach_among_clients
from reach.example_tokens import example_token, user_named
from reach.verdict import REQUESTER, Case
from tests.conftest import MakeRealm
from tests.support.realms import TestRealm

LEFT_OUT_SINCE = (26, 7, 5)
"""The version whose tokens leave such a name out. The custom audience stays, which may be any text."""
ON = {"standard.token.exchange.enabled": "true"}
CLIENTS = ("frontend", "api", "off")


@pytest.mark.standard_exchange
def test_names_of_clients_that_are_not_there(make_realm: MakeRealm) -> None:
    realm = make_realm("standard", **{name: {"attributes": ON} for name in CLIENTS})
    for holder, name in itertools.product(("frontend", "api"), ("api", "off", "ghost")):
        realm.mapper(holder, f"to-{name}", name)
    realm.mapper("frontend", "custom", "", **{"included.custom.audience": "a text"})
    realm.change("off", enabled=False)
    version = realm.session.get("/admin/serverinfo")["systemInfo"][
        "version"
    ]  # of a kept server it may be another than ours
    dead = {"off", "ghost"} if keycloak.number(version) < LEFT_OUT_SINCE else set[str]()
    token = realm.user_token("frontend")
    assert audience_of(token) == {"api", "a text", *dead}

    view = realm_for(Session(realm.connection), realm.name)
    source = view.clients.find("frontend")
    assert source is not None
    predicted = example_token(view, source, str(user_named(view, realm.user)["id"]))
    assert set(predicted.aud) == {"api", "a text", *dead}
    reach = reach_among_clients(view, read_features(view.session), CLIENTS).reach
    for requester, audience in itertools.product(("frontend", "api"), (None, "off", "ghost")):
        assert reach.verdict(requester, "frontend", audience).allowed == exchanges(realm, requester, token, audience)
    for requester in ("frontend", "api"):
        case = Case("g", realm.name, "standard", REQUESTER, "frontend", requester, "off", "off")
        diagnosis = Doctor(AnswerCache(realm.session), Asked(as_user=realm.user)).examine([case])[0]
        assert [each.cause for each in diagnosis.findings] == ["target-disabled"]
    assert not reach.verdict("off", "frontend", None).allowed and not exchanges(realm, "off", token, None)

    realm.add_client("ghost", attributes=ON)
    realm.change("off", enabled=True)
    assert audience_of(realm.user_token("frontend")) == {"api", "a text", "off", "ghost"}
    earlier = {name: exchanges(realm, name, token, None) for name in ("off", "ghost")}
    assert earlier == dict.fromkeys(earlier, bool(dead)), "what an earlier token does not name may not exchange it"
    assert exchanges(realm, "ghost", realm.user_token("frontend"), None)


def audience_of(token: str) -> set[str]:
    found = jwt.decode(token, options={"verify_signature": False})["aud"]
    return {found} if isinstance(found, str) else set(found)


def exchanges(realm: TestRealm, requester: str, token: str, audience: str | None) -> bool:
    try:
        realm.exchange(requester, token, audience)
    except TokenRefused:
        return False
    return True
