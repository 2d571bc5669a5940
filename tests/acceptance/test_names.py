"""Names that need quoting somewhere, and the longest ones, on the real server."""

import pytest

from providers.audience_mapper import AudienceMapperProvider
from providers.authorization_scope import AuthorizationScopeProvider
from providers.client_policy import ClientPolicyProvider
from tests.support.engine import Engine, Refused, forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

NAMES = ["a/b", "100%", 'say "x"', "why?", "#1", "..", "a b&c=d", "größe→目標", "x" * 255]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_objects_of_any_name(realm: TestRealm, name: str) -> None:
    realm.change("api", authorizationServicesEnabled=True, serviceAccountsEnabled=True)
    before = realm.export()
    place = {"realm": realm.name, "resource_server": "api"}
    objects = [
        (
            Engine(AudienceMapperProvider, realm.connection),
            {"realm": realm.name, "client_id": "frontend", "name": name, "included_client": "api"},
        ),
        (Engine(ClientPolicyProvider, realm.connection), {**place, "name": name, "clients": ["frontend"]}),
        (Engine(AuthorizationScopeProvider, realm.connection), {**place, "name": f"{name[:250]}!"}),
    ]
    for engine, args in objects:
        assert engine.up(**args) == "create"
        forget()
        assert engine.refresh() and engine.up(**args) == "same"
    for engine, _ in objects:
        engine.destroy()
    assert realm.export() == before


def test_one_character_too_many_is_refused_by_us(realm: TestRealm) -> None:
    with pytest.raises(Refused, match="name has 256 characters; give it 1 to 255"):
        Engine(AudienceMapperProvider, realm.connection).up(
            realm=realm.name, client_id="frontend", name="x" * 256, included_client="api"
        )


@pytest.mark.parametrize("name", ["team/shop", "größe 100%", "y" * 255], ids=["slash", "unicode", "long"])
def test_grants_of_clients_of_any_name(legacy_realm: TestRealm, name: str) -> None:
    realm = legacy_realm
    realm.add_client(name)
    before = realm.export()
    for exchange in ("standard", "legacy"):
        stack = Stack(realm.connection)
        stack.up(
            {
                "name": "g",
                "realm": realm.name,
                "exchange": exchange,
                "sources": ["frontend"],
                "target": name,
                "flows": ["recipient", "requester"],
            }
        )
        token = realm.user_token("frontend")
        assert name in realm.exchange(name, token)["aud"]
        assert name in realm.exchange("frontend", token, name)["aud"]
        stack.destroy()
        assert realm.export_but_for_permissions() == realm.without_permissions(before)
