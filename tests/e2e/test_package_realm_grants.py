"""All grants of a realm as one resource of the package, from YAML: its whole life, and what its commands see."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged
from tests.e2e.exchanges import grant as in_config
from tests.e2e.package_program import command, new_yaml_stack, resource, rewritten
from tests.e2e.stack import NAME

SWITCH = "standard.token.exchange.enabled"


@pytest.mark.standard_exchange
def test_the_whole_life(renewed: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    realm = renewed("standard", shop={}, orders={}, bills={})
    before = realm.export()
    g = {"sources": ["shop"], "target": "orders", "flows": ["requester", "recipient"], "tokenLifespan": 120}
    h = {"sources": ["shop"], "target": "bills", "flows": ["requester"]}

    def program(**grants: Any) -> dict[str, Any]:
        return {"all": resource("RealmGrants", realm=realm.name, grants=grants)}

    stack = new_yaml_stack(new_stack, realm, yaml_host, program(g={**g, "target": "oders"}, h={**h, "target": "shop"}))
    told = stack.refused("preview").output
    assert f"grant 'h' in realm '{realm.name}': " in told and "Traceback" not in told, told

    first = rewritten(stack, program(g=g, h=h)).preview()
    assert first.writes == [] and realm.export() == before, first.writes
    assert "g: shop → orders, standard, recipient and requester" in first.output, first.output
    stack.up("--skip-preview")
    both_flows(realm, "standard", source="shop", target="orders")
    exchanged(realm, "shop", "bills", "standard", source="shop")
    quiet = stack.up("--skip-preview")
    assert quiet.writes == [] and quiet.counted() == {"unchanged": 3}, quiet.output
    stack.refresh("--skip-preview", "--expect-no-changes")
    assert "__provider" not in stack.state_file.read_text()
    assert "of 3 exchanges 3 would work" in command(stack, "verify", code=3).stdout

    there = realm.export()
    seen = rewritten(stack, program(g={**g, "tokenLifespan": 90}, i={**h, "flows": ["recipient"]})).preview("--diff")
    assert seen.writes == [] and realm.export() == there
    assert "lifespan" in seen.output and "h: " in seen.output, seen.output
    stack.up("--skip-preview")
    assert str(realm.client("shop")["attributes"]["access.token.lifespan"]) == "90"
    exchanged(realm, "bills", "bills", "standard", source="shop")

    realm.change("orders", attributes={SWITCH: "false"})
    seen = stack.preview()
    assert seen.writes == [] and seen.counted()["update"] == 1, seen.output
    stack.refresh("--skip-preview")
    stack.up("--skip-preview")
    both_flows(realm, "standard", source="shop", target="orders")
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")


@pytest.mark.standard_exchange
def test_from_one_resource_a_realm(renewed: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    """A stack with ``resources: realm`` becomes one of the package, and no object is written."""
    realm = renewed("standard", shop={}, orders={})
    before, stack = realm.export(), new_stack(realm, "standard")
    stack.env["PATH"] = os.pathsep.join([str(yaml_host), stack.environment()["PATH"]])
    stack.configure(in_config(source="shop", target="orders"), resources="realm")
    stack.up("--skip-preview")
    there = realm.export()

    stack.configure(grants=None, resources=None)
    (stack.project / "Pulumi.yaml").unlink()
    (stack.project / "__main__.py").unlink()
    grants = {"g": {"sources": ["shop"], "target": "orders", "flows": ["recipient", "requester"]}}
    rewritten(stack, {"all": resource("RealmGrants", realm=realm.name, grants=grants)}, name=NAME)
    done = stack.up("--skip-preview")
    assert done.writes == [] and realm.export() == there, done.output
    assert (done.counted()["created"], done.counted()["updated"]) == (1, 1), done.output
    both_flows(realm, "standard", source="shop", target="orders")
    state = stack.export()
    stack.up("--skip-preview", "--refresh", "--expect-no-changes")
    assert stack.export() == state
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
