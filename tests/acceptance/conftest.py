"""What several tests of grants on a real server share."""

from collections.abc import Iterator

import pytest

from tests.support.in_process import Stack
from tests.support.random_realms import OWNER
from tests.support.realms import TestRealm


@pytest.fixture
def stack(home: TestRealm) -> Iterator[Stack]:
    """A stack in the module's realm ``home``, destroyed after each test."""
    made = Stack(home.robot, OWNER)
    yield made
    made.destroy()
