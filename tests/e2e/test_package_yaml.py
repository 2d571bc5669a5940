"""The package from YAML: previews that write nothing, refusals, a change, drift, and the realm as it was after ``destroy``."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged, refused
from tests.e2e.stack import NAME, OTHER, Stack

Resources = dict[str, Any]
SWITCH = "standard.token.exchange.enabled"


def yaml_program(resources: Resources, **more: Any) -> dict[str, str]:
    """A program's files."""
    packages = {NAME: str(PROJECT / "package")}
    written = {"name": OTHER, "runtime": "yaml", "packages": packages, "resources": resources, **more}
    return {"Pulumi.yaml": yaml.safe_dump(written, sort_keys=False)}


def rewritten(stack: Stack, resources: Resources, **more: Any) -> Stack:
    (stack.project / "Pulumi.yaml").write_text(yaml_program(resources, **more)["Pulumi.yaml"])
    return stack


def resource(kind: str, **properties: Any) -> Resources:
    return {"type": f"{NAME}:{kind}", "properties": properties}


def grant(**properties: Any) -> Resources:
    return resource("TokenExchangeGrant", **{"sources": ["shop"], "target": "orders", **properties})


@pytest.mark.standard_exchange
def test_the_whole_life(make_realm: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    realm = make_realm("standard", shop={}, orders={}, bills={})
    before = realm.export()
    mapper = {"realm": realm.name, "clientId": "bills", "customAudience": "https://bills"}
    wanted = {
        "g": grant(flows=["requester", "recipient"]),
        "h": grant(target="bills", flows=["requester"]),
        "mapper": resource("AudienceMapper", **mapper),
        "switch": resource("StandardTokenExchange", realm=realm.name, clientId="${mapper.clientId}"),
    }
    stack = new_stack(realm, "standard", program=yaml_program(wanted, outputs={"flows": "${g.flows}"}))
    stack.env["PATH"] = os.pathsep.join([str(yaml_host), stack.environment()["PATH"]])
    stack.configure(grants=None)

    told = rewritten(stack, {"g": grant(target="oders")}).refused("preview").output
    assert f"grant 'g' in realm '{realm.name}': client 'oders' does not exist; create it, or correct the name" in told
    told = (
        rewritten(stack, {"m": resource("AudienceMapper", **mapper, includedClient="shop")}).refused("preview").output
    )
    assert "property includedClient value {shop} has a problem: audience mapper 'bills'" in told, told

    rewritten(stack, wanted, outputs={"flows": "${g.flows}"})
    first = stack.preview()
    assert first.writes == [] and realm.export() == before, first.writes
    assert "g: shop → orders, standard, recipient and requester" in first.output
    done = stack.up()
    both_flows(realm, "standard", source="shop", target="orders")
    exchanged(realm, "shop", "bills", "standard", source="shop")
    assert {flow["requester"] for flow in stack.outputs()["flows"]} == {"shop", "orders"}
    quiet = stack.up()
    assert quiet.writes == [] and quiet.counted() == {"unchanged": done.counted()["created"]}, quiet.output
    stack.refresh("--expect-no-changes")
    assert "__provider" not in stack.state_file.read_text() and "pulumi-python" not in stack.state_file.read_text()

    wanted["mapper"]["properties"]["idToken"] = True
    there = realm.export()
    seen = rewritten(stack, wanted).preview("--diff")
    assert seen.writes == [] and realm.export() == there
    assert "~ idToken: false => true" in seen.output, seen.output
    assert stack.up().counted()["updated"] == 1
    (stored,) = [each for each in realm.client("bills")["protocolMappers"] if "custom" in str(each["config"])]
    assert stored["config"]["id.token.claim"] == "true"

    realm.delete_mapper("bills", stored["name"])
    realm.change("orders", attributes={SWITCH: "false"})
    seen = stack.preview()
    assert "is not on the server any more, is made again" in seen.output and seen.writes == [], seen.output
    stack.refresh("--skip-preview")
    stack.up("--skip-preview")
    both_flows(realm, "standard", source="shop", target="orders")
    assert any("custom" in str(each["config"]) for each in realm.client("bills")["protocolMappers"])

    del wanted["g"]
    rewritten(stack, wanted).up("--skip-preview")
    exchanged(realm, "shop", "bills", "standard", source="shop")
    refused(realm, "shop", source="shop", audience="orders")
    stack.destroy("--skip-preview")
    as_it_was(realm, before, "standard")
