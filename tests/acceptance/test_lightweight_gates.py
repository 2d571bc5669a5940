"""Client policies that make a source's tokens lightweight: a mapper that acts on these alone is a way past a condition."""

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from reach.allowed import realm_reach
from reach.reasons import Reasoning, always
from reach.roles import survey_roles
from reach.survey import survey
from tests.acceptance.test_open_gates import AUDIENCE, OTHER, OWNER, add, grant, passes
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

EXECUTOR = "use-lightweight-access-token"
ANY = {"condition": "any-client", "configuration": {}}
LIGHT_ONLY = {"access.token.claim": "false", "lightweight.claim": "true"}
pytestmark = pytest.mark.standard_exchange


def of_type(kind: str) -> dict[str, Any]:
    return {"condition": "client-access-type", "configuration": {"type": [kind]}}


@pytest.fixture(scope="module")
def home(make_module_realm: MakeRealm) -> TestRealm:
    realm = make_module_realm("standard", web={}, api={})
    realm.add_user(OTHER)
    realm.add_role("vip", realm.user)
    executors = [{"executor": EXECUTOR, "configuration": {}}]
    realm.session.put(
        realm.at("client-policies", "profiles"), {"profiles": [{"name": "light", "executors": executors}]}
    )
    return realm


@pytest.fixture
def realm(home: TestRealm) -> Iterator[TestRealm]:
    yield home
    set_policy(home)
    home.delete_mapper("web", "theirs")


def set_policy(realm: TestRealm, *conditions: dict[str, Any], enabled: bool = True) -> None:
    policy = {"name": "lighten", "enabled": enabled, "conditions": conditions, "profiles": ["light"]}
    realm.session.put(realm.at("client-policies", "policies"), {"policies": [policy] if conditions else []})


ITS_TYPE = pytest.param(of_type("confidential"), id="its type", marks=pytest.mark.exchange_guards)
"""Older servers do not heed that condition at a login."""


@pytest.mark.parametrize("condition", [pytest.param(ANY, id="any client"), ITS_TYPE])
def test_a_mapper_of_lightweight_tokens_alone_is_a_way_past_the_condition(
    realm: TestRealm, condition: dict[str, Any]
) -> None:
    add(realm, "web", AUDIENCE, **LIGHT_ONLY)
    set_policy(realm, condition)
    by = "by the audience mapper 'theirs' of 'web', where client policy 'lighten' makes the token lightweight; take these away"
    with pytest.raises(pulumi.RunError, match=f"without the required roles: {by}"):
        Stack(realm.robot, OWNER).up(grant(realm, requiredRoles=["vip"]))
    hidden = (
        r"client policies, which this login may not read \(role view-realm\), makes the token lightweight; take these"
    )
    with pytest.raises(pulumi.RunError, match=f"without asking for the scope: .*{hidden}"):
        Stack(realm.robot, OWNER).up(grant(realm, audience="optionalScope"))
    realm.change(
        "api", attributes={"standard.token.exchange.enabled": "true"}
    )  # what the refused grant would have done
    try:
        assert passes(realm, OTHER)
        verdict = said(realm)
        assert verdict.allowed and not always(verdict.source_ways)
    finally:
        realm.change("api", attributes={"standard.token.exchange.enabled": None})


@pytest.mark.parametrize(
    ("condition", "enabled"), [(of_type("public"), True), (ANY, False)], ids=["another type", "disabled"]
)
def test_a_policy_that_never_holds_closes_no_gate(realm: TestRealm, condition: dict[str, Any], enabled: bool) -> None:
    add(realm, "web", AUDIENCE, **LIGHT_ONLY)
    set_policy(realm, condition, enabled=enabled)
    stack = Stack(realm.robot, OWNER)
    stack.up(grant(realm, requiredRoles=["vip"]))
    try:
        assert passes(realm, realm.user) and not passes(realm, OTHER)
    finally:
        stack.destroy()


def test_the_graph_knows_what_such_a_policy_takes_out_of_tokens(realm: TestRealm) -> None:
    add(realm, "web", AUDIENCE, **{"access.token.claim": "true", "lightweight.claim": "false"})
    realm.change("api", attributes={"standard.token.exchange.enabled": "true"})
    assert passes(realm, OTHER) and said(realm).conditions == ()
    set_policy(realm, ANY)
    assert not passes(realm, OTHER)
    assert said(realm).conditions == ("client policy 'lighten' does not make the token lightweight",)
    realm.change("api", attributes={"standard.token.exchange.enabled": None})


def said(realm: TestRealm) -> Reasoning:
    found = survey(realm.session, realm.name)
    return realm_reach(found, survey_roles(realm.session, found)).verdict("api", "web", None)
