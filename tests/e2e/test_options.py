"""Pulumi's options of a grant count for all that the grant needs, or are refused; habits of people who write config."""

import json
from typing import Any

import pytest

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import exchanged, refused
from tests.e2e.stack import Stack
from tests.support.realms import TestRealm

FIRST = ("AudienceMapper", "ManagementPermissions")
CLIENTS = ("first", "after", "kept", "kept-late", "left", "left-late", "team")
GRANTS = {
    "kept": {"options": ["protect", "after", "transforms"], "awaited": True},
    "kept-late": {"options": ["protect", "after", "transforms"], "late": True},
    "left": {"options": ["retain", "with"]},
    "left-late": {"options": ["retain", "with"], "late": True},
    "team": {"team": True},
}


def program(stack: Stack, exchange: str) -> Stack:
    main = stack.project / "__main__.py"
    main.unlink()
    main.symlink_to(PROJECT / "tests" / "fixtures" / "options" / "__main__.py")
    stack.configure(exchange=exchange)
    return stack


def shaped(stack: Stack, **grants: Any) -> Stack:
    stack.configure(shape=json.dumps(grants))
    return stack


def resources(stack: Stack) -> dict[str, dict[str, Any]]:
    """The state's resources by their names."""
    latest = json.loads(stack.state_file.read_text())["checkpoint"]["latest"]
    return {each["urn"].rpartition("::")[2]: each for each in latest["resources"] if "Providers" not in each["type"]}


def parts(stack: Stack, client: str) -> dict[str, dict[str, Any]]:
    """What a grant of that source needs beside its component, without what the others share with it."""
    own = resources(stack)
    named = {client, f"{client}-api"}
    return {name: each for name, each in own.items() if each.get("custom") and named & {*name.split("/")}}


@pytest.fixture
def realm(renewed: MakeRealm, exchange: str) -> TestRealm:
    made = renewed(exchange)
    for name in CLIENTS:
        made.add_client(name)
        made.add_client(f"{name}-api")
    return made


@pytest.mark.standard_exchange
def test_options_of_a_grant_reach_all_that_it_needs(realm: TestRealm, new_stack: NewStack, exchange: str) -> None:
    stack = program(new_stack(realm, exchange), exchange)
    if exchange == "standard":
        told = shaped(stack, kept={"options": ["provider"]}).refused("preview").output
        no_effect = "opts has provider, which has no effect on what a grant needs; give the grant a connection"
        assert f"grant 'kept' in realm '{realm.name}': {no_effect}" in told, told
    shaped(stack, **GRANTS).up("--skip-preview")
    first = resources(stack)["first"]["urn"]
    for name in ("kept", "kept-late", "team"):
        found = parts(stack, name)
        assert len(found) >= 2 and all(each.get("protect") for each in found.values()), (name, found)
    for name in ("left", "left-late"):
        found = parts(stack, name)
        assert len(found) >= 2 and all(each.get("retainOnDelete") for each in found.values()), (name, found)
        assert all(each.get("deletedWith") == first for each in found.values()), (name, found)
    for name in ("kept", "kept-late"):
        found = parts(stack, name)
        changed = [each["inputs"].get("on_remove") for each in found.values() if each["type"].endswith(FIRST)]
        assert changed == ["revoke"], found
        assert all(first in _before(stack, each) for each in found.values()), found
    after = resources(stack)["after-kept"]["dependencies"]
    assert set(after) == {each["urn"] for each in parts(stack, "kept").values()}, after
    if exchange == "standard":
        stack.preview("--expect-no-changes")
        told = shaped(stack, first={"source": "kept"}, **GRANTS).refused("preview").output
        assert f"grant 'kept' in realm '{realm.name}': protect does not reach " in told, told
        assert "which another grant has registered before; give that grant the same, or make it after this one." in told
    stopped = shaped(stack, team={"team": True}).refused("up", "--yes", "--skip-preview")
    assert stopped.output.count("cannot be deleted") >= 4, stopped.output
    for name in ("kept", "kept-late", "left", "left-late"):
        exchanged(realm, name, f"{name}-api", exchange, source=name, asks=True)
    free = {name: {**GRANTS[name], "options": ["after", "transforms"]} for name in ("kept", "kept-late")}
    shaped(stack, **free, team={"team": False}).up("--skip-preview")
    shaped(stack).up("--skip-preview")
    refused(realm, "kept", source="kept", audience="kept-api")
    refused(realm, "kept-late", source="kept-late", audience="kept-late-api")
    exchanged(realm, "left", "left-api", exchange, source="left", asks=True)


@pytest.mark.standard_exchange
def test_one_grant_alone_by_target(renewed: MakeRealm, new_stack: NewStack) -> None:
    """The patterns of docs/pulumi-features.md; a target that is the grant's own alone wires nothing, and says so."""
    realm = renewed("standard")
    for name in ("first", "web", "web-api", "late", "late-api"):
        realm.add_client(name)
    stack = shaped(program(new_stack(realm, "standard"), "standard"), web={}, late={"late": True})
    told = stack.up("--skip-preview", "--target", "**:TokenExchangeGrant::*")
    assert "grants 'late', 'web': are not wired in this run, since --target or --exclude leaves out" in told.output
    assert told.writes == []
    web = ("--target", "**::web", "--target", f"**::{realm.name}/web*/**", "--target", "**::web/**")
    told = stack.up("--skip-preview", *web)
    assert "grants 'late': are not wired" in told.output, told.output
    exchanged(realm, "web", "web-api", "standard", source="web", asks=True)
    refused(realm, "late", source="late", audience="late-api")
    late = ("--target", "**::late", "--target", "**::late/**")
    assert "not wired" not in stack.up("--skip-preview", *late).output
    exchanged(realm, "late", "late-api", "standard", source="late", asks=True)
    stack.destroy("--skip-preview", *web)
    refused(realm, "web", source="web", audience="web-api")
    exchanged(realm, "late", "late-api", "standard", source="late", asks=True)
    stack.destroy("--skip-preview", *late)
    refused(realm, "late", source="late", audience="late-api")


def _before(stack: Stack, resource: dict[str, Any]) -> set[str]:
    """What a resource comes after, directly or not."""
    by_urn = {each["urn"]: each for each in resources(stack).values()}
    found, new = set[str](), set(resource.get("dependencies") or ())
    while new:
        found |= new
        new = {urn for each in new if each in by_urn for urn in by_urn[each].get("dependencies") or ()} - found
    return found
