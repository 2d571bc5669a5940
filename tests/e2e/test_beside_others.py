"""Another provider of the same program writes the client, before ours: one ``up`` ends right, the next is quiet."""

import pytest

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack


@pytest.mark.standard_exchange
def test_a_client_that_is_replaced_or_written_in_the_same_run(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard", api={})
    stack = new_stack(realm, "standard")
    (stack.project / "__main__.py").unlink()
    for name in ("__main__.py", "their_client.py"):
        (stack.project / name).symlink_to(PROJECT / "tests" / "fixtures" / "beside" / name)
    for change in ({}, {"generation": "2"}, {"text": "other"}, {"generation": "3", "text": "both"}):
        stack.configure(**change)
        done = stack.up("--skip-preview")
        claims = realm.exchange("shop", realm.user_token("shop"), "api")
        assert "api" in claims["aud"], (change, done.output)
        stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    assert not realm.get("clients", clientId="shop")
