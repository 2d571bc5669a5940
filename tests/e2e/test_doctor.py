"""The doctor on a real stack: its grants on the server, and the rules of the policy pack on its state."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.e2e.stack import Stack
from tests.e2e.test_policy_pack import BROKEN
from tests.support.realms import TestRealm


def doctor(stack: Stack, *arguments: str) -> tuple[int, Any]:
    """The exit code and the JSON of ``python -m exchange doctor`` in the stack's folder."""
    done = stack.exchange("doctor", "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.standard_exchange
def test_a_stack_and_its_state(make_realm: Callable[..., TestRealm], new_stack: NewStack) -> None:
    realm = make_realm("legacy", frontend={"fullScopeAllowed": False}, api={})
    stack = new_stack(realm, "legacy", "prod")
    there = grant(
        "there", flows=["requester"], exchange="standard", tokenLifespan=900, reviewBy="2199-12-31", reason="billing"
    )
    back = grant("back", source="api", target="frontend", flows=["requester"], exchange="legacy")
    stack.configure({**there, "allowRefresh": True}, back)
    stack.up("--skip-preview")

    code, found = doctor(stack)
    assert code == 1 and [each["findings"] for each in found["exchanges"]] == [[], []]
    assert sorted({f"[{each['severity']}]  {each['rule']}" for each in found["rules"]}) == BROKEN

    realm.change("frontend", attributes={"standard.token.exchange.enabled": "false"})
    code, found = doctor(stack, "there")
    assert code == 1 and found["rules"] is None
    assert [each["cause"] for each in found["exchanges"][0]["findings"]] == ["switch-off"]
    stack.up("--refresh", "--skip-preview")
    code, found = doctor(stack, "there")
    assert (code, found["exchanges"][0]["findings"]) == (0, [])
