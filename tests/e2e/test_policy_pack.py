"""The policy pack in the real engine: what it sees of a stack's grants, and how it ends a run."""

import json
from pathlib import Path

import pytest

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant

PACK = ("--policy-pack", str(PROJECT / "policy"))
BROKEN = [
    "[advisory]  exchanged-tokens-are-short-lived",
    "[advisory]  exchanges-give-no-refresh-token",
    "[advisory]  production-grants-have-a-reason",
    "[advisory]  requesters-have-no-full-scope",
    "[advisory]  standard-exchange-where-it-would-do",
    "[mandatory]  grants-form-no-cycle",
    "[mandatory]  legacy-requesters-are-guarded",
    "[mandatory]  production-grants-are-to-be-reviewed",
    "[mandatory]  production-logs-in-without-a-password",
]


@pytest.mark.standard_exchange
def test_a_run_that_breaks_rules_ends_before_it_writes(
    make_realm: MakeRealm, new_stack: NewStack, tmp_path: Path
) -> None:
    realm = make_realm("legacy", frontend={"fullScopeAllowed": False}, api={})
    stack = new_stack(realm, "legacy", "prod")
    there = grant(
        "there", flows=["requester"], exchange="standard", tokenLifespan=900, reviewBy="2199-12-31", reason="billing"
    )
    back = grant("back", source="api", target="frontend", flows=["requester"], exchange="legacy")
    stack.configure({**there, "allowRefresh": True}, back)
    refused = stack.refused("up", "--yes", *PACK)
    assert refused.writes == []
    policies = refused.output.partition("Policies:")[2].partition("Diagnostics:")[0]
    assert sorted({line.strip(" -").partition("  (")[0] for line in policies.splitlines() if "- [" in line}) == BROKEN
    assert f"grant 'back' in realm '{realm.name}': 'api' may exchange any client's token; set guards" in policies
    assert f"grant 'back' in realm '{realm.name}': has no reviewBy; set the day" in policies
    assert "grant 'there'" not in policies

    stack.configure(there)
    limits = tmp_path / "limits.json"
    set_ = {
        "production-logs-in-without-a-password": {"stacks": ["live-*"]},
        "exchanged-tokens-are-short-lived": {"seconds": 900, "enforcementLevel": "mandatory"},
    }
    limits.write_text(json.dumps(set_))
    passed = stack.preview(*PACK, "--policy-pack-config", str(limits))
    assert "✅ keycloak-token-exchange@" in passed.output


@pytest.mark.standard_exchange
def test_a_production_stack_by_a_word_and_ways_around_grants_are_refused(
    make_realm: MakeRealm, new_stack: NewStack
) -> None:
    realm = make_realm("standard", frontend={}, api={})
    stack = new_stack(realm, "standard", "eu.PROD")
    stack.configure(grant(flows=["requester"]))
    (stack.project / "__main__.py").rename(stack.project / "project_main.py")
    program = PROJECT / "tests" / "fixtures" / "around_the_rules" / "__main__.py"
    (stack.project / "__main__.py").symlink_to(program)
    refused = stack.refused("up", "--yes", *PACK)
    assert refused.writes == []
    policies = refused.output.partition("Policies:")[2].partition("Diagnostics:")[0]
    mandatory = {line.strip(" -").partition("  (")[0] for line in policies.splitlines() if "- [mandatory]" in line}
    assert {line.removeprefix("[mandatory]  ") for line in mandatory} == {
        "client-policies-are-positive",
        "production-grants-are-to-be-reviewed",
        "production-logs-in-without-a-password",
        "targets-are-no-built-in-clients",
    }
    where = f"audience mapper of client 'frontend' in realm '{realm.name}'"
    assert f"{where}: its audience 'realm-management' is a client of Keycloak's own" in policies
    assert f"user policy 'all but one' in realm '{realm.name}': is NEGATIVE" in policies
