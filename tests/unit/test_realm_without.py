"""A realm without what an owner left: only that, and what was adopted as it was."""

import json
from dataclasses import replace
from typing import Any

from exchange.release.realm_without import policies_given_back, without
from kcadmin.objects.claims import claim_key
from kcadmin.objects.clients import Client
from kcadmin.objects.features import Features
from reach.leftovers import Leftover, LeftoverKind
from reach.survey import Permission, Survey

GONE = "gone#g"
CONFIG = {"included.client.audience": "api", "access.token.claim": "true", "pulumi.owner": GONE}
MAPPER = {"id": "m", "name": "to-api", "protocolMapper": "oidc-audience-mapper", "config": CONFIG}


def read(attributes: dict[str, str]) -> Survey:
    web = Client("1", "web", {"clientId": "web", "attributes": attributes}, (MAPPER,))
    policies = {"p": {"name": "p", "type": "client"}, "q": {"name": "q", "type": "client"}}
    held = {"web": Permission("web", "AFFIRMATIVE", ("p", "q"))}
    return Survey("r", Features(True, True, True), {"web": web}, {}, policies, held, (), ())


def note(**was: Any) -> dict[str, str]:
    before = {"name": "to-api", "custom_audience": None, "id_token": False, "introspection": True, **was}
    kind = "adopted:of-the-original"
    return {claim_key(GONE, kind): json.dumps({"owner": GONE, "kind": kind, "set": {}, "was": before})}


def test_a_policy_of_another_resource_server_keeps_its_namesake() -> None:
    left = [Leftover(LeftoverKind.POLICY, client, "p", GONE) for client in ("web", "realm-management")]
    assert set(without(read({}), left[:1]).policies) == {"p", "q"}
    assert without(read({}), left[:1]).permissions["web"].policies == ("p", "q")
    assert set(without(read({}), left).policies) == {"q"}


def test_an_adopted_mapper_stays_as_it_was() -> None:
    left = [Leftover(LeftoverKind.MAPPER, "web", "to-api", GONE, "m")]
    assert without(read({}), left).clients["web"].mappers == ()
    for on in (True, False):
        (kept,) = without(read(note(included_client="api", access_token=on)), left).clients["web"].mappers
        assert kept["config"].get("access.token.claim") == str(on).lower()
    (refused,) = without(read(note(included_client="admin-api", access_token=True)), left).clients["web"].mappers
    assert refused == MAPPER  # so it stays, which the release says


def test_a_hardcoded_claim_mapper_goes_too() -> None:
    """Whoever may write the client can give one that names a client the owner's mark: then its exchange ends with it."""
    config = {"claim.name": "aud", "claim.value": "api", "access.token.claim": "true", "pulumi.owner": GONE}
    mapper = {"id": "c", "name": "n", "protocolMapper": "oidc-hardcoded-claim-mapper", "config": config}
    left = [Leftover(LeftoverKind.CLAIM_MAPPER, "web", "n", GONE, "c")]
    found = read({})
    web = replace(found.clients["web"], mappers=(MAPPER, mapper))
    assert without(replace(found, clients={"web": web}), left).clients["web"].mappers == (MAPPER,)


def test_an_adopted_policy_is_given_back_and_not_taken_away() -> None:
    read_, kind = read({}), "adopted:of-the-original"
    was = {"name": "p", "description": "", "logic": "POSITIVE", "clients": ["1", "gone"]}
    text = json.dumps({"owner": GONE, "kind": kind, "set": {}, "was": was})
    holder = Client("2", "realm-management", {"attributes": {claim_key(GONE, kind): text}})
    found = replace(read_, clients={**read_.clients, "realm-management": holder})
    left = [Leftover(LeftoverKind.POLICY, "realm-management", each, GONE, type="client") for each in "pq"]
    then = without(found, left)
    assert json.loads(then.policies["p"]["config"]["clients"]) == ["web"]
    assert "q" not in then.policies and then.permissions["web"].policies == ("p",)
    other = [replace(left[0], type="role")]
    assert policies_given_back(found, other) == {}  # a note of another type is none
