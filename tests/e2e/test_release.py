"""A stack takes over what another owner left in a copied realm, with the real commands, while callers go on."""

import json
import os
import subprocess

import pytest

from tests.acceptance.test_release import CLIENTS, GONE, GUARDS, HERE, PARTS, exported_by_names, grants
from tests.conftest import MakeRealm
from tests.e2e.callers import Caller, calling
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Stack
from tests.support import in_process
from tests.support.copies import copied, exported
from tests.support.shared_servers import SECOND


def release(stack: Stack, *args: str) -> "subprocess.CompletedProcess[str]":
    """Without naming the stack, which is the one that is selected in its folder."""
    environment = stack.warm_environment()
    return subprocess.run(
        [environment["PULUMI_PYTHON_CMD"], "-m", "exchange", "release", *args],
        cwd=stack.project, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # fmt: skip


LEGACY_THERE = pytest.mark.skipif(
    not os.environ.get("TEST_COPIES"),
    reason="starts a third server: make test-copies; the acceptance tests copy on one server",
)


@pytest.mark.exchange_guards
@pytest.mark.parametrize("exchange", ["standard", pytest.param("legacy", marks=LEGACY_THERE)])
def test_a_stack_takes_over_a_copied_realm_while_callers_go_on(
    exchange: str, make_realm: MakeRealm, new_stack: NewStack
) -> None:
    realm = make_realm(exchange, **CLIENTS)
    realm.add_role("staff", realm.user)
    if exchange == "legacy":
        for enabled in (True, False):
            permissions = realm.at("clients", realm.uuid("api"), "management", "permissions")
            realm.session.put_json(permissions, {"enabled": enabled})
    before = exported(realm)
    all_of_them = grants(exchange, realm.name)
    in_process.Stack(realm.connection, GONE, GUARDS, events=True).up(*all_of_them)
    other_server = "legacy" if exchange == "standard" else f"legacy{SECOND}"
    there = make_realm(other_server)
    clean, copy, other = (copied(realm, each, beside=there) for each in (before, exported(realm), exported(realm)))
    staff = copy.get("roles", "staff")
    user = copy.get("users", username=copy.user, exact="true")[0]["id"]
    copy.session.post(copy.at("users", user, "role-mappings", "realm"), [staff])
    stack = new_stack(copy, other_server)
    wanted = [
        {key: value for key, value in each.items() if key != "realm"} for each in all_of_them if each["name"] != "both"
    ]
    stack.configure(*wanted, owner=HERE, guards=list(GUARDS), events=True)

    shown = release(stack, "--owner", GONE, "--adopt")
    assert shown.returncode == 3, shown.stderr
    assert (
        "  audience mapper 'audience-api" in shown.stdout
        and "'web' exchanges tokens of 'web' for 'api'" in shown.stdout
    )
    assert f"becomes that of '{HERE}': audience mapper 'audience-backend" in shown.stdout or exchange == "legacy"
    callers = [Caller(copy, "web", "billing", "backend")]
    if exchange == "standard":
        (asked,) = (each for each in copy.client("shop")["optionalClientScopes"] if each.startswith("asked-parts-"))
        callers += [
            Caller(copy, "shop", "shop", "scoped"),
            Caller(copy, "shop", "shop", PARTS, asks={"scope": asked}),
        ]
    with calling(*callers):
        done = release(stack, "--owner", GONE, "--adopt", "--yes")
        assert done.returncode == 0, done.stderr
        run = stack.up("--skip-preview")
    assert [each.refusals for each in callers] == [[] for _ in callers] and all(each.answered for each in callers)
    assert run.counted().keys() == {"created"}
    assert stack.preview("--expect-no-changes").code == 0
    assert release(stack, "--owner", GONE).returncode == 0
    stack.destroy("--skip-preview")
    assert exported_by_names(copy) == exported_by_names(clean)

    at = ("--url", other.url, "--realm", other.name, "--owner", GONE, "--json")  # without a stack
    for arguments in ((), ("--dry-run", "--yes")):
        shown = release(stack, *at, *arguments)
        assert shown.returncode == 3 and json.loads(shown.stdout)["released"] is None, shown.stderr
    done = release(stack, *at, "--yes")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told["released"]) == len(told["realms"][0]["left"]) > 10
    assert release(stack, *at).returncode == 0 and exported_by_names(other) == exported_by_names(clean)
    for each in (clean, copy, other):
        each.remove()
