"""Real servers for the tests: one per feature set, started at first use on a free port, ended with the run."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kcadmin import realm as realms
from kcadmin import session as sessions
from local import keycloak
from local.layout import keycloak_version
from tests.support.balancer import NODES, BalancedCluster
from tests.support.realms import TestRealm

Servers = Callable[[str], keycloak.Server]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "standard_exchange: the test needs a server that knows the standard exchange")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what KEYCLOAK_VERSION cannot do: tests marked or parametrised with the standard exchange, before it came."""
    version = keycloak_version()
    if keycloak.has_standard_exchange(version):
        return
    first = ".".join(str(part) for part in keycloak.FIRST_WITH_STANDARD_EXCHANGE)
    skip = pytest.mark.skip(reason=f"Keycloak {version} has no standard exchange, which came with {first}")
    for item in items:
        case = getattr(item, "callspec", None)
        wanted = [_exchange_of(each) for each in case.params.values()] if case else []
        on_server = "servers" in getattr(item, "fixturenames", ())
        if on_server and ("standard" in wanted or item.get_closest_marker("standard_exchange")):
            item.add_marker(skip)


def _exchange_of(parameter: Any) -> Any:
    """A test's parameter, or the exchange that it holds."""
    return parameter.get("exchange") if isinstance(parameter, dict) else getattr(parameter, "exchange", parameter)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Gives the server of a feature set: standard, legacy, none, legacy-without-permissions."""
    running: dict[str, Any] = {}
    nodes = NODES[os.environ["KEYCLOAK_TEST_SERVER"]] if "KEYCLOAK_TEST_SERVER" in os.environ else 0

    def server(feature_set: str) -> keycloak.Server:
        if feature_set not in running and nodes:
            data = tmp_path_factory.mktemp(feature_set)
            running[feature_set] = BalancedCluster(keycloak_version(), feature_set, nodes=nodes, data=data)
        elif feature_set not in running:
            installation = keycloak.install(keycloak_version(), feature_set, lambda line: None)
            data = tmp_path_factory.mktemp(feature_set)
            running[feature_set] = keycloak.Server.start(
                installation, port=free_port(), data=data, admin_password=secrets.token_hex(12)
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


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
