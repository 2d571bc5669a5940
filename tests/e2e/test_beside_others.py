"""Another provider of the same program writes the client, before ours: one ``up`` ends right, the next is quiet."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.callers import PAUSE_SECONDS
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Stack
from tests.support.realms import TestRealm

SWITCH = "standard.token.exchange.enabled"
BESIDE = PROJECT / "tests" / "fixtures" / "beside"


def program(stack: Stack, name: str) -> Stack:
    main = stack.project / "__main__.py"
    main.unlink()
    main.symlink_to(BESIDE / name)
    (stack.project / "their_client.py").symlink_to(BESIDE / "their_client.py")
    return stack


@pytest.mark.standard_exchange
def test_a_client_that_is_replaced_or_written_in_the_same_run(renewed: MakeRealm, new_stack: NewStack) -> None:
    realm = renewed("standard", api={})
    stack = program(new_stack(realm, "standard"), "__main__.py")
    for change in ({}, {"generation": "2"}, {"text": "other"}, {"generation": "3", "text": "both"}):
        stack.configure(**change)
        done = stack.up("--skip-preview")
        claims = realm.exchange("shop", realm.user_token("shop"), "api")
        assert "api" in claims["aud"], (change, done.output)
        if change:
            stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    assert not realm.get("clients", clientId="shop")


@pytest.mark.standard_exchange
def test_a_slow_write_that_no_order_announces(renewed: MakeRealm, new_stack: NewStack) -> None:
    """What is compared after the write sees it, by the age of what was read before. What was compared earlier is told."""
    realm = renewed("standard", api={}, shop={})
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


@contextmanager
def exchanging(realm: TestRealm, *clients: str, source: str = "", target: str = "api") -> Iterator[None]:
    """Each client exchanges users' tokens for a target all the time, and each exchange succeeds. source: else its own."""
    over = threading.Event()

    def exchange() -> None:
        while True:
            last = over.wait(PAUSE_SECONDS)
            for client in clients:
                assert target in realm.exchange(client, realm.user_token(source or client), target)["aud"], client
            if last:
                return

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(exchange)
        try:
            yield
        finally:
            over.set()
        done.result()


@pytest.mark.standard_exchange
def test_what_is_kept_goes_over_to_another_tool_without_a_gap(renewed: MakeRealm, new_stack: NewStack) -> None:
    """One tool writes what it takes over before ours lets go, the other finds it as wanted."""
    realm = renewed("standard", api={})
    ours = {"id.token.claim": "false", "introspection.token.claim": "true", "lightweight.claim": "true"}
    wanted = {"written": {}, "imported": ours}
    for client in wanted:
        realm.add_client(client)
    stack = program(new_stack(realm, "standard"), "handed_over.py")
    stack.configure(onRemove="keep")
    stack.up("--skip-preview")
    with exchanging(realm, *wanted):
        stack.configure(theirs="true")
        done = stack.up("--skip-preview")
    told = done.output.rpartition("Diagnostics:")[2]
    assert told.count("stays as it is (onRemove: keep), and this stack no longer manages it.") == 4, done.output
    assert not any("dynamic/keycloak:" in urn for urn in stack.export())
    left = realm.export()
    assert "pulumi." not in json.dumps(left)
    stack.preview("--expect-no-changes")

    for client, config in wanted.items():  # as the other tool would have made it where we have never been
        uuid = realm.uuid(client)
        realm.session.delete(realm.at("clients", uuid))
        realm.add_client(client, attributes={SWITCH: "true"})
        realm.mapper(client, "api", "api", **config)
    assert left == realm.export()
