"""Hardcoded claims in real tokens: what is declared is in them, what opens a gate is refused, and all goes as it came."""

from collections.abc import Iterator
from typing import Any

import pytest

from exchange.release.removal import release_all
from kcadmin.objects.realm import realm_for
from kcadmin.rest.errors import Refusal
from kcadmin.rest.issuers import claims_of
from kcadmin.rest.session import session_for
from providers.hardcoded_claim_mapper import HardcodedClaimMapperProvider
from reach.gate_claims import gate_claim
from reach.leftovers import LeftoverKind, leftovers
from reach.survey import survey
from tests.conftest import MakeRealm
from tests.support.engine import Engine, Refused, forget
from tests.support.mapper_kinds import kind
from tests.support.realms import TestRealm
from tests.support.robots import robot_engine

MAPPER = "oidc-hardcoded-claim-mapper"
ARGS = {"client_id": "web", "name": "tenant", "claim_name": "tenant", "claim_value": "blue"}


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    return make_module_realm("standard", web={}, api={})


@pytest.fixture
def realm(home: TestRealm) -> Iterator[TestRealm]:
    before = home.export()
    yield home
    for each in home.client("web").get("protocolMappers") or ():
        home.delete_mapper("web", each["name"])
    assert home.export() == before


@pytest.fixture
def engine(realm: TestRealm) -> Engine:
    return robot_engine(HardcodedClaimMapperProvider, realm)


def at(realm: TestRealm, *segments: str) -> str:
    return realm.at("clients", realm.uuid("web"), "protocol-mappers", "models", *segments)


def made_by_hand(realm: TestRealm, name: str, **config: str) -> None:
    realm.session.post(at(realm), {"name": name, **kind(MAPPER, jsonType_label="String", **config)})


def claims(realm: TestRealm) -> dict[str, Any]:
    """Of an access token that Keycloak issues now."""
    return claims_of(realm.user_token("web"))


def test_its_life(realm: TestRealm, engine: Engine) -> None:
    before, args = realm.export(), {"realm": realm.name, **ARGS}
    assert engine.up(**args) == "create" and claims(realm)["tenant"] == "blue"
    forget()
    assert engine.refresh() and engine.up(**args) == "same"
    assert {key: engine.outputs[key] for key in args} == args
    number = {**args, "claim_name": "shop.number", "claim_value": "7", "json_type": "int"}
    assert engine.up(**number) == "update" and claims(realm)["shop"] == {"number": 7}
    forget()
    assert engine.refresh() and engine.up(**number) == "same"
    mapper = realm.session.get(at(realm, str(engine.id)))
    realm.session.put(at(realm, str(engine.id)), {**mapper, "config": {**mapper["config"], "claim.value": "8"}})
    forget()
    assert engine.refresh() and engine.outputs["claim_value"] == "8"
    assert engine.up(**number) == "update" and claims(realm)["shop"] == {"number": 7}
    realm.session.delete(at(realm, str(engine.id)))
    forget()
    assert not engine.refresh()
    assert engine.up(**number) == "create"
    assert engine.up(**{**number, "access_token": False, "id_token": True}) == "update" and "shop" not in claims(realm)
    assert engine.up(**{**number, "name": "other"}) == "replace"
    engine.destroy()
    assert realm.export() == before


@pytest.mark.parametrize(
    "config", [{"access_tokenResponse_claim": "true", "more": "kept"}, {"userinfo_token_claim": "true"}]
)
def test_one_of_others_is_refused_or_adopted_and_given_back_exactly(
    realm: TestRealm, engine: Engine, config: dict[str, str]
) -> None:
    made_by_hand(realm, "tenant", claim_name="tenant", claim_value="red", **config)
    before, args = realm.export(), {"realm": realm.name, **ARGS}
    with pytest.raises(Refusal, match="exists already and differs, claim_value is 'red' instead of 'blue'"):
        engine.up(**args)
    assert realm.export() == before
    forget()
    assert engine.up(**args, adopt=True) == "create" and claims(realm)["tenant"] == "blue"
    forget()
    assert engine.refresh() and engine.up(**args, adopt=True) == "same"
    engine.destroy()
    assert realm.export() == before and claims(realm)["tenant"] == "red"


@pytest.mark.parametrize("name", ["aud", "aud.", "a\\ud", "azp", "azp."])
def test_a_claim_that_really_opens_a_gate_is_refused(realm: TestRealm, engine: Engine, name: str) -> None:
    """The mapper works, made by hand: Keycloak reads each of these names so."""
    made_by_hand(realm, "by hand", claim_name=name, claim_value="api")
    opened = gate_claim(name)
    assert opened and "api" in claims(realm)[opened[0]]
    with pytest.raises(Refused, match=f"and '{opened[0]}' decides .*; choose a claim that decides nothing"):
        engine.up(**{"realm": realm.name, **ARGS, "claim_name": name, "claim_value": "api"})


def test_one_that_its_owner_left_goes_by_release(realm: TestRealm, engine: Engine) -> None:
    before = realm.export()
    engine.up(realm=realm.name, **ARGS)
    forget()
    found = realm_for(session_for(realm.connection), realm.name)
    left = leftovers(survey(session_for(realm.connection), realm.name), {})
    assert [each.what for each in left] == [LeftoverKind.CLAIM_MAPPER]
    assert [each.stays for each in release_all(found, left)] == [""]
    assert realm.export() == before
