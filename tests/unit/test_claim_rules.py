"""Which claims a version of Keycloak cannot read, as each was tried; and what counts where the login may not see the version."""

from typing import Any

import pytest

from kcadmin.objects.features import STANDARD_FEATURE, Features
from reach.readable_claims import claim_rules, may_fail, may_spoil, unread_claims
from tests.support.mapper_kinds import kind

VERSIONS = ((24, 0, 5), (26, 0, 8), (26, 2, 5), (26, 4, 0), (26, 5, 6), (26, 7, 0), (26, 7, 3), (26, 7, 5))
READ = {  # by claim and value, in which of these versions
    ("address", '"x"'): "....1111",
    ("address", '{"country": {}}'): "....1111",
    ("address", '{"country": "x"}'): "11111111",
    ("authorization_details", '"x"'): "11111...",
    ("otherClaims", '"x"'): "111.....",
    ("sid", "null"): "11......",
    ("resource_access.api", '"x"'): "......11",
    ("resource_access", '{"a": 1}'): "........",
    ("nbf", '"x"'): "........",
}
BINDS = ".....111"


def features(version: tuple[int, ...] | None, *unknown: str) -> Features:
    return Features(True, True, True, unknown, version=version)


def fixed(claim: str, value: str) -> dict[str, Any]:
    made = kind("oidc-hardcoded-claim-mapper", claim_name=claim, claim_value=value)
    return {**made, "config": {**made["config"], "jsonType.label": "JSON"}}


@pytest.mark.parametrize(("claim", "value"), READ)
def test_what_a_version_reads(claim: str, value: str) -> None:
    mapper = fixed(claim, value)
    spoils = [may_spoil(mapper, claim_rules(features(each))) for each in VERSIONS]
    assert "".join(".1"[not each] for each in spoils) == READ[claim, value]
    assert may_fail(mapper) or not any(spoils), "it is looked at, whatever the version"


def test_which_version_heeds_a_key() -> None:
    assert "".join(".1"[claim_rules(features(each)).binds] for each in VERSIONS) == BINDS


def test_keycloaks_own_mapper_of_roles_spoils_nothing() -> None:
    name = "resource_access.${client_id}.roles"
    mapper = kind("oidc-usermodel-client-role-mapper", claim_name=name, multivalued="true", jsonType_label="String")
    assert not may_fail(mapper)


def test_a_version_that_the_login_may_not_see() -> None:
    """It is a new one, unless it lacks the standard exchange."""
    new, old = claim_rules(features(None)), claim_rules(features(None, STANDARD_FEATURE))
    assert new is claim_rules(features((999,))) and old is claim_rules(features((24, 0)))
    example = {"address": "x", "otherClaims": "x", "sub": {}}
    assert (unread_claims(example, new), unread_claims(example, old)) == (("otherClaims",), ("address",))
