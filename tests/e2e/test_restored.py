"""A database and a state of different ages, as after a backup: ``up`` makes them agree, and ``destroy`` is exact."""

import json
import os
from pathlib import Path

import pytest

from tests.support.live_stack import LiveStack, grants
from tests.support.own_servers import OwnServer

pytestmark = pytest.mark.skipif(
    not os.environ.get("TEST_LIVE"), reason="starts a server again and again: make test-live"
)
LOST, OLDER, NEWER = "lost", "older", "newer"
AGES = (LOST, OLDER, NEWER)


@pytest.mark.parametrize(("exchange", "resources"), [("legacy", "each"), ("legacy", "realm"), ("standard", "realm")])
def test_each_database_with_each_state(
    exchange: str, resources: str, own_server: OwnServer, pulumi: Path, tmp_path: Path
) -> None:
    """Nine pairs: a stack for each age of the state, and the database of each age for all of them."""
    stacks = {age: LiveStack(tmp_path / age, pulumi, own_server.server, exchange, resources, first=2) for age in AGES}
    states = {(age, OLDER): each.stack.export_text() for age, each in stacks.items()}
    own_server.save(OLDER)
    for age, each in stacks.items():
        each.at(own_server.server)
        each.stack.configure(*grants(exchange))
        each.bring_up()
        states[age, NEWER] = each.stack.export_text()
    for database in (NEWER, OLDER, LOST):  # the last one is as it was before the stacks, since all of them have left
        if database == OLDER:
            own_server.restore(OLDER)
        for age, each in stacks.items():
            each.at(own_server.server)
            _restore(each, states.get((age, age)))
            each.stack.up("--skip-preview")
            each.still_works()
            each.leave()


def _restore(live: LiveStack, state: str | None) -> None:
    """Gives the stack a state; None loses it."""
    stack, file = live.stack, live.stack.folder / "restored.json"
    empty = json.loads(stack.export_text())
    empty["deployment"].pop("resources", None)
    file.write_text(state or json.dumps(empty))
    stack.run("stack", "import", "--file", str(file))
