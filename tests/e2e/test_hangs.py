"""The real ``pulumi`` against a server that takes requests and never answers: each command ends after one wait of each of its
processes, however many resources there are; the state loses nothing, and the next run goes on.

``make test`` lets each command hang once, and up and destroy at their writes; ``make faults`` at every kind of request.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from kcadmin.rest.transport import READ_SECONDS
from local.layout import PROJECT
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Run, Stack
from tests.support.proxy import TOKEN, Proxy, Request, proxy_before

ALL = bool(os.environ.get("ALL_FAULTS"))
WAIT_SECONDS = 3
"""Instead of the 60 seconds that ``kcadmin.rest.transport.READ_SECONDS`` is."""
SPREAD_SECONDS = 20  # of threads that begin before the first one gives up; waits one after another are longer
SHORTER = f"from kcadmin.rest import transport\ntransport.READ_SECONDS = {WAIT_SECONDS}\n"
EVERYTHING = ("everything", lambda request: True)
ADMINISTRATION = ("administration", lambda request: "/admin/" in request)
WRITES = ("writes", lambda request: not request.startswith("GET ") and not request.endswith(TOKEN))
Which = tuple[str, Callable[[str], bool]]


@dataclass
class Silence:
    """Never answers, and notes when it was asked."""

    over: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, request: Request) -> None:
        self.asked.append((time.monotonic(), f"{request.command} {request.path}"))
        self.over.wait()
        request.hang_up()


def hung(stack: Stack, proxy: Proxy, which: Which, *command: str) -> Run:
    """A command while requests of a kind hang. Nobody begins to wait after somebody has waited in vain."""
    silence = Silence()
    stack.env["PYTHONPATH"] = os.pathsep.join([str(stack.folder / "shorter"), str(PROJECT)])
    proxy.fault, proxy.each = silence, which[1]
    start = time.monotonic()
    try:
        run = stack.refused(*command)
    finally:
        proxy.fault = proxy.each = None
        silence.over.set()
        del stack.env["PYTHONPATH"]
    took = time.monotonic() - start
    assert silence.asked, f"{command}: nothing was asked: {run.output}"
    waits = [at - silence.asked[0][0] for at, _ in silence.asked]
    late = [each for each in waits if each > WAIT_SECONDS + SPREAD_SECONDS]
    assert not late, (command, which[0], waits, [each for _, each in silence.asked])
    assert WAIT_SECONDS <= took < READ_SECONDS and "no answer to" in run.output, (took, run.output)
    return run


@pytest.mark.standard_exchange
@pytest.mark.parametrize("number", [1, 30] if ALL else [15])
def test_each_command_waits_once(make_realm: MakeRealm, new_stack: NewStack, number: int) -> None:
    realm = make_realm("standard", api={}, **{f"source-{each}": {} for each in range(number)})
    stack = new_stack(realm, "standard")
    (stack.folder / "shorter").mkdir()
    (stack.folder / "shorter" / "sitecustomize.py").write_text(SHORTER)
    before = realm.export()
    grants = [
        {"name": f"g{each}", "sources": [f"source-{each}"], "target": "api", "flows": ["requester"]}
        for each in range(number)
    ]
    with proxy_before(realm.url) as proxy:
        stack.env["KEYCLOAK_URL"] = proxy.url
        stack.configure(*grants, exchange="standard")
        hung(stack, proxy, WRITES, "up", "--yes", "--skip-preview")
        stack.up("--skip-preview")
        state, there = stack.export(), realm.export()
        hung(stack, proxy, EVERYTHING, "preview")
        for which in (EVERYTHING, ADMINISTRATION) if ALL else (ADMINISTRATION,):
            for command in ("up", "refresh", "destroy") if ALL else ("refresh",):
                hung(stack, proxy, which, command, "--yes", "--skip-preview")
        assert stack.export() == state and realm.export() == there
        hung(stack, proxy, WRITES, "destroy", "--yes", "--skip-preview")
        assert set(stack.export()) == set(state) and realm.export() == there
        quiet = stack.up("--skip-preview", "--refresh", "--expect-no-changes")
        assert not quiet.writes
        stack.destroy("--skip-preview")
    assert realm.export() == before
