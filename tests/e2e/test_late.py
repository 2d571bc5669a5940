"""Clients of another provider and the grants between them in one ``pulumi up``."""

import json
from typing import Any

import pytest

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Stack

FIXTURES = PROJECT / "tests" / "fixtures"
GRANT = {"sources": ["shop"], "target": "orders", "flows": ["requester", "recipient"]}


def program(stack: Stack) -> Stack:
    main = stack.project / "__main__.py"
    main.unlink()
    main.symlink_to(FIXTURES / "late" / "__main__.py")
    (stack.project / "their_client.py").symlink_to(FIXTURES / "beside" / "their_client.py")
    return stack


def shaped(stack: Stack, **shape: Any) -> Stack:
    stack.configure(shape=json.dumps(shape))
    return stack


@pytest.mark.standard_exchange
def test_one_up_from_an_empty_realm(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard")
    before = realm.export()
    stack = shaped(program(new_stack(realm, "standard")), grants={"g": GRANT})
    told = stack.preview().output
    assert "g: shop → orders, standard" in told, told
    assert "'orders' and 'shop' do not exist yet" in told, told
    done = stack.up("--skip-preview")
    print(told, done.output)
    for client in ("shop", "orders"):
        assert "orders" in realm.exchange(client, realm.user_token("shop"), "orders")["aud"]
    stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    assert realm.export() == before
