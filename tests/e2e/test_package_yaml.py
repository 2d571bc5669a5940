"""The package from YAML: previews that write nothing, refusals, a change, drift, and the realm as it was after ``destroy``."""

from pathlib import Path

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged, refused
from tests.e2e.package_program import grant, new_yaml_stack, resource, rewritten

SWITCH = "standard.token.exchange.enabled"


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
    stack = new_yaml_stack(new_stack, realm, yaml_host, wanted)

    told = rewritten(stack, {"g": grant(target="oders")}).refused("preview").output
    assert f"grant 'g' in realm '{realm.name}': client 'oders' does not exist; create it, or correct the name" in told
    told = (
        rewritten(stack, {"m": resource("AudienceMapper", **mapper, includedClient="shop")}).refused("preview").output
    )
    assert "resource 'm' has a problem: audience mapper 'bills'" in told, told

    rewritten(stack, wanted, outputs={"flows": "${g.flows}"})
    first = stack.preview()
    assert first.writes == [] and realm.export() == before, first.writes
    assert "g: shop → orders, standard, recipient and requester" in first.output
    done = stack.up("--skip-preview")
    both_flows(realm, "standard", source="shop", target="orders")
    exchanged(realm, "shop", "bills", "standard", source="shop")
    assert {flow["requester"] for flow in stack.outputs()["flows"]} == {"shop", "orders"}
    quiet = stack.up("--skip-preview")
    assert quiet.writes == [] and quiet.counted() == {"unchanged": done.counted()["created"]}, quiet.output
    stack.refresh("--skip-preview", "--expect-no-changes")
    assert "__provider" not in stack.state_file.read_text() and "pulumi-python" not in stack.state_file.read_text()

    wanted["mapper"]["properties"]["idToken"] = True
    there = realm.export()
    seen = rewritten(stack, wanted).preview("--diff")
    assert seen.writes == [] and realm.export() == there
    assert "~ idToken: false => true" in seen.output, seen.output
    assert stack.up("--skip-preview").counted()["updated"] == 1
    (stored,) = [each for each in realm.client("bills")["protocolMappers"] if "custom" in str(each["config"])]
    assert stored["config"]["id.token.claim"] == "true"

    realm.delete_mapper("bills", stored["name"])
    realm.change("orders", attributes={SWITCH: "false"})
    seen = stack.preview()
    assert "no longer exists on the server, is made again" in seen.output and seen.writes == [], seen.output
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
