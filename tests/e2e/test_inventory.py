"""From a realm made by hand to a stack, with the real commands: nothing is written to the server, nor at destroy."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local.layout import PROJECT
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import exchanged
from tests.e2e.stack import Stack
from tests.support.handmade import Hand, names, switched
from tests.support.realms import TestRealm


def inventory(stack: Stack, *args: str) -> "subprocess.CompletedProcess[str]":
    """Without a stack, in our own folder."""
    environment = stack.warm_environment()
    command = [environment["PULUMI_PYTHON_CMD"], "-m", "exchange", "inventory", "--url", stack.env["KEYCLOAK_URL"]]
    return subprocess.run(
        [*command, "--realm", stack.realm, *args],
        cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # fmt: skip


@pytest.mark.standard_exchange
def test_a_realm_becomes_a_stack(make_realm: Callable[..., TestRealm], new_stack: NewStack) -> None:
    realm = make_realm("legacy", shop=switched(names("orders")), orders={}, batch={}, billing={}, gone={})
    hand = Hand(realm, first="billing")
    hand.permission("billing", [hand.client("Wer darf", "batch")])
    before = realm.export()
    stack = new_stack(realm, "legacy")
    file: Path = stack.project / f"Pulumi.{stack.name}.yaml"
    salted = file.read_text()

    printed = inventory(stack)
    assert printed.returncode == 0 and "\x1b" not in printed.stdout + printed.stderr
    assert f"Realm '{realm.name}': 2 grants (1 legacy, 1 standard); nothing is left over." in printed.stderr
    done = inventory(stack, "--write", str(file), "--json")
    assert done.returncode == 0, done.stderr
    assert [grant["name"] for grant in json.loads(done.stdout)["grants"]] == ["batch-to-billing", "shop-to-orders"]
    owners = re.compile(rf"(?<=keycloak-token-exchange:owner: ){realm.name}-[0-9a-f]{{6}}$", re.MULTILINE)
    written, shown = (owners.subn("x", text) for text in (file.read_text(), printed.stdout))
    assert written == (salted + shown[0], 1)

    run = stack.up("--skip-preview")
    assert run.writes == [] and run.counted()["created"] == 8, run.output
    assert stack.preview("--expect-no-changes").code == 0
    assert realm.export() == before
    assert realm.exchange("batch", realm.user_token("batch"), "billing")["azp"] == "batch"
    gone = stack.destroy("--skip-preview")
    assert gone.writes == [] and realm.export() == before
    left = (
        f"token-exchange permission of client 'billing' in realm '{realm.name}': "
        "already existed as declared and is left unchanged."
    )
    assert left in gone.output


@pytest.mark.standard_exchange
def test_what_inventory_found_can_leave_the_legacy_exchange(
    make_realm: Callable[..., TestRealm], new_stack: NewStack
) -> None:
    realm = make_realm("legacy", batch={}, billing={})
    hand = Hand(realm, first="billing")
    hand.permission("billing", [hand.client("Wer darf", "batch")])
    before = realm.export()
    stack = new_stack(realm, "legacy")
    stack.configure(grantsFile="grants")
    (stack.project / "grants").mkdir()
    file = stack.project / "grants" / f"{realm.name}.yaml"
    assert inventory(stack, "--write", str(stack.project / f"Pulumi.{stack.name}.yaml")).returncode == 0
    file.write_text(f"# by hand once\n{file.read_text()}")
    stack.up("--skip-preview")
    exchanged(realm, "batch", "billing", "legacy", source="batch", asks=True)

    migrated = stack.exchange("migrate", "apply", "--yes", "--no-events", "--grace", "0")
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    moved = file.read_text()
    assert moved.startswith("# by hand once\n") and "exchange: standard" in moved and "migration" not in moved
    exchanged(realm, "batch", "billing", "standard", source="batch", asks=True)
    stack.preview("--expect-no-changes")
    stack.destroy("--skip-preview")
    exchanged(realm, "batch", "billing", "legacy", source="batch", asks=True)
    assert realm.export() == before
