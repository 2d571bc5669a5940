"""Stacks for the tests: the project in a folder of its own, on a real server."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from local import language_tools, pulumi_cli
from local.layout import PROJECT
from tests.conftest import Servers
from tests.e2e.stack import NAME, Stack, warm
from tests.support.own_servers import OwnServer
from tests.support.realms import TestRealm

NewStack = Callable[..., Stack]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Processes of a run that are forked after this share those that their programs and plugins are forked from."""
    if session.config.getoption("forks", 0) and any(
        item.path.parent == Path(__file__).parent for item in session.items
    ):
        warm(pulumi_cli.install(lambda line: None))


@pytest.fixture(scope="session")
def pulumi() -> Path:
    """The folder of the Pulumi CLI."""
    return pulumi_cli.install(lambda line: None)


@pytest.fixture
def new_stack(pulumi: Path, servers: Servers, tmp_path: Path) -> Iterator[NewStack]:
    """Makes stacks, each with a backend of its own."""
    made: list[Stack] = []

    def make(
        realm: TestRealm,
        feature_set: str,
        name: str = "test",
        program: Mapping[str, str] | None = None,
        shared: Mapping[str, str] | None = None,
    ) -> Stack:
        folder = tmp_path / f"{name}-{len(made)}"
        made.append(Stack(folder, pulumi, servers(feature_set), realm.name, name, program, shared))
        return made[-1]

    yield make
    for each in made:
        each.end_left()


@pytest.fixture
def own_server(servers: Servers, tmp_path: Path) -> Iterator[OwnServer]:
    """A server of the test's own, which offers both exchanges at first. It may be stopped, and started as another one."""
    server = OwnServer(tmp_path / "server", "legacy")
    yield server
    server.stop()


@pytest.fixture(params=["standard", "legacy"])
def exchange(request: pytest.FixtureRequest) -> str:
    """The exchange, and the feature set of its server; the legacy one offers both."""
    return str(request.param)


@pytest.fixture(scope="session")
def yaml_host(pulumi: Path) -> Path:
    """The folder of Pulumi's language host for YAML, which keeps the package's schema even if that has changed since."""
    (PROJECT / f"schema-{NAME}.json").unlink(missing_ok=True)
    return language_tools.yaml_host(pulumi, lambda line: None)
