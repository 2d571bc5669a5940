"""Real servers for the tests: one per feature set, started at first use on a free port, ended with the run."""

import gc
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kcadmin.marks import notes
from kcadmin.objects import realm as realms
from kcadmin.rest import session as sessions
from local import keycloak
from local.layout import keycloak_version
from providers.base import messages
from providers.base.place import stack_here
from tests.support.balancer import NODES, BalancedCluster
from tests.support.kept_features import features_once
from tests.support.realms import TestRealm
from tests.support.renewed import RenewedRealms
from tests.support.shared_servers import SharedServers, stop_all

MakeRealm = Callable[..., TestRealm]
Servers = Callable[[str], Any]  # a keycloak.Server, or a cluster that is used as one


NEEDS = {
    "standard_exchange": ("26.2", "the standard exchange"),
    "exchange_guards": ("26.5", "exchange guards"),
    "dpop": ("26.4", "DPoP without a preview feature"),
    "federated_login": ("26.6", "clients that log in by another issuer's tokens"),
    "refused_targets": ("26.2", "a refusal of disabled targets"),
    "whole_tokens": ("26.0", "tokens that a client gets whole at introspection"),
    "scope_policies": ("26.0", "client-scope policies that judge an exchange"),
}
"""What not each supported Keycloak has: a mark of tests → the first version with it, and its name."""


KEPT_SERVERS = "TEST_SERVERS"
"""A folder whose servers outlive a run: the next run finds them started. Who has set it ends them, by the pids in its notes."""

LONGEST_FIRST = (
    "test_hangs",
    "test_late",
    "test_realm_grants",
    "test_package_yaml",
    "test_identity",
    "test_bad_servers",
    "test_upgrades",
    "test_migrate",
    "test_connections",
    "test_policies_of_resources",
    "test_crashes",
    "test_release",
    "test_replacements",
    "test_killed",
    "test_command_faults",
    "test_lifecycle",
    "test_restore",
    "test_rebind",
    "test_refusals",
    "test_faults",
    "test_replaced",
    "test_changes",
    "test_robot",
    "test_secrets",
    "test_beside_others",
    "test_killed_renames",
    "test_killed_robots",
    "test_requests",
    "test_options",
    "test_viewer",
    "test_killed_late",
    "test_ownership",
    "test_one_answer",
    "test_policies_at_exchange",
    "test_gates",
    "test_misshapen_answers",
    "test_oldest",
    "test_drift",
    "test_sharing",
    "test_reach",
    "test_client_policies",
    "test_guards",
    "test_objects",
    "test_inventory",
    "test_rotated",
    "test_two_processes",
    "test_write_prediction",
    "test_conditions",
    "test_names",
    "test_destroy",
    "test_forged_notes",
    "test_newly_allowed",
)
"""Test modules that run longest; after them come those of the real CLI, then those on a server, then those without one."""
ROOMS = ("e2e", "acceptance", "unit")


