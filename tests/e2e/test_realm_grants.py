"""All grants of a realm as one resource: its life, a part that fails, a killed run, and the way from one a part and back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import MakeRealm, Servers
from tests.e2e.callers import Caller, calling
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, exchanged, grant, neither_flow
from tests.e2e.kill_points import CHECKPOINT_SECONDS
from tests.e2e.stack import Stack
from tests.support.exports import but_for_numbers
from tests.support.proxy import LastWrite, Proxy, proxy_before, says
from tests.support.realms import TestRealm

pytestmark = pytest.mark.standard_exchange
HELD = {"type": "pulumi-python:dynamic/keycloak:RealmGrants"}
SOURCES = ("frontend", "mobile")
QUIET_LINES = 30


@dataclass
class Stage:
    """A realm behind a proxy, and a stack whose grants are one resource."""

    realm: TestRealm
    stack: Stack
    proxy: Proxy
    exchange: str
    before: Any

    def configure(self, resources: str = "realm", **more: Any) -> None:
        grants = [grant(f"{source}-to-api", source=source) for source in SOURCES]
        grants.append(grant("few", source="desk", target="vault", requiredRoles=["clerk"], restrictFullScope=True))
        self.stack.configure(*grants, exchange=self.exchange, resources=resources, **more)

    def works(self) -> None:
        for source in SOURCES:
            both_flows(self.realm, self.exchange, source=source)
        assert [each["type"] for each in self.stack.export().values()] == [HELD["type"]]
        assert self.stack.preview("--refresh", "--expect-no-changes").writes == []

    def leave(self) -> None:
        self.stack.destroy("--skip-preview")
        as_it_was(self.realm, self.before, self.exchange)
        neither_flow(self.realm)
        assert self.stack.export() == {}


@pytest.fixture
def stage(exchange: str, servers: Servers, renewed: MakeRealm, new_stack: NewStack) -> Iterator[Stage]:
    realm = renewed(exchange, **{name: {} for name in (*SOURCES, "api", "desk", "vault")})
    realm.add_role("clerk", realm.user)
    stack = new_stack(realm, exchange)
    with proxy_before(servers(exchange).url) as proxy:
        stack.env["KEYCLOAK_URL"] = proxy.url
        yield Stage(realm, stack, proxy, exchange, realm.export())


def test_life(stage: Stage) -> None:
    """Made, drifted, and given back; with the standard exchange the rest of what people do, too."""
    realm, stack = stage.realm, stage.stack
    stage.configure()
    if stage.exchange == "standard":
        previewed = stack.preview()
        assert previewed.counted() == {"create": 2} and previewed.writes == []
        assert "grants: 3 new, 0 unchanged" in previewed.output
    assert stack.up("--skip-preview").counted() == {"created": 2}
    stage.works()
    if stage.exchange == "standard":
        quiet_and_changed(stage)

    stage.configure()
    (mapper,) = [each for each in realm.client("mobile")["protocolMappers"] if each["name"].startswith("audience-api")]
    realm.delete_mapper("mobile", mapper["name"])
    if stage.exchange == "standard":
        assert f"{realm.name}/mobile/audience-api" in stack.preview("--refresh", "--diff").output
    drifted = stack.preview("--diff").output
    assert "no longer exists on the server, is made again" in drifted and f"{realm.name}/frontend/" not in drifted
    assert stack.up("--skip-preview").counted() == {"updated": 1, "unchanged": 1}
    stage.works()
    stage.leave()


def quiet_and_changed(stage: Stage) -> None:
    """A run without changes is short, the commands find the grants and parts, and a preview tells what is changed."""
    stack = stage.stack
    quiet = stack.up("--skip-preview", "--expect-no-changes")
    assert quiet.writes == [] and len(quiet.lines) <= QUIET_LINES, quiet.output
    stack.refresh("--skip-preview", "--expect-no-changes")
    verified = stack.exchange("verify", "frontend-to-api", "mobile-to-api")
    assert "of 4 exchanges 4 would work" in verified.stdout, verified.stdout + verified.stderr

    stack.configure(*stack.config["grants"][:1], grant("few", source="desk", target="vault", onRemove="revoke"))
    changed = stack.preview("--diff").output
    assert "grants: 1 changed, 1 removed, 1 unchanged" in changed and "parts of grants in realm" in changed
    assert f"{stage.realm.name}/mobile/audience-api: delete" in changed
    assert 'requiredRoles ["clerk"] → none' in changed


@pytest.mark.parametrize("exchange", ["standard"])
def test_a_part_that_fails_and_a_kill(stage: Stage) -> None:
    """The others are done, the run fails and names it, and the next one goes on; so it does after a kill."""
    stack, uuid = stage.stack, stage.realm.uuid("mobile")
    stage.configure()
    stage.proxy.fault = says(403)
    stage.proxy.each = lambda request: (
        request == f"POST /admin/realms/{stage.realm.name}/clients/{uuid}/protocol-mappers/models"
    )
    failed = stack.refused("up", "--yes", "--skip-preview")
    assert "403" in failed.output, failed.output
    seen = stack.preview().output
    assert "audience-api: create" in seen and "audience mapper" not in seen, seen
    assert "unhandled" not in failed.output and len(stack.outputs()["grants"]) == 3, failed.output
    exchanged(stage.realm, "frontend", "api", stage.exchange, asks=True)
    assert not stage.realm.client("mobile").get("protocolMappers")
    assert "standard.token.exchange.enabled" not in stage.realm.client("mobile")["attributes"]
    stage.proxy.fault = stage.proxy.each = None
    stack.up("--skip-preview")
    stage.works()

    made, last = stage.realm.export(), LastWrite(3, done=True, pause_seconds=CHECKPOINT_SECONDS)
    assert stack.killed(stage.proxy, last, "destroy", "--yes", "--skip-preview")
    stack.run("cancel", "--yes")
    stack.up("--skip-preview")
    stage.works()
    assert but_for_numbers(stage.realm.export()) == but_for_numbers(made)

    stage.leave()
    assert stack.killed(stage.proxy, LastWrite(4, done=True), "up", "--yes", "--skip-preview")
    stack.run("cancel", "--yes")
    stack.up("--skip-preview")
    stage.works()
    stage.leave()


@pytest.mark.parametrize("exchange", ["legacy"])
def test_from_one_resource_a_part_and_back(stage: Stage) -> None:
    """Nothing is written, nobody is refused, and destroy gives back all."""
    stack, realm = stage.stack, stage.realm
    stage.configure("each")
    stack.up("--skip-preview")
    made, each = realm.export(), {*stack.export()}
    callers = [Caller(realm, source, source, "api") for source in SOURCES]
    with calling(*callers):
        for resources in ("realm", "each"):
            stage.configure(resources)
            for _ in range(2):  # the second one forgets who held them before
                assert stack.up("--skip-preview").writes == []
            assert (len(stack.export()) == 1) == (resources == "realm")
            assert stack.preview("--expect-no-changes").writes == []
    assert [caller.refusals for caller in callers] == [[], []] and all(caller.answered for caller in callers)
    assert realm.export() == made and {*stack.export()} == each
    stage.configure("realm")
    stack.up("--skip-preview")  # both hold them
    stage.leave()
