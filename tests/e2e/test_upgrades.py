"""States that earlier commits wrote, with today's code: nothing changes by itself, everything can be changed and destroyed.

``make test`` takes those of the oldest commit and one of the newest: what the commits between them wrote is in one of the two.
``make test-live`` takes all.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Servers
from tests.e2e import states
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged, grant
from tests.e2e.stack import Run
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange

FILES = sorted(states.STATES.glob("*.json"))
SAMPLE = ("df9cf27-legacy", "df9cf27-standard", "10c2e76-standard")
CASES = FILES if os.environ.get("TEST_LIVE") else [file for file in FILES if file.stem in SAMPLE]
Rebuild = Callable[[dict[str, Any]], tuple[TestRealm, Any, dict[str, Any]]]


@pytest.fixture
def rebuild(servers: Servers) -> Iterator[Rebuild]:
    """Makes the realm of a fixture again, and deletes it."""
    made: list[TestRealm] = []

    def again(fixture: dict[str, Any]) -> tuple[TestRealm, Any, dict[str, Any]]:
        realm, before, state = states.rebuild(fixture, servers(fixture["exchange"]))
        made.append(realm)
        return realm, before, state

    yield again
    for each in made:
        each.remove()


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_state_of_an_earlier_commit(file: Path, rebuild: Rebuild, new_stack: NewStack) -> None:
    fixture = json.loads(file.read_text())
    exchange = fixture["exchange"]
    realm, before, state = rebuild(fixture)
    stack = new_stack(realm, exchange)
    states.run_program(stack)
    states.configure(stack, realm, exchange)
    (stack.folder / "old.json").write_text(json.dumps(state))
    stack.run("stack", "import", "--file", str(stack.folder / "old.json"))
    kept = set(stack.export())
    both_flows(realm, exchange)

    for same in (stack.preview("--expect-no-changes"), stack.up("--refresh", "--skip-preview", "--expect-no-changes")):
        quiet(same)
    assert set(stack.export()) == kept

    states.configure(stack, realm, exchange, grant("more", source="mobile"))
    changed = stack.up("--skip-preview").counted()
    assert changed.get("created") and not {"deleted", "replaced"} & set(changed)
    both_flows(realm, exchange, source="mobile")
    exchanged(realm, "api", "alone", exchange, asks=True)

    stack.destroy("--skip-preview")
    as_it_was(realm, before, exchange)
    assert stack.export() == {}


def test_every_kind_of_resource_is_in_the_states() -> None:
    for exchange in ("standard", "legacy"):
        kinds = {
            resource["type"].rsplit(":", 1)[1]
            for file in FILES
            if file.stem.endswith(exchange)
            for resource in json.loads(file.read_text())["state"]["deployment"]["resources"]
        }
        assert kinds >= {"AudienceMapper", "AuthorizationScope", "AuthorizationServices", "ClientPolicy", "ExchangeProof",
                         "ScopePermission", "TokenExchangeGrant"}  # fmt: skip
        assert kinds & {"StandardTokenExchange", "ManagementPermissions"}
    assert {file.stem for file in FILES} > {*SAMPLE}


def quiet(run: Run) -> None:
    """Nothing is written, to the realm or in the state."""
    assert set(run.counted()) <= {"unchanged"}, run.output
    assert run.writes == []
