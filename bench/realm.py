"""Realms for measurements: with their clients, and again as they were."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.cases import Case, source, target
from tests.support.realms import TestRealm

AT_ONCE = 4
PAGE = 100
BOOTSTRAP = "bootstrap"
SWITCH = "standard.token.exchange.enabled"


def make_realm(url: str, password: str, exchange: str, grants: int, clients: int = 0) -> TestRealm:
    """A realm with the clients of ``grants + 1`` grants and little else. clients: with others, so many.

    For the legacy exchange, one more client has management permissions already. A realm's first ones create the resource
    server of ``realm-management``, which stays for ever. Only the first round would pay for it.
    """
    realm = TestRealm.make(url, password, {})
    names = [name(number) for number in range(grants + 1) for name in (source, target)]
    names += [f"other-{number}" for number in range(clients - len(names))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(realm.add_client, names))
    if exchange == "legacy":
        realm.add_client(BOOTSTRAP)
        realm.session.put_json(
            realm.at("clients", realm.uuid(BOOTSTRAP), "management", "permissions"), {"enabled": True}
        )
    return realm


def clients(realm: TestRealm) -> Iterator[dict[str, Any]]:
    """All clients, in pages: one list of them all is slow on a server that has not seen them yet."""
    first = 0
    while page := realm.get("clients", first=str(first), max=str(PAGE)):
        yield from page
        first += PAGE


def tidy(case: Case) -> None:
    """Gives back what a tool has left on: the switch of clients that it took over."""
    realm = case.realm
    for client in clients(realm):
        if (client.get("attributes") or {}).get(SWITCH):
            realm.session.put(realm.at("clients", client["id"]), {"attributes": {SWITCH: ""}})


def left(case: Case) -> list[str]:
    """What a competitor has left on the clients of the case, in words; empty if they are as before."""
    found = []
    for client in clients(case.realm):
        name, attributes = client["clientId"], client.get("attributes") or {}
        if not name.startswith(("source-", "target-")):
            continue
        found += [f"mapper '{each['name']}' of client '{name}'" for each in client.get("protocolMappers") or ()]
        found += [f"{key} of client '{name}'" for key in attributes if key == SWITCH or key.startswith("pulumi.")]
    return [*found, *_policies(case)] if case.exchange == "legacy" else found


def _policies(case: Case) -> list[str]:
    realm = case.realm
    settings = realm.get("clients", realm.uuid("realm-management"), "authz", "resource-server", "settings")
    return [f"policy '{each['name']}'" for each in settings["policies"] if each["type"] == "client"]
