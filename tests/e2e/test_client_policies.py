"""A realm whose client policies act on each write of a client: reported before, and refused unless accepted."""

import re

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import exchanged, grant
from tests.support.realms import TestRealm

CHANGED = ("clientAuthenticatorType", "consentRequired", "fullScopeAllowed", "pkce.code.challenge.method")
CONFIDENTIAL = [{"condition": "client-access-type", "configuration": {"type": ["confidential"]}}]
OURS_ALONE = [{"condition": "client-roles", "configuration": {"roles": ["nobody"]}}]


def demand(realm: TestRealm, *conditions: dict[str, object]) -> None:
    policy = {"name": "secure", "enabled": True, "conditions": list(conditions), "profiles": ["fapi-1-baseline"]}
    realm.session.put(realm.at("client-policies", "policies"), {"policies": [policy] if conditions else []})


@pytest.mark.standard_exchange
@pytest.mark.exchange_guards
def test_a_profile_that_changes_clients(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard")
    demand(realm, *CONFIDENTIAL)
    before = realm.export()
    stack = new_stack(realm, "standard")
    stack.configure(grant(flows=["recipient"]))
    seen = stack.refused("preview")
    for field in CHANGED:
        cause = r"client policy 'secure' \(profile 'fapi-1-baseline', [a-z-]+\)"
        told = rf"client 'api' in realm '{realm.name}': {cause} would change [^;]*{re.escape(field)}"
        assert re.search(told, seen.output), seen.output
    assert "acceptPolicyChanges: [clientAuthenticatorType]" in seen.output
    assert not seen.writes and realm.export() == before

    demand(realm, *CONFIDENTIAL, *OURS_ALONE)  # the policy does not hold for the client any more
    exempt = realm.export()
    stack.up("--skip-preview")
    exchanged(realm, "api", "api", "standard")
    stack.destroy("--skip-preview")
    assert realm.export() == exempt

    demand(realm, *CONFIDENTIAL)
    was = realm.client("api")
    stack.configure(grant(flows=["recipient"], acceptPolicyChanges=list(CHANGED)))
    run = stack.up()
    assert "clientAuthenticatorType from 'client-secret' to 'client-jwt'" in run.output and "as accepted" in run.output
    now = realm.client("api")
    assert now["clientAuthenticatorType"] == "client-jwt" and now["consentRequired"] and not now["fullScopeAllowed"]
    quiet = stack.preview("--expect-no-changes")
    assert "client-policies" not in "\n".join(str(each) for each in quiet.requests)
    stack.destroy("--skip-preview")
    left = realm.client("api")
    accepted = {"clientAuthenticatorType", "consentRequired", "fullScopeAllowed", "attributes"}
    assert {key: left[key] for key in left if key not in accepted} == {
        key: was[key] for key in was if key not in accepted
    }
    assert {key: value for key, value in left["attributes"].items() if key != "pkce.code.challenge.method"} == was[
        "attributes"
    ]
