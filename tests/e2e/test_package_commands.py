"""The commands on a stack of package resources: they read its state and its config as those of any other stack."""

import json
from pathlib import Path

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.package_program import command, grant, new_yaml_stack, resource
from tests.support.realms import CONFIDENTIAL, PASSWORD

GONE, HERE = "tests/gone", "tests/here"


@pytest.mark.standard_exchange
def test_commands_know_a_stack_of_the_package(make_realm: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    realm = make_realm("standard", shop={}, orders={}, bills={})
    found = realm.export()
    wanted = {
        "g": grant(flows=["requester", "recipient"]),
        "lifespan": resource("TokenLifespan", realm=realm.name, clientId="bills", seconds=60),
    }
    stack = new_yaml_stack(new_stack, realm, yaml_host, wanted)
    stack.configure(grants=None, owner=GONE, url=realm.url)
    stack.up("--skip-preview")
    secrets = {f"KEYCLOAK_CLIENT_SECRET_{name}": CONFIDENTIAL["secret"] for name in ("SHOP", "ORDERS")}
    stack.env |= {"KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": PASSWORD, **secrets}
    assert "2 of 2 exchanges proved" in command(stack, "verify").stdout

    moved = realm.url.replace("127.0.0.1", "localhost")  # the same server, which names itself as it was called
    stack.run("config", "set", "keycloak-token-exchange:url", moved)
    assert "python -m exchange rebind" in stack.refused("destroy", "--yes", "--skip-preview", "--run-program").output
    told = json.loads(command(stack, "rebind", "--yes", "--json").stdout)
    assert told["realms"][0]["issuer"]["new"] == f"{moved}/realms/{realm.name}" and told["resources"] > 3
    assert "nothing to do" in command(stack, "rebind").stdout
    stack.preview("--refresh", "--expect-no-changes")

    stack.run("state", "delete", "--all", "--yes")  # lost; a stack of another owner takes over what it declares
    stack.configure(grants=None, owner=HERE, url=moved)
    shown = command(stack, "release", "--owner", GONE, "--adopt", code=3).stdout
    assert f"becomes that of '{HERE}': audience mapper" in shown, shown
    command(stack, "release", "--owner", GONE, "--adopt", "--yes")
    stack.up("--skip-preview")
    stack.preview("--expect-no-changes")
    assert GONE not in json.dumps(realm.export())
    stack.destroy("--skip-preview")
    assert realm.export() == found
