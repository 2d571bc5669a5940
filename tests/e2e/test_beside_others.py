"""Another provider of the same program writes the client, before ours: one ``up`` ends right, the next is quiet."""

import pytest

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Stack

BESIDE = PROJECT / "tests" / "fixtures" / "beside"


def program(stack: Stack, name: str) -> Stack:
    main = stack.project / "__main__.py"
    main.unlink()
    main.symlink_to(BESIDE / name)
    (stack.project / "their_client.py").symlink_to(BESIDE / "their_client.py")
    return stack


@pytest.mark.standard_exchange
def test_a_client_that_is_replaced_or_written_in_the_same_run(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard", api={})
    stack = program(new_stack(realm, "standard"), "__main__.py")
    for change in ({}, {"generation": "2"}, {"text": "other"}, {"generation": "3", "text": "both"}):
        stack.configure(**change)
        done = stack.up("--skip-preview")
        claims = realm.exchange("shop", realm.user_token("shop"), "api")
        assert "api" in claims["aud"], (change, done.output)
        stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    assert not realm.get("clients", clientId="shop")


@pytest.mark.standard_exchange
def test_a_slow_write_that_no_order_announces(make_realm: MakeRealm, new_stack: NewStack) -> None:
    """What is compared after the write sees it, by the age of what was read before. What was compared earlier is told."""
    realm = make_realm("standard", api={}, shop={})
    stack = program(new_stack(realm, "standard"), "apart.py")
    for text in ("first", "second"):
        stack.configure(text=text, later="true")
        done = stack.up("--skip-preview")
        claims = realm.exchange("shop", realm.user_token("shop"), "api")
        assert "api" in claims["aud"], done.output
    assert "switch updated" in done.output, done.output
    stack.configure(text="third", later="false")
    told = stack.refused("up", "--yes", "--skip-preview").output
    assert "'shop' in realm" in told and "was written by another provider in this run" in told, told
    stack.up("--skip-preview")
    assert "api" in realm.exchange("shop", realm.user_token("shop"), "api")["aud"]
    stack.preview("--expect-no-changes")
