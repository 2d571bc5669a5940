"""A feature of the server is switched off beside a live stack, and on again: it is said, and nothing is lost."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.live_stack import LiveStack
from tests.support.own_servers import OwnServer

WHOLE = bool(os.environ.get("TEST_LIVE"))
LIVE = pytest.mark.skipif(not WHOLE, reason="builds servers without a feature: make test-live")
OFF = "-> 501 Not Implemented: Feature not enabled; start Keycloak"
PERMISSIONS = f"/management/permissions {OFF} with --features=admin-fine-grained-authz:v1."
NO_LEGACY = "the server has no legacy exchange; start Keycloak with --features="
HELD = ("each", "realm") if WHOLE else ("each",)
"""Whether parts of grants are a resource each, or one for all of them."""
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


def on_again(server: OwnServer, stay: Sequence[LiveStack], gone: Sequence[LiveStack]) -> None:
    """Stacks are quiet when all features are on again, and leave the realm as it was."""
    switched(server, "legacy", *stay, *gone)
    for each in stay:
        each.quiet()
    for each in (*stay, *gone):
        each.leave()


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
    stay = [live("legacy", held) for held in HELD]
    gone = [live("legacy", held) for held in HELD] if WHOLE else []
    switched(own_server, feature_set, *stay, *gone)
    lack = "the server has no legacy exchange (start Keycloak with --features="
    for each in stay:
        state = each.held()
        each.refused("preview", words=(f"and 1 more in realm '{each.realm.name}': {NO_LEGACY}",))
        if lacks_permissions:
            each.refused("refresh", "--yes", "--skip-preview", words=(PERMISSIONS,))
        else:
            each.stack.refresh("--skip-preview", "--expect-no-changes")
        assert each.held() == state
        assert lack in each.said("verify", "--dry-run")
        for command in (("graph",), ("doctor",), ("migrate", "plan")) if WHOLE else ():
            assert "start Keycloak with --features=" in each.said(*command)
        if WHOLE:
            each.refused("up", "--yes", "--skip-preview", words=(NO_LEGACY,))
            assert each.held() == state
    for each in gone:
        if lacks_permissions:
            each.refused("destroy", "--yes", "--skip-preview", words=(PERMISSIONS,))
        else:
            each.leave()

    switched(own_server, "legacy", *stay, *gone)
    for each in stay:
        each.quiet()
    for each in (*stay, *(gone if lacks_permissions else ())):
        each.leave()


@LIVE
@pytest.mark.standard_exchange
def test_the_standard_exchange(own_server: OwnServer, live: Live) -> None:
    """``auto`` moves no grant to the legacy exchange, which this server has."""
    stay, gone = [live("standard", held) for held in HELD], [live("standard", held) for held in HELD]
    chosen = [live("standard", held, auto=True) for held in HELD]
    switched(own_server, "no-standard", *stay, *chosen, *gone)
    words = "the server has no standard exchange, by which this grant was made; start Keycloak with --features="
    for each in chosen:
        each.refused("preview", words=(words, "or set exchange: legacy to move the grant."))
    lack = "the server has no standard exchange (start Keycloak with --features="
    for each in (*stay, *chosen):
        each.stack.refresh("--skip-preview", "--expect-no-changes")
        for command in (("verify", "--dry-run"), ("graph",)):
            assert lack in each.said(*command)
        assert "the server has no standard exchange; start Keycloak" in each.said("doctor")
    for each in gone:
        each.leave()

    switched(own_server, "legacy", *stay, *chosen)
    for each in (*stay, *chosen):
        each.quiet()
        each.leave()


@LIVE
@pytest.mark.exchange_guards
def test_client_policies(own_server: OwnServer, live: Live) -> None:
    guards = ["requesters", "sources"]
    stay, gone = ([live(exchange, held, guards=guards) for held in HELD] for exchange in ("standard", "legacy"))
    switched(own_server, "no-client-policies", *stay, *gone)
    words = (f"/client-policies/policies {OFF} without --features-disabled=client-policies.",)
    for each in stay:
        state = each.held()
        for command in (("preview",), ("refresh", "--yes", "--skip-preview")):
            each.refused(*command, words=words)
        assert each.held() == state
        for told in (("verify", "--dry-run"), ("graph",), ("doctor",)):
            each.said(*told)
    for each in gone:
        each.refused("destroy", "--yes", "--skip-preview", words=words)

    on_again(own_server, stay, gone)


@LIVE
def test_authorization(own_server: OwnServer, live: Live) -> None:
    """The policies, scopes and permissions of a client's own services, and the legacy grant beside them."""
    stay, gone = ([live("legacy", held, alone=True) for held in HELD] for _ in range(2))
    switched(own_server, "no-authorization", *stay, *gone)
    words = (f"{OFF} without --features-disabled=authorization.",)
    for each in stay:
        state = set(each.stack.export())
        each.refused("preview", words=(NO_LEGACY,))
        each.refused("refresh", "--yes", "--skip-preview", words=(*words, f"/authz/resource-server {words[0]}"))
        assert set(each.stack.export()) == state
        for told in (("verify", "--dry-run"), ("graph",), ("inventory",)):
            assert "-> 501" not in each.said(*told)
        assert "the server has no legacy exchange; start Keycloak with --features=" in each.said("doctor")
    for each in gone:
        each.refused("destroy", "--yes", "--skip-preview", words=words)

    on_again(own_server, stay, gone)
