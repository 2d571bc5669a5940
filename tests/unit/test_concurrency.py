"""Threads that work at different targets never wait for one another."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from kcadmin.authz.management_permissions import set_management
from kcadmin.objects.claims import Kind
from kcadmin.objects.mappers import AudienceMapper, AudienceMappers
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import take
from tests.support.fake_server import FakeKeycloak

SECONDS = 120


@pytest.fixture
def server() -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm("r", one={}, other={})
    return server


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_held_client_stops_nobody_at_another(server: FakeKeycloak) -> None:
    realm = Realm(server.shared, "r")
    uuid = server.uuid("other")
    mapper = AudienceMapper("m", "one", None, True, False, True, "owner")

    def work() -> None:
        take(
            realm.clients,
            uuid,
            "owner",
            Kind("kind", {"attributes.a": str}, {"attributes.a": None}),
            {"attributes.a": "1"},
        )
        AudienceMappers(realm.clients, uuid).create(mapper)

    with realm.clients.lock(server.uuid("one")):
        thread = in_thread(work)
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert server.client("other")["attributes"]["a"] == "1"


def test_only_the_first_permissions_of_a_realm_are_made_alone(
    server: FakeKeycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    realm = Realm(server.shared, "r")
    inside, go_on, made = threading.Semaphore(0), threading.Event(), []

    def put_json(at: str, _: object) -> dict[str, bool]:
        inside.release()
        assert go_on.wait(SECONDS)
        made.append(at)
        return {"enabled": True}

    monkeypatch.setattr(realm.session, "put_json", put_json)

    def both() -> list[threading.Thread]:
        return [in_thread(lambda name=name: set_management(realm, name, True)) for name in ("one", "other")]

    first = both()
    assert inside.acquire(timeout=SECONDS)
    assert not inside.acquire(timeout=0.2)  # the other waits for the realm's resource server
    go_on.set()
    for thread in first:
        thread.join(SECONDS)
    assert len(made) == 2

    assert inside.acquire(timeout=SECONDS)  # of the one that waited
    go_on.clear()
    second = both()
    assert inside.acquire(timeout=SECONDS)
    assert inside.acquire(timeout=SECONDS)
    go_on.set()
    for thread in second:
        thread.join(SECONDS)
    assert len(made) == 4
