"""A feature of the server is switched off beside a live stack, and on again: it is said, and nothing is lost.

``make test-live`` starts a server again with other features, and one that has neither exchange. To start one takes twenty
seconds of CPU, so ``make test`` does with the servers that it has.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kcadmin.objects import features
from kcadmin.rest.connection import Connection, PasswordLogin
from kcadmin.rest.errors import NotImplementedHere
from kcadmin.rest.session import Session
from local import keycloak
from local.keycloak import Server
from local.layout import keycloak_version
from tests.conftest import MakeRealm, Servers
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.support.live_stack import LiveStack
from tests.support.own_servers import OwnServer
from tests.support.proxy import Given, Proxy, proxy_before, says

WHOLE = bool(os.environ.get("TEST_LIVE"))
LIVE = pytest.mark.skipif(not WHOLE, reason="builds servers without a feature: make test-live")
OFF = "-> 501 Not Implemented: Feature not enabled; start Keycloak"
PERMISSIONS_OF = "/management/permissions"
HAS_STANDARD = keycloak.has_standard_exchange(keycloak_version())
NONE_HERE = "has no management permissions on this server; start Keycloak with --features=admin-fine-grained-authz:v1."
PERMISSIONS = f"{PERMISSIONS_OF} {OFF} with --features=admin-fine-grained-authz:v1." if HAS_STANDARD else NONE_HERE
NO_LEGACY = "the server has no legacy exchange; start Keycloak with --features="
HELD = ("each", "realm") if WHOLE else ("each",)
"""Whether parts of grants are a resource each, or one for all of them."""
Live = Callable[..., LiveStack]


class Instead:
    """In place of a server that is started again: one that answers as the run's server without those features does."""

    def __init__(self, servers: Servers, proxy: Proxy) -> None:
        shared = servers("legacy")
        self.server = Server(shared.home, int(proxy.url.rpartition(":")[2]), "admin", shared.admin_password)
        self._servers, self._proxy = servers, proxy

    def again(self, feature_set: str) -> Server:
        self._proxy.known, self._proxy.fault = {}, None
        if feature_set != "legacy":
            other: Server = self._servers(feature_set)
            admin = Session(Connection(other.url, PasswordLogin("admin", other.admin_password)))
            self._proxy.known = says_of_itself(admin.get("/admin/serverinfo"))
            client = admin.get("/admin/realms/master/clients", clientId="admin-cli")[0]["id"]
            with pytest.raises(NotImplementedHere, match="501 Not Implemented: Feature not enabled"):
                admin.get(f"/admin/realms/master/clients/{client}{PERMISSIONS_OF}")
            self._proxy.fault = says(501, b'{"error":"Feature not enabled"}')
            self._proxy.each = lambda request: request.endswith(PERMISSIONS_OF)
        return self.server


def says_of_itself(serverinfo: object) -> dict[str, Given]:
    """What a proxy answers of the server behind it."""
    return {"GET /admin/serverinfo": (200, {"Content-Type": "application/json"}, json.dumps(serverinfo).encode())}


@pytest.fixture
def place(request: pytest.FixtureRequest, servers: Servers) -> Iterator[OwnServer | Instead]:
    """A server that may be switched to other features; at first it has both exchanges."""
    if WHOLE:
        yield request.getfixturevalue("own_server")
        return
    with proxy_before(servers("legacy").url) as proxy:
        yield Instead(servers, proxy)


@pytest.fixture
def live(place: OwnServer | Instead, pulumi: Path, tmp_path: Path) -> Iterator[Live]:
    """Makes stacks in realms of that server."""
    made: list[LiveStack] = []

    def make(exchange: str, resources: str = "each", **config: object) -> LiveStack:
        made.append(LiveStack(tmp_path / f"stack-{len(made)}", pulumi, place.server, exchange, resources, **config))
        return made[-1]

    yield make
    for each in made:
        each.stack.end_left()
        if not WHOLE:
            each.realm.remove()


def switched(place: OwnServer | Instead, feature_set: str, *stacks: LiveStack) -> None:
    """The server is started again with other features."""
    server = place.again(feature_set)
    for each in stacks:
        each.at(server)


