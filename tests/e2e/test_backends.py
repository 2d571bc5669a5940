"""A whole life on a backend that people share: PostgreSQL, and with TEST_BACKENDS=all an S3, too."""

import copy
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from local.layout import UserError
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import as_it_was, both_flows, grant, neither_flow
from tests.e2e.stack import Stack
from tests.support.postgres import Postgres, free_port
from tests.support.proxy import TOKEN, LastWrite, Request, proxy_before
from tests.support.s3 import S3

ALL = os.environ.get("TEST_BACKENDS") == "all"
LOCKED = (
    "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file"
)


@pytest.fixture(
    params=[
        Postgres,
        pytest.param(S3, marks=pytest.mark.skipif(not ALL, reason="make test-backends")),
    ]
)
def backend(request: pytest.FixtureRequest) -> Iterator[Postgres | S3]:
    """A server of states."""
    try:
        server = request.param.start(free_port(), lambda line: None)
    except UserError as problem:  # this machine has none, and cannot get one
        if ALL:
            raise
        pytest.skip(str(problem))
    try:
        yield server
    finally:
        server.stop()


def test_two_people_share_a_backend(backend: Postgres | S3, make_realm: MakeRealm, new_stack: NewStack) -> None:
    """The second one is told who works on the stack, and what to do; also where that run was killed."""
    realm = make_realm("standard", frontend={}, api={})
    before = realm.export()
    first = new_stack(realm, "standard", shared={"PULUMI_BACKEND_URL": backend.pulumi_backend, **backend.login})
    first.configure(grant(), exchange="standard")
    with proxy_before(first.server.url) as proxy:
        first.env["KEYCLOAK_URL"] = proxy.url
        second = copy.copy(first)
        second.env = {**first.env, "PULUMI_HOME": str(first.folder / "home-of-the-second")}
        arrived, go_on = threading.Event(), threading.Event()

        def hold(request: Request) -> None:
            arrived.set()
            go_on.wait()
            with suppress(OSError):  # its sender may have lost patience, and asks again
                request.answer(*request.forward())

        proxy.fault, proxy.each = hold, lambda said: not said.startswith("GET") and not said.endswith(TOKEN)
        done: list[int] = []
        run = threading.Thread(target=lambda: done.append(first.try_("up", "--yes", "--skip-preview").code))
        run.start()
        try:
            while not arrived.wait(0.1):
                assert run.is_alive(), "up ended before its first write"
            told_who_works_there(second, backend)
        finally:
            go_on.set()
            run.join()
        assert done == [0]
        both_flows(realm, "standard")

        proxy.fault = proxy.each = None
        second.preview("--refresh", "--expect-no-changes")
        second.configure(grant(), grant("another", source="api", target="frontend"))
        assert first.killed(proxy, LastWrite(1, done=True), "up", "--yes", "--skip-preview")
        told_who_works_there(second, backend)
        second.run("cancel", "--yes")
        second.up("--skip-preview")
        second.preview("--refresh", "--expect-no-changes")
        both_flows(realm, "standard", source="api", target="frontend")
        second.destroy("--skip-preview")
    neither_flow(realm)
    as_it_was(realm, before, "standard")


def told_who_works_there(stack: Stack, backend: Postgres | S3) -> None:
    said = stack.refused("up", "--yes", "--skip-preview").output
    assert LOCKED in said and "`pulumi cancel`" in said
    assert re.search(rf"created by \S+@{re.escape(socket.gethostname())} \(pid \d+\)", said)
    assert backend.password not in said
