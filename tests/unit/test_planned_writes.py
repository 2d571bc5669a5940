"""Which writes of clients are foreseen: those that the resources make, and none in a run that changes nothing."""

from dataclasses import replace
from inspect import signature
from typing import Any

import pytest

from components import shared_parts
from components.shared_parts import SharedParts
from grants.plan import GrantPlan, policy_name
from grants.planned_realm import exists
from grants.spec import GrantSpec
from kcadmin.authz.exchange_permission import Overview
from kcadmin.authz.management_permissions import KIND as MANAGEMENT
from kcadmin.marks.ownership import hash16
from kcadmin.objects.audience_scopes import AudienceScope as Scope
from kcadmin.objects.claims import Claim
from kcadmin.objects.clients import ATTRIBUTE, Client
from kcadmin.objects.features import SWITCH
from kcadmin.objects.setting_claims import assignment_kind
from providers.audience_scope import AudienceScope
from providers.checks.planned_writes import PlannedWrite, planned_writes
from providers.exchange_events import ExchangeEvents
from reach.existing_policies import CLIENTS

OWNER, THEIRS = "org/project/stack", "others"
SPEC = GrantSpec("g", sources=("frontend",), target="api", realm="r", owner=OWNER, flows=("recipient",), scope="x")
BARE = GrantPlan(SPEC, "standard", (), (), (), (), {"api": "u-api", "frontend": "u-frontend"})
SCOPED = replace(BARE, scope_clients=("frontend",), scope=Scope("x", "", "api", (), True, None))


def client(*held: Claim, **fields: Any) -> Client:
    return Client("u", "frontend", {"attributes": {each.key: each.text() for each in held}, **fields}, realm="r")


def only(plan: GrantPlan, held: Overview | None = None, **spec: Any) -> PlannedWrite:
    (found,) = planned_writes(replace(plan, spec=replace(plan.spec, **spec)), (), held)
    return found


def test_the_claim_on_a_scope_of_somebody_else_is_the_grants() -> None:
    write, claim = only(SCOPED), Claim(SPEC.grant_owner, assignment_kind("x"), {}, {})
    assert claim.key in next(iter(write.changes())) and write.happens(client())
    assert not write.happens(client(claim, optionalClientScopes=["x"]))
    moved = client(Claim("former#g", assignment_kind("x"), {}, {}), optionalClientScopes=["x"])
    assert write.happens(moved, {"former"}) and not write.happens(moved)  # not before the state says whose it was


@pytest.mark.parametrize("kind", ["default", "optional"])
def test_a_scope_that_a_client_holds_is_claimed_only_to_be_taken_away(kind: str) -> None:
    holder = client(**{f"{kind}ClientScopes": ["x"]})
    assert not only(SCOPED).happens(holder)
    assert only(SCOPED, on_remove="revoke").happens(holder)


def test_no_claim_is_needed_on_the_grants_own_scope() -> None:
    assert SCOPED.scope
    own = replace(SCOPED, scope=replace(SCOPED.scope, mark=hash16(SPEC.grant_owner)))
    assert not list(planned_writes(own, (), None))


def test_a_switch_that_is_on_is_claimed_only_to_be_taken_away() -> None:
    switched, plan = client(attributes={SWITCH.removeprefix(ATTRIBUTE): "true"}), replace(BARE, switches=("api",))
    assert not only(plan).happens(switched)
    assert only(plan, on_remove="revoke").happens(switched)


def test_permissions_that_are_on_are_claimed_beside_others_or_to_be_taken_away() -> None:
    plan, on = replace(BARE, policy_clients=("frontend",)), Overview({}, {"u-api": ("UNANIMOUS", ())})
    others = client(Claim(THEIRS, MANAGEMENT, {"enabled": True}, {"enabled": False}))
    mine = client(Claim(OWNER, MANAGEMENT, {"enabled": True}, {"enabled": False}))
    assert only(plan).happens(client()) and not only(plan, on).happens(client())
    assert only(plan, on).happens(others) and not only(plan, on).happens(mine)
    assert only(plan, on, on_remove="revoke").happens(client())
    assert not only(plan, on, on_remove="revoke").happens(mine)


def test_a_grant_exists_by_its_policies_of_a_former_owner() -> None:
    """A run with a new owner opens nothing new."""
    name = policy_name(replace(SPEC, owner="former"), CLIENTS)
    held = Overview({}, {"u-api": ("AFFIRMATIVE", (name,))}, {name: {"config": {"clients": '["frontend"]'}}})
    plan = replace(BARE, policy_clients=("frontend",))
    assert exists(plan, {}, held, {"former"}) and not exists(plan, {}, held, {"another"})


def test_what_is_accepted_of_client_policies_holds_for_the_claim_on_events(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(shared_parts, "ExchangeEvents", lambda _name, **given: made.append(given))
    accepting = replace(BARE, spec=replace(SPEC, accept_policy_changes=("consentRequired",)))
    SharedParts().record([BARE, accepting])
    assert [each["accept_policy_changes"] for each in made] == [["consentRequired"]]


@pytest.mark.parametrize("resource", [ExchangeEvents, AudienceScope])
def test_what_writes_a_claim_takes_what_is_accepted(resource: type) -> None:
    assert "accept_policy_changes" in signature(resource).parameters
