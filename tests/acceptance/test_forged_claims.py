"""Notes that a client's owner forges on it: nothing is written on their word beyond the setting that is given back."""

import json
from typing import Any

import pytest
import requests

from exchange.release.release import find, take_away
from kcadmin.authz.management_permissions import KIND as MANAGEMENT
from kcadmin.authz.noted_strategy import STRATEGY
from kcadmin.objects.claims import Kind, adopted_kind, claim_key
from kcadmin.objects.features import SWITCH_CLAIM
from kcadmin.rest.errors import Refusal
from kcadmin.rest.session import session_for
from providers.audience_mapper import AudienceMapperProvider
from providers.full_scope_off import FullScopeOffProvider
from providers.standard_token_exchange import StandardTokenExchangeProvider
from providers.token_lifespan import TokenLifespanProvider
from tests.acceptance.test_ownership import EXCHANGES, grant
from tests.support.engine import forget, forget_warnings
from tests.support.in_process import Killed, Stack, interrupted
from tests.support.realms import TestRealm
from tests.support.registered import RegisteredClient
from tests.support.renewed import renewed_realm
from tests.support.robots import robot_engine

OWNER, RENAMED = "org/project/stack", "org/project/renamed"
MAPPER = {
    "name": "evil",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {"included.client.audience": "billing", "access.token.claim": "true"},
}
EVIL = {
    "protocolMappers": [MAPPER],
    "redirectUris": ["https://evil.example/*"],
    "description": "written with the robot's rights",
    "fullScopeAllowed": True,
    "attributes.evil": "true",
}
KINDS = (
    SWITCH_CLAIM,
    MANAGEMENT,
    STRATEGY,
    FullScopeOffProvider.KIND,
    TokenLifespanProvider.KIND,
    Kind("refresh-tokens"),
    Kind("authorization-services"),
)


realm = renewed_realm("standard")
legacy_realm = renewed_realm("legacy")


def forged() -> dict[str, str]:
    """Claims of every kind: under a key that does not fit, of another owner, and in the place of our own."""
    found = {"pulumi.claim.no-json": "[" * 1000, "pulumi.claim.": '{"kind":"standard-exchange"}'}
    for number, kind in enumerate(KINDS):
        for owner, key in (
            ("x", f"pulumi.claim.{number:016x}"),
            ("x", claim_key("x", kind)),
            (OWNER, claim_key(OWNER, kind)),
            (f"{OWNER}#g", claim_key(f"{OWNER}#g", kind)),
            (RENAMED, claim_key(RENAMED, kind)),
        ):
            found[key] = json.dumps({"owner": owner, "kind": str(kind), "set": EVIL, "was": EVIL})
    return found


def but_for_claims(realm: TestRealm, client_id: str) -> Any:
    """A client without what it may note; the switch and the mapper of a grant are looked at apart."""
    client = realm.client(client_id)
    attributes = {key: value for key, value in client["attributes"].items() if not key.startswith("pulumi.claim.")}
    passing = ("client.secret.creation.time", "realm_client")
    kept = {key: value for key, value in attributes.items() if key not in passing}
    return {**client, "attributes": kept, "protocolMappers": client.get("protocolMappers") or []}


@EXCHANGES
def test_a_forged_claim_writes_nothing(
    legacy_realm: TestRealm, exchange: str, caplog: pytest.LogCaptureFixture
) -> None:
    """At an ``up`` after a kill, an update under another owner, the removal of one of two grants, and ``destroy``."""
    realm, stack = legacy_realm, Stack(legacy_realm.robot)
    partner = RegisteredClient(realm, "partner", directAccessGrantsEnabled=True, redirectUris=["http://localhost/*"])
    with pytest.raises(requests.HTTPError, match="403"):  # what the owner of a client may not do by himself
        partner.write(protocolMappers=[MAPPER])
    before, mappers = but_for_claims(realm, "partner"), realm.client("frontend").get("protocolMappers")
    to_partner, other = grant(realm, exchange, target="partner"), grant(realm, exchange, name="h")

    def forge() -> None:
        partner.write(attributes=forged())
        forget_warnings()
        caplog.clear()

    def untouched() -> None:
        now = but_for_claims(realm, "partner")
        kept = ("redirectUris", "fullScopeAllowed", "webOrigins")
        assert {key: now[key] for key in kept} == {key: before[key] for key in kept}
        assert now.get("description") == before.get("description") and "evil" not in str(now)
        told = [each for each in caplog.messages if "'partner'" in each and "holds no claim" in each]
        assert 1 <= len(told) <= 1 + len(KINDS), "one of a kind, and one for what has none"

    with pytest.raises(Killed), interrupted(1, after=True):
        stack.up(to_partner, other)
    for owner in (OWNER, RENAMED):
        forge()
        stack.owner = owner
        stack.up(to_partner, other)
        untouched()
    forge()
    stack.up(other)
    untouched()
    after = but_for_claims(realm, "partner")
    # A switch that nobody is known to have switched on stays on: that is the most that a forged claim does.
    after["attributes"].pop("standard.token.exchange.enabled", None)
    assert after == before
    stack.destroy()
    assert realm.client("frontend").get("protocolMappers") == mappers