gc.disable()  # until all tests are collected: what is imported stays, and looking at it again and again is a third of the time


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    for mark, (first, what) in NEEDS.items():
        config.addinivalue_line("markers", f"{mark}: needs {what}, which Keycloak {first} brought")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no process is left alone with one; and what KEYCLOAK_VERSION cannot do is skipped."""
    items.sort(key=lambda item: _turn(item.path.parent.name, item.path.stem))
    _skip_what_the_version_lacks(items)


def _turn(room: str, module: str) -> int:
    if module in LONGEST_FIRST:
        return LONGEST_FIRST.index(module)
    return len(LONGEST_FIRST) + (ROOMS.index(room) if room in ROOMS else 0)


def _skip_what_the_version_lacks(items: list[pytest.Item]) -> None:
    """Tests that are marked with it, or parametrised."""
    version = keycloak_version()
    lacking = {mark: need for mark, need in NEEDS.items() if keycloak.number(version) < keycloak.number(need[0])}
    for item in items:
        marks = {mark for mark in lacking if item.get_closest_marker(mark)}
        if "servers" in getattr(item, "fixturenames", ()):
            marks |= {*_marks_of_parameters(item)}
        for first, what in [need for mark, need in lacking.items() if mark in marks]:
            item.add_marker(pytest.mark.skip(reason=f"Keycloak {version} has not {what}, which came with {first}"))


def _marks_of_parameters(item: pytest.Item) -> Iterator[str]:
    case = getattr(item, "callspec", None)
    parameters: dict[str, Any] = case.params if case else {}
    for each in parameters.values():
        if (each.get("exchange") if isinstance(each, dict) else getattr(each, "exchange", each)) == "standard":
            yield "standard_exchange"
    if parameters.get("guards"):
        yield "exchange_guards"


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Gives the server of a feature set: standard, legacy, neither."""
    if "KEYCLOAK_TEST_SERVER" not in os.environ:
        yield SharedServers(_folder_of_run(tmp_path_factory))
        return
    running: dict[str, BalancedCluster] = {}

    def cluster(feature_set: str) -> BalancedCluster:
        if feature_set not in running:
            nodes, data = NODES[os.environ["KEYCLOAK_TEST_SERVER"]], tmp_path_factory.mktemp(feature_set)
            running[feature_set] = BalancedCluster(keycloak_version(), feature_set, nodes=nodes, data=data)
        return running[feature_set]

    yield cluster
    for each in running.values():
        each.stop()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and KEPT_SERVERS not in os.environ:
        stop_all(_folder_of_run(config._tmp_path_factory))


def _folder_of_run(factory: pytest.TempPathFactory) -> Path:
    """What all processes of a run share."""
    if KEPT_SERVERS in os.environ:
        return Path(os.environ[KEPT_SERVERS])
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True)
def a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what another one's process knew, nor the settings of the person who runs it."""
    monkeypatch.setattr(realms, "read_features", features_once)
    realms._realms.clear()
    sessions._sessions.clear()
    notes._said.clear()
    stack_here.cache_clear()
    messages._told.clear()
    messages.show_warnings.cache_clear()
    logging.getLogger("kcadmin").handlers.clear()  # Pulumi's, which a plugin adds
    for name in [name for name in os.environ if name.startswith("KEYCLOAK_") and name != "KEYCLOAK_VERSION"]:
        monkeypatch.delenv(name)


@pytest.fixture
def make_realm(servers: Servers) -> Iterator[MakeRealm]:
    """Makes random realms on a feature set's server, and deletes them."""
    yield from _realm_maker(servers)


@pytest.fixture(scope="module")
def make_module_realm(servers: Servers) -> Iterator[MakeRealm]:
    """The same for a module whose tests leave a realm as they found it: making and deleting one takes a second."""
    yield from _realm_maker(servers)


def _realm_maker(servers: Servers) -> Iterator[MakeRealm]:
    made: list[TestRealm] = []

    def make(feature_set: str = "standard", **clients: dict[str, object]) -> TestRealm:
        server = servers(feature_set)
        made.append(TestRealm.make(server.url, server.admin_password, clients or None))
        return made[-1]

    yield make
    for each in made:
        each.remove()


@pytest.fixture(scope="module")
def renewed(servers: Servers) -> Iterator[MakeRealm]:
    """Gives a module's realm of a feature set with new clients and a new user, instead of a new realm for each test."""
    realms = RenewedRealms()

    def give(feature_set: str, **clients: dict[str, object]) -> TestRealm:
        server = servers(feature_set)
        return realms(server.url, server.admin_password, clients or {"frontend": {}, "api": {}})

    yield give
    realms.remove()


@pytest.fixture
def realm(make_realm: MakeRealm) -> TestRealm:
    """A realm with ``frontend`` and ``api`` on the standard server."""
    return make_realm("standard")


@pytest.fixture(scope="module")
def module_realm(make_module_realm: MakeRealm) -> TestRealm:
    """One on the standard server, for all tests of a module."""
    return make_module_realm("standard")


@pytest.fixture(scope="module")
def legacy_module_realm(make_module_realm: MakeRealm) -> TestRealm:
    """One on a server with both exchanges, for all tests of a module."""
    return make_module_realm("legacy")


@pytest.fixture
def legacy_realm(make_realm: MakeRealm) -> TestRealm:
    """A realm with ``frontend`` and ``api`` on a server with both exchanges."""
    return make_realm("legacy")
