"""A rename or a replacement killed at any write: ``pulumi up`` goes on, all that the state declares is there, destroy restores.

Grants of one exchange each, with conditions, guards and events. ``make test`` kills at a few points; ``make test-crash`` before
and after each write, with Pulumi's checkpoints and without.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kcadmin.rest.errors import TokenRefused
from tests.conftest import Servers
from tests.e2e.exchanges import as_it_was, exchanged, grant, refused
from tests.e2e.kill_points import ALL, CHECKPOINT_SECONDS, Point
from tests.e2e.stack import Grant, Stack
from tests.support.proxy import LastWrite, Proxy, proxy_before
from tests.support.realms import TestRealm

pytestmark = pytest.mark.exchange_guards

OUTSIDER = "somebody"
CLIENT, RENAMED = "web", "site"
MORE: dict[str, Any] = {"guards": ["requesters", "sources"], "events": True}


FEW = [
    Point("rename", "legacy", 5, False, checkpoints=False),
    Point("replace", "standard", 4, True),
]


@dataclass
class Stage:
    """A realm and a stack whose way to it leads through a proxy. ``client``: what the requester is called now."""

    realm: TestRealm
    stack: Stack
    proxy: Proxy
    before: Any
    client: str = CLIENT
    clean: bool = True

    def configure(self, exchange: str) -> None:
        """The grants are called after the client, so that all names in the stack and most in the realm follow it."""
        self.stack.configure(*self._grants(exchange), exchange=exchange, **MORE)

    def _grants(self, exchange: str) -> list[Grant]:
        asked = {"audience": "optionalScope", "tokenLifespan": 60} if exchange == "standard" else {}
        holders = grant(
            f"{self.client}-staff",
            source=self.client,
            target="orders",
            flows=["requester"],
            requiredRoles=["buyer"],
            **asked,
        )
        return [holders, grant(f"{self.client}-plain", source="shop", target=self.client, flows=["recipient"])]

    def rename(self, client: str) -> None:
        self.realm.change(self.client, clientId=client)
        self.client = client

    def run(self, operation: str, exchange: str, last: LastWrite) -> bool:
        """One operation, killed at a write; whether it came to that."""
        if operation == "rename":
            self.rename(RENAMED)
            self.configure(exchange)
        return self.stack.killed(self.proxy, last, "up", "--yes", "--skip-preview", *self._what(operation))

    def _what(self, operation: str) -> list[str]:
        if operation == "target-replace":
            parts = [urn for urn, each in self.stack.export().items() if "dynamic/keycloak" in each["type"]]
            return [text for urn in parts for text in ("--target-replace", urn)]
        return ["--replace", "**"] if operation == "replace" else []

    def works(self, exchange: str) -> None:
        """Each grant is served, its condition binds, guards and events are there, and the state is the realm's."""
        client, scope = self.client, {}
        (flow,) = self.stack.grants()[f"{client}-staff"]["flows"]
        if flow["requestScope"]:
            scope = {"scope": flow["requestScope"]["name"]}
        claims = self.realm.exchange(client, self.realm.user_token(client), "orders", **scope)
        assert "orders" in claims["aud"]
        try:
            claims = self.realm.exchange(client, self.realm.user_token(client, OUTSIDER), "orders", **scope)
        except TokenRefused:
            pass
        else:
            raise AssertionError(f"{OUTSIDER}: {claims}")
        exchanged(self.realm, client, client, exchange, source="shop")
        refused(self.realm, "orders", source="shop")
        assert self.realm.get("events", "config")["eventsEnabled"] is True
        policies = [each["name"] for each in self.realm.get("client-policies", "policies")["policies"]]
        for guard in MORE["guards"]:
            assert any(each.startswith(f"pulumi.exchange.{guard[:-1]}") for each in policies), policies
        self.stack.preview("--refresh", "--expect-no-changes")

    def leave(self) -> None:
        self.stack.destroy("--skip-preview")
        self.rename(CLIENT)
        as_it_was(self.realm, self.before, "legacy")
        self.clean = True


@pytest.fixture(scope="module")
def stages(servers: Servers, pulumi: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Gives a stage; one whose test failed is given to nobody."""
    left: list[Stage] = []
    with ExitStack() as ends:

        def take() -> Stage:
            if left and left[-1].clean:
                return left[-1]
            server = servers("legacy")  # it offers both exchanges
            clients: dict[str, dict[str, Any]] = {name: {} for name in (CLIENT, "orders", "shop")}
            realm = TestRealm.make(server.url, server.admin_password, clients)
            ends.callback(realm.remove)
            realm.add_role("buyer", realm.user)
            realm.add_user(OUTSIDER)
            stack = Stack(tmp_path_factory.mktemp("killed"), pulumi, server, realm.name)
            ends.callback(stack.end_left)
            proxy = ends.enter_context(proxy_before(server.url))
            stack.env["KEYCLOAK_URL"] = proxy.url
            left.append(Stage(realm, stack, proxy, realm.export()))
            return left[-1]

        yield take


@pytest.fixture
def stage(stages: Any) -> Stage:
    taken: Stage = stages()
    taken.stack.env.pop("PULUMI_SKIP_CHECKPOINTS", None)
    taken.clean = False
    return taken


@pytest.mark.parametrize("point", FEW, ids=str)
def test_killed(point: Point, stage: Stage) -> None:
    assert killed(point, stage)


@pytest.mark.skipif(not ALL, reason="make test-crash")
@pytest.mark.parametrize("checkpoints", [True, False], ids=["checkpoints", "no-checkpoints"])
@pytest.mark.parametrize("exchange", ["standard", "legacy"])
@pytest.mark.parametrize("operation", ["rename", "replace", "target-replace"])
def test_killed_anywhere(operation: str, exchange: str, checkpoints: bool, stage: Stage) -> None:
    write = 0
    while killed(Point(operation, exchange, write, False, checkpoints), stage):
        killed(Point(operation, exchange, write, True, checkpoints), stage)
        write += 1
    assert write >= 10


def killed(point: Point, stage: Stage) -> bool:
    """Kills one run and lets the next one go on; whether the run had so many writes."""
    stage.clean = False
    stage.configure(point.exchange)
    stage.stack.up("--skip-preview")
    stage.stack.env |= {} if point.checkpoints else {"PULUMI_SKIP_CHECKPOINTS": "true"}
    pause = CHECKPOINT_SECONDS if point.checkpoints else 0
    came = stage.run(point.operation, point.exchange, LastWrite(point.write, point.done, pause))

    stage.stack.run("cancel", "--yes")
    stage.stack.up("--skip-preview")
    stage.works(point.exchange)
    stage.leave()
    return came
