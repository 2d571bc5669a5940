"""Creations are done again, once with effect; a server that gives no answer is waited for once a run."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from kcadmin.objects.realm import realms_of_run
from kcadmin.rest.errors import HttpError, Unreachable
from kcadmin.rest.patience import PATIENCE_SECONDS
from kcadmin.rest.session import session_for
from providers.audience_mapper import AudienceMapperProvider
from tests.support.engine import Engine, forget
from tests.support.fake_server import Answer, FakeKeycloak

MAPPER = "^POST .*/protocol-mappers/models"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    yield waited


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm("r", frontend={}, api={})
    forget()
    return server.install(monkeypatch)


def up(keycloak: FakeKeycloak) -> None:
    Engine(AudienceMapperProvider, keycloak.connection).up(
        realm="r", client_id="frontend", included_client="api", name="m", owner="o/p/s"
    )


@pytest.mark.parametrize(
    "fault",
    [
        Answer(503, "<html>busy</html>", {"Retry-After": "7"}),
        Answer(502, {"error": "unknown_error"}),
        Answer(504),
        ProtocolError("Connection aborted."),
    ],
    ids=["503", "502", "504", "broken"],
)
def test_a_creation_that_failed_in_passing_is_done_again(
    keycloak: FakeKeycloak, waits: list[float], fault: Any
) -> None:
    keycloak.interfere(fault, at=MAPPER)
    up(keycloak)
    assert len(keycloak.client("frontend")["protocolMappers"]) == 1 and len(keycloak.asked(MAPPER)) == 2
    assert not isinstance(fault, Answer) or fault.status != 503 or 7 in waits


def test_a_server_that_stays_away_is_told(keycloak: FakeKeycloak, waits: list[float]) -> None:
    keycloak.interfere(*[Answer(503, "<html>busy</html>", {"Retry-After": "99999"})] * 99, at=MAPPER)
    with pytest.raises(HttpError, match="answered 503 with text/html"):
        up(keycloak)
    assert len(keycloak.asked(MAPPER)) <= 5 and max(waits) <= 30


def test_what_is_refused_is_not_done_again(keycloak: FakeKeycloak) -> None:
    keycloak.interfere(Answer(500, {"error": "unknown_error"}), at=MAPPER)
    with pytest.raises(HttpError):
        up(keycloak)
    assert len(keycloak.asked(MAPPER)) == 1


class Run:
    """Stands for a run."""


def test_who_waited_in_vain_spares_the_rest_of_the_run(keycloak: FakeKeycloak) -> None:
    """As in a process that lives on: the next run asks again."""
    first, second = Run(), Run()
    its = session_for(keycloak.connection)
    with realms_of_run(first):
        keycloak.interfere(ReadTimeoutError(None, "/x", "Read timed out."), at="/x$")  # type: ignore[arg-type]
        for at in ("/admin/x", *["/admin/realms/r/clients"] * 30):
            with pytest.raises(Unreachable, match=r"no answer to GET /admin/x \(Read timed out"):
                its.get(at)
    with realms_of_run(first), pytest.raises(Unreachable):
        its.get("/admin/realms/r/clients")
    assert len(keycloak.asked("^GET")) == 1
    with realms_of_run(second):
        assert its.get("/admin/realms/r/clients")


def test_a_busy_server_is_waited_for_once_not_for_each_resource(
    keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    now = time.monotonic
    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("time.monotonic", lambda: now() + sum(slept))
    its = session_for(keycloak.connection)
    for at in ("/token$", "^GET"):
        slept.clear()
        keycloak.interfere(*[Answer(503, "<html>busy</html>", {"Retry-After": "25"})] * 200, at=at)
        for number in range(30):
            with pytest.raises(HttpError, match="answered 503 with text/html"):
                its.get(f"/admin/realms/r/clients/{number}")
        assert 40 < sum(slept) <= PATIENCE_SECONDS, slept
        keycloak.interfere_no_more()
        assert its.get("/admin/realms/r/clients")
