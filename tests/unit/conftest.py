"""Unit tests run with the network off."""

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_network() -> object:
    """A socket is an error."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else writes to a server in memory."""
    monkeypatch.setattr("kcadmin.settling.SHORTEST_SECONDS", 0)
