"""Partial PUTs of a client repeat what some Keycloak would lose; and what Keycloak makes by itself is known."""

from typing import Any

import pytest

from kcadmin.objects.clients import Clients
from kcadmin.objects.realm import Realm
from kcadmin.objects.side_effects import is_default
from tests.support.fake_server import Answer, FakeKeycloak

ALL_ON = {"authorizationServicesEnabled": True, "serviceAccountsEnabled": True, "frontchannelLogout": True}
ACCOUNT = {"serviceAccountsEnabled": True, "defaultClientScopes": ["service_account"]}
NO_SCOPE = {"serviceAccountsEnabled": True, "defaultClientScopes": []}
URIS = {"redirectUris": ["https://a.example/*"]}


@pytest.mark.parametrize(
    ("on", "values", "body"),
    [
        ({}, {"attributes.a": "1"}, {"attributes": {"a": "1"}}),
        ({"serviceAccountsEnabled": False}, {"name": "n"}, {"name": "n"}),
        ({"frontchannelLogout": False}, {"name": "n"}, {"frontchannelLogout": False, "name": "n"}),
        ({**ALL_ON, **ACCOUNT}, {"attributes.a": "1"}, {**ALL_ON, "attributes": {"a": "1"}}),
        ({"frontchannelLogout": True}, {"name": "n"}, {"frontchannelLogout": True, "name": "n"}),
        (
            {**ALL_ON, **ACCOUNT},
            {"authorizationServicesEnabled": False},
            {**ALL_ON, "authorizationServicesEnabled": False},
        ),
        (NO_SCOPE, {"name": "n"}, {"name": "n"}),
        (NO_SCOPE, {"serviceAccountsEnabled": True}, {}),
        (NO_SCOPE, {"serviceAccountsEnabled": False}, {"serviceAccountsEnabled": False}),
        ({**URIS, "webOrigins": []}, {"name": "n"}, {"name": "n", "webOrigins": []}),
        (URIS, {"name": "n"}, {"name": "n", "webOrigins": []}),
        ({**URIS, "webOrigins": ["+"]}, {"name": "n"}, {"name": "n"}),
        ({"redirectUris": [], "webOrigins": []}, {"name": "n"}, {"name": "n"}),
    ],
)
def test_what_a_server_would_change_is_repeated_unless_we_change_it(
    on: dict[str, Any], values: dict[str, Any], body: dict[str, Any]
) -> None:
    server = FakeKeycloak()
    server.add_realm(api=on)
    Clients(server.shared, "r").change(server.uuid("api"), values)
    (put,) = server.asked("^PUT ")
    assert put.body == body


def test_a_server_up_to_26_0_is_told_of_the_service_account() -> None:
    server = FakeKeycloak()
    server.add_realm(api=NO_SCOPE)
    server.interfere(Answer(200, {"features": [{"name": "TOKEN_EXCHANGE", "enabled": True}]}), at="serverinfo")
    clients = Realm(server.shared, "r").clients
    for name in ("n", "m"):
        clients.change(server.uuid("api"), {"name": name})
    assert [put.body for put in server.asked("^PUT ")] == [
        {"name": name, "serviceAccountsEnabled": True} for name in ("n", "m")
    ]
    assert len(server.asked("serverinfo")) == 1


RESOURCE = {"name": "Default Resource", "type": "urn:api:resources:default", "uris": ["/*"], "_id": "1"}
POLICY = {"name": "Default Policy", "type": "js", "logic": "POSITIVE", "config": {"code": "$evaluation.grant();"}}
PERMISSION = {
    "name": "Default Permission",
    "type": "resource",
    "config": {"defaultResourceType": "urn:api:resources:default", "applyPolicies": '["Default Policy"]'},
}


@pytest.mark.parametrize("each", [RESOURCE, POLICY, PERMISSION], ids=lambda each: str(each["name"]))
def test_what_keycloak_makes_by_itself(each: dict[str, Any]) -> None:
    assert is_default(each, "api")
    assert not is_default({**each, "name": "Other"}, "api")


@pytest.mark.parametrize(
    "each",
    [
        {**RESOURCE, "type": "urn:other:resources:default"},
        {**RESOURCE, "uris": ["/*", "/mine"]},
        {**RESOURCE, "scopes": [{"name": "mine"}]},
        {**POLICY, "type": "client"},
        {**POLICY, "logic": "NEGATIVE"},
        {**PERMISSION, "config": {**PERMISSION["config"], "applyPolicies": '["Default Policy","mine"]'}},
        {**PERMISSION, "type": "scope"},
        {"name": "Default Permission"},
    ],
    ids=str,
)
def test_what_others_made_of_it(each: dict[str, Any]) -> None:
    assert not is_default(each, "api")
