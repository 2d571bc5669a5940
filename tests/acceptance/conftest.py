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


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the tries of a request that Keycloak cannot serve."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
