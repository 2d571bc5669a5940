"""A server that takes a request and never answers it costs a process its patience once, however many resources there are."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from kcadmin.rest import bounded, transport
from kcadmin.rest.errors import Unreachable
from kcadmin.rest.session import Session
from tests.acceptance.test_hostile_servers import LOGIN, after_login, dripping, session
from tests.support.hostile_server import Asked, Write, hostile, reply
from tests.support.in_process import Stack
from tests.support.proxy import Request, proxy_before
from tests.support.realms import TestRealm

RESOURCES, THREADS = 30, 4
PATIENCE = 0.5


@pytest.fixture
def short_times(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transport, "READ_SECONDS", PATIENCE)
    monkeypatch.setattr(bounded, "ANSWER_SECONDS", PATIENCE)
    yield


def silent(_: Asked, write: Write) -> None:
    """Holds on until the test is over."""
    while True:
        time.sleep(0.05)
        write(b"")


def said_by_all(its: Session) -> set[str]:
    def ask(number: int) -> str:
        try:
            its.get(f"/admin/realms/r/clients/{number}")
        except Unreachable as problem:
            return str(problem)
        return ""

    with ThreadPoolExecutor(THREADS) as pool:
        return set(pool.map(ask, range(RESOURCES)))


@pytest.mark.parametrize("server", [silent, dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")])
def test_a_login_without_an_answer_is_waited_for_once(
    short_times: None, server: Callable[[Asked, Write], None]
) -> None:
    with hostile(server) as its:
        (sentence,) = said_by_all(session(its))
        assert len(its.asked) == 1 and f"Keycloak at '{its.url}'" in sentence


@pytest.mark.parametrize("server", [silent, dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")])
def test_requests_without_an_answer_are_waited_for_by_each_thread_at_most(
    short_times: None,
    server: Callable[[Asked, Write], None],
) -> None:
    with hostile(after_login(server)) as its:
        sentences = said_by_all(session(its))
        assert len(its.asked) <= 1 + THREADS and "" not in sentences and len(sentences) <= THREADS


def test_after_a_while_it_is_asked_again(short_times: None, monkeypatch: pytest.MonkeyPatch) -> None:
    mute = threading.Event()
    mute.set()

    def act(asked: Asked, write: Write) -> None:
        while mute.is_set() and LOGIN not in asked.line:
            time.sleep(0.05)
        write(reply(body=[]))

    with hostile(after_login(act)) as its:
        session_ = session(its)
        for _ in range(2):
            with pytest.raises(Unreachable):
                session_.get("/admin/x")
        assert len(its.asked) == 2
        mute.clear()
        with pytest.raises(Unreachable):
            session_.get("/admin/x")
        moment = time.monotonic() + transport.UNANSWERED_SECONDS
        monkeypatch.setattr(
            "kcadmin.rest.transport.time.monotonic", lambda: moment + time.perf_counter() - time.perf_counter()
        )
        assert session_.get("/admin/x") == []


@pytest.mark.standard_exchange
@pytest.mark.parametrize("where", ["everything", "all but logins"])
def test_a_run_against_a_server_that_hangs_keeps_its_state(
    realm: TestRealm, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hang(request: Request) -> None:
        over.wait()
        request.hang_up()

    with proxy_before(realm.url) as proxy:
        stack = Stack(replace(realm.connection, url=proxy.url))
        grant = {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api"}
        stack.up(grant)
        state, before = set(stack.state), realm.export()
        proxy.fault, proxy.each = hang, lambda request: where == "everything" or "/admin/" in request
        for run in (stack.refresh, stack.destroy, lambda: stack.up(grant)):
            with monkeypatch.context() as patch:
                patch.setattr(transport, "READ_SECONDS", PATIENCE if where == "everything" else 10 * PATIENCE)
                with pytest.raises(Exception, match=f"Keycloak at '{proxy.url}': no answer to ") as caught:
                    run()
                assert "\n" not in str(caught.value)
        proxy.fault = None
        over.set()
        assert set(stack.state) == state and realm.export() == before
        stack.destroy()
