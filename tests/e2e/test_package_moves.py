"""From dynamic resources to the package and back, by aliases: no write to the realm, and exchanges all the while."""

import os
from pathlib import Path
from typing import Any

import pytest

from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows
from tests.e2e.package_program import grant, resource, rewritten
from tests.e2e.stack import NAME, Stack

PROGRAM = """
import pulumi

from components.token_exchange_grant import TokenExchangeGrant
from providers.audience_mapper import AudienceMapper
from providers.token_lifespan import TokenLifespan

realm = pulumi.Config().require("realm")


def before(kind):
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=f"keycloak-token-exchange:index:{kind}")])


AudienceMapper("text", realm=realm, client_id="bills", custom_audience="urn:text", opts=before("AudienceMapper"))
TokenLifespan("short", realm=realm, client_id="bills", seconds=120, opts=before("TokenLifespan"))
TokenExchangeGrant("g", sources=[pulumi.Output.from_input("shop")], target="orders", flows=["requester", "recipient"])
"""


def resources(realm: str) -> dict[str, Any]:
    return {
        "text": resource("AudienceMapper", realm=realm, clientId="bills", customAudience="urn:text"),
        "short": resource("TokenLifespan", realm=realm, clientId="bills", seconds=120),
        "g": grant(flows=["requester", "recipient"]),
    }


def in_python(stack: Stack) -> Stack:
    (stack.project / "Pulumi.yaml").unlink()
    (stack.project / "Pulumi.yaml").symlink_to(PROJECT / "Pulumi.yaml")
    (stack.project / "__main__.py").unlink(missing_ok=True)
    (stack.project / "__main__.py").write_text(PROGRAM)
    return stack


def in_yaml(stack: Stack) -> Stack:
    (stack.project / "Pulumi.yaml").unlink()
    (stack.project / "__main__.py").unlink()
    return rewritten(stack, resources(stack.realm), name=NAME)


@pytest.mark.standard_exchange
def test_there_and_back(make_realm: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    realm = make_realm("standard", shop={}, orders={}, bills={})
    found = realm.export()
    stack = in_python(new_stack(realm, "standard"))
    stack.env["PATH"] = os.pathsep.join([str(yaml_host), stack.environment()["PATH"]])
    stack.configure(grants=None)
    stack.up("--skip-preview")
    made = realm.export()
    for move, theirs in ((in_yaml, "pulumi-python:"), (in_python, f"{NAME}:index:AudienceMapper")):
        move(stack)
        seen = stack.preview()
        assert set(seen.counted()) <= {"update", "unchanged", "changes"}, seen.output
        done = stack.up("--skip-preview")
        assert done.writes == [] and realm.export() == made, done.output
        assert theirs not in {each["type"][: len(theirs)] for each in stack.export().values()}
        both_flows(realm, "standard", source="shop", target="orders")
        state = stack.export()
        stack.up("--skip-preview", "--refresh", "--expect-no-changes")
        assert stack.export() == state
    stack.destroy("--skip-preview")
    assert realm.export() == found
