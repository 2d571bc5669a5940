"""Each request of an ``up`` meets each fault once: it is retried safely, or the run fails with one sentence and the next
one completes. Never a hang, another exception, a duplicate, or a trace after destroy.

``make test`` gives each fifth request one of the faults, in turn, and of planned legacy grants, which make the most of them,
each eighth; ``make faults`` all of them to each.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kcadmin.rest import transport
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import KeycloakError
from tests.support.in_process import Stack
from tests.support.proxy import FAULTS, proxy_before
from tests.support.realms import TestRealm

ALL = bool(os.environ.get("ALL_FAULTS"))
LOGIN = ("/protocol/openid-connect/token", "/.well-known/openid-configuration")
"""Both without a token of the server."""
ROLE = "offline_access"


def conditions_of(realm: TestRealm) -> list[list[str]]:
    """The roles that the grant's client scope is for; none: it is for everybody."""
    scopes = [each["id"] for each in realm.get("client-scopes") if each["name"].startswith("few-")]
    return [[role["name"] for role in realm.get("client-scopes", each, "scope-mappings", "realm")] for each in scopes]


@pytest.fixture(autouse=True)
def short_times(legacy_realm: TestRealm) -> Iterator[None]:
    """The proxy's slowness must be longer than our patience, which is short while it is slow alone."""
    legacy_realm.export()  # the first one of a server takes longer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.support.proxy.SLOW_SECONDS", 1.3)
        patch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0.05)
        yield


ROLE_IN_LEGACY = pytest.mark.scope_policies  # what judges the role when the requester asks


@pytest.mark.parametrize(
    ("exchange", "late"),
    [
        pytest.param(exchange, late, id=f"{exchange}-{'late' if late else 'planned'}", marks=marks)
        for exchange, late, marks in (
            ("standard", False, ()),
            ("standard", True, ()),
            ("legacy", False, ROLE_IN_LEGACY),
            ("legacy", True, ()),
        )
    ],
)
def test_every_request_survives_every_fault(legacy_realm: TestRealm, exchange: str, late: bool) -> None:
    realm, every = legacy_realm, 8 if exchange == "legacy" and not late else 5
    first = (6 if exchange == "legacy" else 0) + (3 if late else 0)  # fault, so that the four cases meet all of them
    common: dict[str, Any] = {"realm": realm.name, "exchange": exchange}
    flows = ["recipient", "requester"]
    grants = [{**common, "name": "g", "sources": ["frontend"], "target": "api", "flows": flows}]
    if not late:
        asks = {"sources": ["api"], "target": "frontend", "flows": flows[1:], "requiredRoles": [ROLE]}
        grants.append({**common, "name": "few", **asks})
    before = realm.export()
    failed: set[tuple[str, bool]] = set()  # by fault, and whether at a login
    with proxy_before(realm.url) as proxy:

        def through(*purposes: str) -> Connection:
            return replace(realm.robot(*purposes), url=proxy.url)

        number = 0
        while True:
            turn, rest = divmod(number, every)
            names = [*FAULTS] if ALL else [] if rest else [[*FAULTS][(first + turn) % len(FAULTS)]]
            for name in names:
                stack = Stack(through, late=late)
                proxy.seen.clear()
                proxy.at, proxy.fault = number, FAULTS[name]
                try:
                    with pytest.MonkeyPatch.context() as patch:
                        if name == "too slow":
                            patch.setattr(transport, "READ_SECONDS", 1)
                        stack.up(*grants)
                except KeycloakError as problem:
                    assert "\n" not in str(problem), (number, name, problem)
                    failed.add((name, proxy.seen[number].endswith(LOGIN)))
                except BaseException as problem:  # the program's own RunError
                    assert type(problem).__name__ == "RunError" and "\n" not in str(problem), (number, name, problem)
                    failed.add((name, proxy.seen[number].endswith(LOGIN)))
                else:
                    assert late or conditions_of(realm) == [[ROLE]], (number, name)
                reached = len(proxy.seen) > number
                proxy.at = -1
                if reached:
                    stack.up(*grants)
                    assert len(realm.client("frontend")["protocolMappers"]) == 1, (number, name)
                stack.destroy()
                assert realm.export_but_for_permissions() == realm.without_permissions(before), (number, name)
            if not reached:
                break
            number += 1
    assert number > 2 * every  # three faults at least, so all twelve in four cases
    assert {name for name, login in failed - {("401", True)}} <= {  # a login that is refused is not tried again
        "html",
        "truncated",
        "answer lost",
        "cut off",
        "too slow",
        "reset",
        "500",
        "502",
        "503",
        "409",
        "429",
    }
