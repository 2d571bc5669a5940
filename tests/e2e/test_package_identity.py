"""Whose the objects of a package's program are: without its state, by another name, and beside another stack of its owner."""

import re
from pathlib import Path

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged
from tests.e2e.package_program import grant, new_yaml_stack, resource, rewritten
from tests.e2e.stack import OTHER

LEGACY = "legacy"


@pytest.mark.scope_policies
@pytest.mark.exchange_guards
def test_what_a_stack_made_stays_its_own(make_realm: MakeRealm, new_stack: NewStack, yaml_host: Path) -> None:
    realm = make_realm(LEGACY, **{name: {} for name in ("shop", "orders", "web", "api", "old-web", "old-api")})
    realm.add_role("staff", realm.user)
    before, staff = realm.export(), {"flows": ["requester"], "requiredRoles": ["staff"]}
    many = {"g": {"sources": ["shop"], "target": "orders", "flows": ["requester", "recipient"]}}
    made = {
        "all": resource("RealmGrants", realm=realm.name, grants=many),
        "c": grant(sources=["web"], target="api", **staff),
        "old": grant(sources=["old-web"], target="old-api", exchange="legacy", **staff),
        "events": resource("ExchangeEvents", realm=realm.name),
        "guards": resource("ExchangeGuards", realm=realm.name, requesters=["shop", "orders", "web", "old-web"]),
        "mapper": resource("AudienceMapper", realm=realm.name, clientId="api", includedClient="shop"),
        "life": resource("TokenLifespan", realm=realm.name, clientId="api", seconds=90),
    }
    stack, elsewhere = (new_yaml_stack(new_stack, realm, yaml_host, made, server=LEGACY) for _ in range(2))
    stack.up("--skip-preview")
    for name in ("all", "c", "life"):  # each by itself, since a program ends with what is refused first
        told = rewritten(elsewhere, {name: made[name]}).refused("preview")
        who = f"the stack 'organization/{OTHER}/test' of another backend"
        assert f"in realm '{realm.name}': is the owner of what {who} made (" in told.output, (name, told.output)
        assert told.writes == [], name

    stack.run("stack", "rm", "--force", "--yes", "--preserve-config")
    stack.run("stack", "init", stack.name)
    stack.configure(grants=None)
    told = stack.up()
    for does in ("will take", "took"):
        of = dict(re.findall(rf"(grant '\w+': |){does} back (\d+) objects that this stack made before", told.output))
        assert of == {"": "4", "grant 'c': ": "2", "grant 'old': ": "5"}, told.output
    goes_on = re.findall(r"^    (.*): goes on with what this stack made before", told.output, re.MULTILINE)
    of = f"realm '{realm.name}'"
    of_client = [f"{each} 'api' in {of}" for each in ("audience mapper", "token lifespan of client")]
    alone = [f"exchange events of {of}", f"exchange guards of {of}", *of_client]
    assert sorted(goes_on) == sorted([*alone, *alone]), told.output  # in the preview, and in the run
    quiet = stack.preview("--expect-no-changes")
    assert quiet.writes == [] and "two holders" not in quiet.output, quiet.output

    stack.run("stack", "rename", "renamed")
    stack.name = "renamed"
    stack.up("--skip-preview")
    told = stack.up("--skip-preview", "--replace", "**")
    assert "took back" not in told.output, told.output
    stack.preview("--refresh", "--expect-no-changes")
    both_flows(realm, "standard", source="shop", target="orders")
    exchanged(realm, "web", "api", "standard", source="web", asks=True)
    exchanged(realm, "old-web", "old-api", "legacy", source="old-web", asks=True)
    stack.destroy("--skip-preview")
    as_it_was(realm, before, LEGACY)
