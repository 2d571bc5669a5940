"""Real servers for the tests: one per feature set, started at first use on a free port, ended with the run."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kcadmin import realm as realms
from kcadmin import session as sessions
from local import keycloak
from local.layout import keycloak_version
from tests.support.realms import TestRealm

Servers = Callable[[str], keycloak.Server]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Gives the server of a feature set: standard, legacy, none, legacy-without-permissions."""
    running: dict[str, keycloak.Server] = {}

    def server(feature_set: str) -> keycloak.Server:
        if feature_set not in running:
            installation = keycloak.install(keycloak_version(), feature_set, lambda line: None)
            data: Path = tmp_path_factory.mktemp(feature_set)
            running[feature_set] = keycloak.Server.start(
                installation, port=_free_port(), data=data, admin_password=secrets.token_hex(12)
            )
        return running[feature_set]

    yield server
    for each in running.values():
        each.stop()


@pytest.fixture(autouse=True)
def a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another one's process knew, nor the settings of the person who runs it."""
    realms._realms.clear()
    sessions._sessions.clear()
    for name in [name for name in os.environ if name.startswith("KEYCLOAK_") and name != "KEYCLOAK_VERSION"]:
        monkeypatch.delenv(name)


@pytest.fixture
def make_realm(servers: Servers) -> Iterator[Callable[..., TestRealm]]:
    """Makes random realms on a feature set's server, and deletes them."""
    made: list[TestRealm] = []

    def make(feature_set: str = "standard", **clients: dict[str, object]) -> TestRealm:
        server = servers(feature_set)
        made.append(TestRealm.make(server.url, server.admin_password, clients or None))
        return made[-1]

    yield make
    for each in made:
        each.remove()


@pytest.fixture
def realm(make_realm: Callable[..., TestRealm]) -> TestRealm:
    """A realm with ``frontend`` and ``api`` on the standard server."""
    return make_realm("standard")


@pytest.fixture
def legacy_realm(make_realm: Callable[..., TestRealm]) -> TestRealm:
    """A realm with ``frontend`` and ``api`` on a server with both exchanges."""
    return make_realm("legacy")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
