"""A feature of the server is switched off beside a live stack, and on again: it is said, and nothing is lost."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.live_stack import LiveStack
from tests.support.own_servers import OwnServer

WHOLE = bool(os.environ.get("TEST_LIVE"))
LIVE = pytest.mark.skipif(not WHOLE, reason="builds servers without a feature: make test-live")
OFF = "-> 501 Not Implemented: Feature not enabled; start Keycloak"
PERMISSIONS = f"/management/permissions {OFF} with --features=admin-fine-grained-authz:v1."
NO_LEGACY = "the server has no legacy exchange; start Keycloak with --features="
Live = Callable[..., LiveStack]


@pytest.fixture
def live(own_server: OwnServer, pulumi: Path, tmp_path: Path) -> Iterator[Live]:
    """Makes stacks in realms of that server."""
    made: list[LiveStack] = []

    def make(exchange: str, resources: str = "each", **config: object) -> LiveStack:
        made.append(
            LiveStack(tmp_path / f"stack-{len(made)}", pulumi, own_server.server, exchange, resources, **config)
        )
        return made[-1]

    yield make
    for each in made:
        each.stack.end_left()


def switched(own: OwnServer, feature_set: str, *stacks: LiveStack) -> None:
    """The server is started again with other features."""
    server = own.again(feature_set)
    for each in stacks:
        each.at(server)


@pytest.mark.parametrize(
    ("feature_set", "lacks_permissions"),
    [
        ("standard", True),
        pytest.param("no-legacy-permissions", True, marks=LIVE),
        pytest.param("no-legacy-exchange", False, marks=LIVE),
    ],
)
def test_the_legacy_exchange(feature_set: str, lacks_permissions: bool, own_server: OwnServer, live: Live) -> None:
    """Off whole, without its permissions (v2 is on in their place since 26.2), and with them alone."""
    kept = live("legacy")
    gone = [live("legacy", "realm")] if WHOLE else []
    switched(own_server, feature_set, kept, *gone)
    held = kept.stack.export()
    kept.refused("preview", words=(f"and 1 more in realm '{kept.realm.name}': {NO_LEGACY}",))
    if lacks_permissions:
        kept.refused("refresh", "--yes", "--skip-preview", words=(PERMISSIONS,))
    else:
        kept.stack.refresh("--skip-preview", "--expect-no-changes")
    for each in gone:
        if lacks_permissions:
            each.refused("destroy", "--yes", "--skip-preview", words=(PERMISSIONS,))
        else:
            each.leave()
    assert kept.stack.export() == held
    lack = "the server has no legacy exchange (start Keycloak with --features="
    assert lack in kept.said("verify", "--dry-run")
    for command in (("graph",), ("doctor",), ("migrate", "plan")) if WHOLE else ():
        assert "start Keycloak with --features=" in kept.said(*command)

    switched(own_server, "legacy", kept, *gone)
    kept.quiet()
    for each in (kept, *(gone if lacks_permissions else ())):
        each.leave()


@LIVE
@pytest.mark.standard_exchange
def test_the_standard_exchange(own_server: OwnServer, live: Live) -> None:
    """``auto`` moves no grant to the legacy exchange, which this server has."""
    kept, chosen, gone = live("standard"), live("standard", "realm", auto=True), live("standard")
    switched(own_server, "no-standard", kept, chosen, gone)
    words = "the server has no standard exchange, by which this grant was made; start Keycloak with --features="
    chosen.refused("preview", words=(words, "or set exchange: legacy to move the grant."))
    for each in (kept, chosen):
        each.stack.refresh("--skip-preview", "--expect-no-changes")
    lack = "the server has no standard exchange (start Keycloak with --features="
    for command in (("verify", "--dry-run"), ("graph",)):
        assert lack in kept.said(*command)
    assert "the server has no standard exchange; start Keycloak" in kept.said("doctor")
    gone.leave()

    switched(own_server, "legacy", kept, chosen)
    for each in (kept, chosen):
        each.quiet()
        each.leave()


@LIVE
@pytest.mark.exchange_guards
def test_client_policies(own_server: OwnServer, live: Live) -> None:
    guards = ["requesters", "sources"]
    kept, gone = live("standard", guards=guards), live("legacy", "realm", guards=guards)
    switched(own_server, "no-client-policies", kept, gone)
    words = (f"/client-policies/policies {OFF} without --features-disabled=client-policies.",)
    held = kept.stack.export()
    for command in ("preview", "refresh"):
        kept.refused(command, *(["--yes", "--skip-preview"] if command == "refresh" else []), words=words)
    assert kept.stack.export() == held
    gone.refused("destroy", "--yes", "--skip-preview", words=words)
    for told in (("verify", "--dry-run"), ("graph",), ("doctor",)):
        kept.said(*told)

    switched(own_server, "legacy", kept, gone)
    kept.quiet()
    for each in (kept, gone):
        each.leave()


@LIVE
def test_authorization(own_server: OwnServer, live: Live) -> None:
    """The policies, scopes and permissions of a client's own services, and the legacy grant beside them."""
    kept, gone = live("legacy", alone=True), live("legacy", alone=True)
    switched(own_server, "no-authorization", kept, gone)
    words = (f"{OFF} without --features-disabled=authorization.",)
    held = set(kept.stack.export())
    kept.refused("refresh", "--yes", "--skip-preview", words=(*words, f"/authz/resource-server {words[0]}"))
    assert set(kept.stack.export()) == held
    gone.refused("destroy", "--yes", "--skip-preview", words=words)
    for told in (("verify", "--dry-run"), ("graph",), ("inventory",)):
        assert "-> 501" not in kept.said(*told)
    assert "the server has no legacy exchange; start Keycloak with --features=" in kept.said("doctor")

    switched(own_server, "legacy", kept, gone)
    kept.quiet()
    for each in (kept, gone):
        each.leave()
