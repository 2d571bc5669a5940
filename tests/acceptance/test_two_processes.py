"""Several processes write to one target at the same time, as stacks of several teams do: nothing is lost."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from kcadmin.authz.exchange_permission import attach, attached, detach
from kcadmin.authz.policy_removal import delete_policy
from kcadmin.objects.realm import realm_for
from kcadmin.objects.robot import LEGACY, STANDARD
from kcadmin.rest.connection import Connection
from kcadmin.rest.session import session_for
from providers.standard_token_exchange import StandardTokenExchangeProvider
from tests.support.engine import Engine, forget
from tests.support.realms import TestRealm

PROCESSES, ROUNDS = 4, 25
PAUSES = (0, 0.2, 0.5, 1, 2, 4, 8)  # seconds; a busy machine may keep the one that mends waiting
SWITCH = "standard.token.exchange.enabled"


def together(work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Runs the work in four new processes, each with its number."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        return [future.result() for future in [pool.submit(work, number, *arguments) for number in range(PROCESSES)]]


def attach_policies(number: int, connection: Connection, realm_name: str, uuid: str, policies: list[str]) -> None:
    realm = realm_for(session_for(connection), realm_name)
    for policy in policies[number::PROCESSES]:
        attach(realm, uuid, "api", [policy], "org/project/stack#g")


def detach_policies(number: int, connection: Connection, realm_name: str, uuid: str, policies: list[str]) -> None:
    realm = realm_for(session_for(connection), realm_name)
    for policy in policies[number::PROCESSES]:
        detach(realm, uuid, "api", [policy], soon_deleted=lambda now: True)
        delete_policy(realm, realm.permissions_server(), policy)


def test_policies_on_one_permission(legacy_realm: TestRealm) -> None:
    realm, uuid = legacy_realm, legacy_realm.uuid("api")
    realm.session.put_json(realm.at("clients", uuid, "management", "permissions"), {"enabled": True})
    server = realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server", "policy", "client")
    body = {"clients": [realm.uuid("frontend")]}
    made = [
        realm.session.post_json(server, {**body, "name": f"p{number}"})["id"] for number in range(PROCESSES * ROUNDS)
    ]
    robot = realm.robot(LEGACY)
    together(attach_policies, robot, realm.name, uuid, made)
    there = attached(realm_for(session_for(realm.connection), realm.name), uuid)
    assert there is not None and set(there.policies) == set(made)
    together(detach_policies, robot, realm.name, uuid, made[1:])
    there = attached(realm_for(session_for(realm.connection), realm.name), uuid)
    assert there is not None and set(there.policies) == {made[0]}


def take_and_leave(number: int, connection: Connection, realm_name: str) -> int:
    """How often the switch stayed off although this process held it.

    One that leaves at the same moment may write before it sees us; it looks again at once, and switches on.
    """
    lost = 0
    for _ in range(ROUNDS):
        forget()
        engine = Engine(StandardTokenExchangeProvider, connection)
        engine.up(realm=realm_name, client_id="api", owner=f"team-{number}")
        lost += not any(_is_on(engine, pause) for pause in PAUSES)
        engine.destroy()
    return lost


def _is_on(engine: Engine, pause: float) -> bool:
    time.sleep(pause)
    forget()
    return engine.refresh() and engine.outputs["enabled"] is True


def test_claims_on_one_switch(realm: TestRealm) -> None:
    realm.change("api", attributes={SWITCH: "false"})
    before = realm.export()
    lost = together(take_and_leave, realm.robot(STANDARD), realm.name)
    assert realm.export() == before
    assert sum(lost) == 0