@pytest.mark.standard_exchange
def test_a_claim_that_fits_keeps_the_switch_on_and_that_is_told(realm: TestRealm) -> None:
    partner = RegisteredClient(realm, "partner")
    stack = Stack(realm.robot)
    stack.up(grant(realm, target="partner"))
    set_ = {"attributes.standard.token.exchange.enabled": "true"}
    text = json.dumps({"owner": "x", "kind": str(SWITCH_CLAIM), "set": set_, "was": {}})
    partner.write(attributes={claim_key("x", SWITCH_CLAIM): text})
    stack.destroy()
    assert realm.client("partner")["attributes"]["standard.token.exchange.enabled"] == "true"


@pytest.mark.standard_exchange
def test_a_claim_that_fits_and_wants_another_value_is_named_with_the_way_to_remove_it(realm: TestRealm) -> None:
    partner = RegisteredClient(realm, "partner")
    key = claim_key("x", SWITCH_CLAIM)
    set_ = {"attributes.standard.token.exchange.enableRefreshRequestedTokenType": "SAME_SESSION"}
    partner.write(attributes={key: json.dumps({"owner": "x", "kind": str(SWITCH_CLAIM), "set": set_, "was": {}})})
    engine = robot_engine(StandardTokenExchangeProvider, realm)
    way = "`python -m exchange release --owner x` shows what that owner left here, and removes it"
    with pytest.raises(Refusal, match=f"by 'x', wanted is None; agree on one value; if .* no longer uses .*, {way}"):
        engine.up(realm=realm.name, client_id="partner")
    forget()
    session = session_for(realm.connection)
    assert not [each for each in take_away(session, find(session, realm.name, "x")) if each.stays or each.fault]
    assert key not in realm.client("partner")["attributes"]
    forget()
    assert engine.up(realm=realm.name, client_id="partner") == "create"


NOTED = {
    "name": "audience",
    "included_client": "api",
    "custom_audience": None,
    "access_token": True,
    "id_token": True,
    "introspection": True,
    "stored": [["included.client.audience", "api"], ["id.token.claim", "true"]],
}
BILLING = {"included_client": "billing", "stored": [["included.client.audience", "billing"]]}


@pytest.mark.standard_exchange
@pytest.mark.parametrize(
    "was",
    [{**NOTED, **BILLING}, {**NOTED, "stored": BILLING["stored"]}, {**NOTED, "nosuch": 1}, {**NOTED, "name": 5}, {}],
    ids=["audience", "stored", "unknown", "type", "nothing"],
)
def test_an_adopted_mapper_is_given_back_by_the_state(realm: TestRealm, was: dict[str, Any]) -> None:
    realm.mapper("frontend", "audience", "api", **{"id.token.claim": "true"})
    before = realm.export()
    wanted = {"realm": realm.name, "client_id": "frontend", "name": "audience", "included_client": "api", "adopt": True}
    engine = robot_engine(AudienceMapperProvider, realm)
    engine.up(**wanted)
    owner, kind = str(engine.outputs["owner"]), adopted_kind(str(engine.id))
    text = json.dumps({"owner": owner, "kind": str(kind), "set": {}, "was": was})
    realm.change("frontend", attributes={claim_key(owner, kind): text})
    forget()
    if "nosuch" in was:
        engine.up(**wanted, owner=RENAMED)
        forget()
    engine.destroy()
    assert realm.export() == before


@pytest.mark.standard_exchange
@pytest.mark.parametrize(
    "was", [{**NOTED, **BILLING}, {**NOTED, "stored": BILLING["stored"]}], ids=["audience", "stored"]
)
def test_without_a_state_no_note_brings_another_audience(realm: TestRealm, was: dict[str, Any]) -> None:
    """As after a killed run: who adopts is refused, who does not has made the mapper, and deletes it."""
    wanted = {"realm": realm.name, "client_id": "frontend", "name": "audience", "included_client": "api"}
    before = realm.export()
    engine = robot_engine(AudienceMapperProvider, realm)
    engine.up(**wanted)
    owner, kind = str(engine.outputs["owner"]), adopted_kind(str(engine.id))
    text = json.dumps({"owner": owner, "kind": str(kind), "set": {}, "was": was})
    realm.change("frontend", attributes={claim_key(owner, kind): text})
    forget()
    again = robot_engine(AudienceMapperProvider, realm)
    with pytest.raises(
        Refusal, match=f"the attribute {claim_key(owner, kind)} of client 'frontend', which others may write"
    ):
        again.up(**wanted, adopt=True)
    forget()
    again.up(**wanted)
    assert again.outputs["found"] == "created"
    again.destroy()
    assert realm.export() == before
