"""``python -m exchange migrate`` while callers keep exchanging: none that legacy and standard both allow is ever refused."""

import json
import os
import signal
import subprocess
from collections.abc import Callable

import pytest
import yaml

from local.layout import VENV
from tests.e2e.callers import Caller, calling
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import exchanged, grant
from tests.e2e.stack import NAME, Stack
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange

LIFESPAN, RENEWED_AFTER = 24, 18.0  # seconds; a switch that does not wait comes sooner than the older tokens go
MIGRATION_SECONDS = 400
GRACE = "3"


def command(*args: str) -> list[str]:
    return [str(VENV / "bin" / "python"), "-m", "exchange", "migrate", *args]


def migrate(stack: Stack, *args: str, code: int = 0) -> str:
    """Runs the command in the stack's folder; what it said."""
    environment = stack.warm_environment()
    _, *words = command(*args, "--stack", stack.name)
    done = subprocess.run(
        [environment["PULUMI_PYTHON_CMD"], *words], cwd=stack.project, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=MIGRATION_SECONDS, check=False)  # fmt: skip
    print(done.stdout + done.stderr)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def killed_when(stack: Stack, words: str, *args: str) -> None:
    """Starts the command and kills it, with all that it started, as soon as it says these words."""
    child = subprocess.Popen(
        command(*args, "--stack", stack.name), cwd=stack.project, env=stack.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)  # fmt: skip
    said = ""
    assert child.stdout is not None
    for line in child.stdout:
        said += line
        if words in line:
            break
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, said
    child.stdout.close()


def config(stack: Stack) -> dict[str, dict[str, object]]:
    """The grants of the stack's config, by name."""
    text = (stack.project / f"Pulumi.{stack.name}.yaml").read_text()
    return {each["name"]: each for each in yaml.safe_load(text)["config"][f"{NAME}:grants"]}


def events_on(realm: TestRealm) -> None:
    realm.session.put(
        realm.at(),
        {
            "accessTokenLifespan": LIFESPAN,
            "eventsEnabled": True,
            "enabledEventTypes": ["TOKEN_EXCHANGE", "TOKEN_EXCHANGE_ERROR"],
        },
    )


def test_no_request_is_refused_and_a_refused_caller_brings_legacy_back(
    make_realm: Callable[..., TestRealm], new_stack: NewStack
) -> None:
    realm = make_realm("legacy", frontend={}, mobile={}, api={}, orders={}, billing={})
    stack = new_stack(realm, "legacy")
    three = grant("three", source="frontend", requester="orders", target="billing")
    stack.configure(grant("both-flows"), three, exchange="legacy")
    stack.up("--skip-preview")

    assert "are not saved" in migrate(stack, "apply", "--yes", code=1)
    events_on(realm)
    planned = json.loads(migrate(stack, "plan", "--json", code=3))
    by_name = {each["grant"]: each for each in planned["grants"]}
    assert planned["events"] == [] and {name: each["blocks"] for name, each in by_name.items()} == {
        "both-flows": [],
        "three": [],
    }
    assert by_name["three"]["waitSeconds"] >= LIFESPAN

    callers = [
        Caller(realm, "frontend", "api", renewed_after=RENEWED_AFTER),
        Caller(realm, "frontend", "frontend", "api", renewed_after=RENEWED_AFTER),
        Caller(realm, "frontend", "orders", "billing", renewed_after=RENEWED_AFTER),
        Caller(realm, "frontend", "orders", "billing", renewed_after=RENEWED_AFTER),
    ]
    third_party = Caller(
        realm, "mobile", "orders", "billing", renewed_after=RENEWED_AFTER
    )  # legacy lets it, standard does not
    with calling(*callers):
        with calling(third_party):
            said = migrate(stack, "apply", "--yes", "--grace", GRACE, code=1)
            assert "grant 'three' in realm" in said and "a token of 'mobile' by 'orders'" in said
            assert "client is not within the token audience" in said and "1 grant is standard now: both-flows." in said
            assert third_party.refusals and all(
                "not within the token audience" in each for each in third_party.refusals
            )
            exchanged(realm, "orders", "billing", "legacy", source="mobile", asks=True)
        assert config(stack)["three"]["migration"] == "mappers" and "migration" not in config(stack)["both-flows"]

        killed_when(stack, "watching", "apply", "--yes", "--grace", "60")
        assert config(stack)["three"]["migration"] == "both"
        said = migrate(stack, "apply", "--yes", "--grace", GRACE)
        assert "1 grant is standard now: three." in said and "mappers" not in said
    assert [each.refusals for each in callers] == [[], [], [], []]
    assert all(set(each.answered) == {"legacy", "standard"} and each.last == "standard" for each in callers)
    exchanges = sum(sum(each.answered.values()) for each in callers)
    print(f"{exchanges} exchanges, {[each.answered for each in callers]}")

    assert all(each["exchange"] == "standard" and "migration" not in each for each in config(stack).values())
    stack.preview("--refresh", "--expect-no-changes")
    assert realm.authz("realm-management")["policies"] == []
    assert "nothing to migrate" in migrate(stack, "plan")
