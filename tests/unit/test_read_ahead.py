"""A realm's clients are read in pages where a stack names a fair part of them, and one by one where it does not."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kcadmin.objects.clients import Clients
from providers.base.expected_clients import clients_by_realm
from reach.preflight import named_clients
from tests.support.fake_server import Answer, FakeKeycloak


def realm_of(number: int) -> FakeKeycloak:
    server = FakeKeycloak()
    server.add_realm()
    for each in range(number):
        server.add_client("r", f"client-{each}")
    return server


def examine(clients: Clients, number: int) -> None:
    for each in range(number):
        assert clients.find(f"client-{each}")


def test_a_fair_part_of_a_realm_is_read_in_pages() -> None:
    server = realm_of(250)
    clients = Clients(server.shared, "r")
    clients.expect(200)
    examine(clients, 200)
    probe, *pages, last = [each.query for each in server.asked("^GET .*/clients$")]
    assert probe == {"first": "800", "max": "1"}
    assert sorted(each["first"] for each in pages) == ["0", "100"]  # at once, since so many are expected
    assert last == {"first": "200", "max": "100"}


@pytest.mark.parametrize(("there", "fewest", "most"), [(99, 1, 1), (100, 2, 4), (399, 4, 4), (400, 5, 7)])
def test_a_command_reads_pages_together_after_the_first(there: int, fewest: int, most: int) -> None:
    server = realm_of(there - 1)  # and realm-management
    found = [each.client_id for page in Clients(server.shared, "r").pages(3) for each in page]
    assert len(found) == len({*found}) == there and found == sorted(found)
    assert fewest <= len(server.asked("^GET .*/clients$")) <= most


@pytest.mark.parametrize(("there", "named", "singly"), [(50, 9, 9), (50, 12, 0), (500, 40, 40)])
def test_a_program_reads_clients_together_and_asks_a_missing_realm_for_one(
    there: int, named: int, singly: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = realm_of(there).install(monkeypatch)
    wanted = [(realm, f"client-{number}") for realm in ("gone", "r") for number in reversed(range(named))]
    assert [*named_clients(server.connection, [*wanted, ("r", "none")])] == sorted(wanted[named:])
    assert len([each for each in server.asked("/r/clients$") if "clientId" in each.query]) == singly + 1
    assert len([each for each in server.asked("/gone/clients$") if "clientId" in each.query]) == 1


@pytest.mark.parametrize(
    ("there", "expected", "pages"), [(250, 2, 3), (200, 200, 3), (250, 250, 3), (99, 99, 1), (100, 100, 2)]
)
def test_what_is_expected_costs_no_page_more(there: int, expected: int, pages: int) -> None:
    server = realm_of(there - 1)  # and realm-management
    known = [name for page, _ in server.shared.dated_pages("/admin/realms/r/clients", {}, expected) for name in page]
    assert len({each["id"] for each in known}) == len(known) == there
    assert len(server.asked("^GET .*/clients$")) == pages


def test_a_few_of_many_clients_are_looked_up_one_by_one() -> None:
    server = realm_of(300)
    clients = Clients(server.shared, "r")
    clients.expect(6)
    examine(clients, 6)
    assert [each.query for each in server.asked("^GET .*/clients$")] == [
        {"clientId": f"client-{each}"} for each in range(6)
    ]


def test_a_few_clients_more_than_announced_change_nothing() -> None:
    server = realm_of(1_000)
    clients = Clients(server.shared, "r")
    clients.expect(100)
    examine(clients, 110)
    assert [each.query for each in server.asked("^GET .*/clients$") if "first" in each.query] == [
        {"first": "400", "max": "1"}
    ]


def test_a_small_part_of_a_realm_costs_one_probe() -> None:
    server = realm_of(300)
    clients = Clients(server.shared, "r")
    clients.expect(20)
    examine(clients, 20)
    first, *others = [each.query for each in server.asked("^GET .*/clients$")]
    assert first == {"first": "80", "max": "1"}
    assert others == [{"clientId": f"client-{each}"} for each in range(20)]


def test_without_a_number_it_is_judged_by_what_was_looked_up() -> None:
    server = realm_of(200)
    clients = Clients(server.shared, "r")
    examine(clients, 200)
    probes = [each for each in server.asked("^GET .*/clients$") if each.query.get("max") == "1"]
    assert [each.query["first"] for each in probes] == ["160", "320"]
    assert len(server.asked("^GET .*/clients$")) == 19 + 2 + 3


def test_a_client_that_comes_later_is_looked_up() -> None:
    server = realm_of(20)
    clients = Clients(server.shared, "r")
    clients.expect(20)
    examine(clients, 20)
    assert clients.find("late") is None
    server.add_client("r", "late")
    assert clients.find("late")


def test_a_name_that_went_to_another_client_finds_that_one() -> None:
    server = realm_of(2)
    clients = Clients(server.shared, "r")
    old = clients.find("client-0")
    assert old
    server.change("client-0", clientId="renamed")
    uuid = server.add_client("r", "client-0")
    assert clients.get(old.uuid, max_age=0)
    found = clients.find("client-0")
    assert found and found.uuid == uuid


def test_a_page_never_undoes_what_was_written_meanwhile() -> None:
    server = realm_of(20)
    clients = Clients(server.shared, "r")
    uuid = server.uuid("client-3")
    stale = json.loads(json.dumps(server.client("client-3")))
    clients.change(uuid, {"name": "new"})
    clients.expect(20)
    server.interfere(Answer(200, []), Answer(200, [stale]), at="GET .*/clients$")  # the probe, then a page
    assert clients.find("client-1")
    found = clients.get(uuid)
    assert found and found.value("name") == "new"


def test_a_page_never_brings_back_what_was_written_of_a_client_that_is_not_known() -> None:
    server = realm_of(20)
    clients = Clients(server.shared, "r")
    stale = json.loads(json.dumps(server.client("client-3")))
    uuid = clients.set_mapper(server.uuid("client-3"), {"name": "new", "protocolMapper": "any", "config": {}})
    clients.expect(20)
    server.interfere(Answer(200, []), Answer(200, [stale]), at="GET .*/clients$")  # the probe, then a page
    assert clients.find("client-1")
    found = clients.get(server.uuid("client-3"))
    assert found and [each["id"] for each in found.mappers] == [uuid]


def test_what_is_written_while_a_page_is_taken_in_is_not_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    server = realm_of(20)
    clients = Clients(server.shared, "r")
    page = json.loads(json.dumps([server.client("client-1"), server.client("client-3")]))
    made: list[str] = []

    def another_thread() -> Iterator[dict[str, Any]]:
        yield page[0]
        clients.get(page[1]["id"], max_age=0)
        made.append(clients.set_mapper(page[1]["id"], {"name": "new", "protocolMapper": "any", "config": {}}))
        yield page[1]

    monkeypatch.setattr(server.shared, "dated_pages", lambda *_: iter([(another_thread(), time.monotonic())]))
    clients.expect(20)
    assert clients.find("client-1")
    found = clients.get(page[1]["id"])
    assert found and [each["id"] for each in found.mappers] == made


@pytest.mark.parametrize("status", [403, 404])
def test_what_may_not_be_listed_is_looked_up(status: int) -> None:
    server = realm_of(20)
    clients = Clients(server.shared, "r")
    clients.expect(20)
    server.interfere(Answer(status, {"error": "no"}), at="GET .*/clients$")
    examine(clients, 20)
    assert len([each for each in server.asked("^GET .*/clients$") if "clientId" in each.query]) == 20


def test_threads_wait_for_one_list() -> None:
    server = realm_of(150)
    clients = Clients(server.shared, "r")
    clients.expect(150)
    threads = [threading.Thread(target=clients.find, args=[f"client-{each}"]) for each in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked("^GET .*/clients$")) == 3


@pytest.mark.parametrize(
    ("grants", "number"),
    [
        ('[{"sources": ["a", "b"], "target": "c"}, {"sources": ["a"], "target": "c", "requester": "d"}]', {"r": 4}),
        ('[{"sources": ["a"], "target": "c"}, {"sources": ["a"], "target": "c", "realm": "s"}]', {"r": 2, "s": 2}),
        ("[]", {}),
        ("", {}),
        ("nonsense", {}),
        ('["nonsense"]', {}),
        ('[{"sources": 5}]', {}),
        ('[{"sources": [["a"]], "target": "b"}]', {}),
        ("7", {}),
    ],
)
def test_the_config_says_how_many(grants: str, number: dict[str, int]) -> None:
    assert clients_by_realm({"grants": grants, "realm": "r"}.get) == number
