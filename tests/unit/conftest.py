"""Unit tests run with the network off."""

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> object:
    """A socket is an error, and the fake server is behind no proxy."""
    monkeypatch.setenv("NO_PROXY", "keycloak.test")
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()