def on_again(place: OwnServer | Instead, stay: Sequence[LiveStack], gone: Sequence[LiveStack]) -> None:
    """Stacks are quiet when all features are on again, and leave the realm as it was."""
    switched(place, "legacy", *stay, *gone)
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
def test_the_legacy_exchange(feature_set: str, lacks_permissions: bool, place: OwnServer | Instead, live: Live) -> None:
    """Off whole, without its permissions (v2 is on in their place since 26.2), and with them alone."""
    stay = [live("legacy", held) for held in HELD]
    gone = [live("legacy", held) for held in HELD] if WHOLE else []
    switched(place, feature_set, *stay, *gone)
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
            each.refused("destroy", "--yes", "--skip-preview", words=(NONE_HERE,))
        else:
            each.leave()

    switched(place, "legacy", *stay, *gone)
    for each in stay:
        each.quiet()
    for each in (*stay, *(gone if lacks_permissions else ())):
        each.leave()


@LIVE
@pytest.mark.standard_exchange
def test_the_standard_exchange(place: OwnServer | Instead, live: Live) -> None:
    """``auto`` moves no grant to the legacy exchange, which this server has."""
    stay, gone = [live("standard", held) for held in HELD], [live("standard", held) for held in HELD]
    chosen = [live("standard", held, auto=True) for held in HELD]
    switched(place, "no-standard", *stay, *chosen, *gone)
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

    switched(place, "legacy", *stay, *chosen)
    for each in (*stay, *chosen):
        each.quiet()
        each.leave()


@LIVE
@pytest.mark.exchange_guards
def test_client_policies(place: OwnServer | Instead, live: Live) -> None:
    guards = ["requesters", "sources"]
    stay, gone = ([live(exchange, held, guards=guards) for held in HELD] for exchange in ("standard", "legacy"))
    switched(place, "no-client-policies", *stay, *gone)
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

    on_again(place, stay, gone)


@LIVE
def test_authorization(place: OwnServer | Instead, live: Live) -> None:
    """The policies, scopes and permissions of a client's own services, and the legacy grant beside them."""
    stay, gone = ([live("legacy", held, alone=True) for held in HELD] for _ in range(2))
    switched(place, "no-authorization", *stay, *gone)
    words = (f"{OFF} without --features-disabled=authorization.",)
    for each in stay:
        state = set(each.stack.export())
        each.refused("preview", words=(NO_LEGACY,))
        each.refused("refresh", "--yes", "--skip-preview", words=(*words, f"/authz/resource-server {words[0]}"))
        assert set(each.stack.export()) == state
        for told in (("verify", "--dry-run"), ("graph",), ("inventory",)):
            assert "-> 501" not in each.said(*told)
        lack = "has no legacy exchange" if HAS_STANDARD else "offers neither exchange"
        assert f"the server {lack}" in (told := each.said("doctor")) and "start Keycloak with --features=" in told
    for each in gone:
        each.refused("destroy", "--yes", "--skip-preview", words=words)

    on_again(place, stay, gone)


@pytest.mark.parametrize("feature_set", ["standard", pytest.param("neither", marks=LIVE)])
def test_a_server_that_cannot(feature_set: str, make_realm: MakeRealm, new_stack: NewStack) -> None:
    """The legacy exchange without its permissions, and the standard one switched off; or a server that says it has just that."""
    realm = make_realm(feature_set)
    stack, before = new_stack(realm, feature_set), realm.export()
    switch_on = "; start Keycloak with --features="
    told = {"legacy": f"the server has no legacy exchange{switch_on}admin-fine-grained-authz:v1"}
    if HAS_STANDARD:
        told["standard"] = f"the server has no standard exchange{switch_on}token-exchange-standard:v2"
        told["auto"] = f"the server offers neither exchange{switch_on}token-exchange-standard:v2"
    with proxy_before(realm.url) as proxy:
        if feature_set == "standard":
            proxy.known = says_of_itself(with_neither(realm.session))
        stack.env["KEYCLOAK_URL"] = proxy.url
        for exchange, sentence in told.items():
            stack.configure(grant(), exchange=exchange)
            run = stack.refused("up", "--yes")
            assert run.output.rpartition("Diagnostics:")[2].count(sentence) == 1, run.output
            assert run.writes == [] and stack.export() == {}
    assert realm.export() == before


def with_neither(session: Session) -> dict[str, Any]:
    """What a server says of itself, but that it has neither exchange whole."""
    said: dict[str, Any] = session.get("/admin/serverinfo")
    off, on = (features._LISTED_AS[each] for each in (features.STANDARD_FEATURE, features.LEGACY_FEATURE))
    for each in said["features"]:
        each["enabled"] = each["name"] == on or (each["enabled"] and each["name"] != off)
    return said
