"""What cannot work is refused before anything is written: all faults at once, each in a sentence, no traceback."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.keycloak import Server
from tests.conftest import Servers
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.e2e.stack import Grant, Run, Stack
from tests.support.realms import TestRealm

House = tuple[TestRealm, Stack]
WRONG_PASSWORD = "invalid_grant: Invalid user credentials) by Keycloak at '"
CLIENTS: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("frontend", "api", "shop", "orders")},
    "off": {"enabled": False},
    "spa": {"publicClient": True, "secret": None},
    "service": {"bearerOnly": True},
}
GRANTS: list[tuple[Grant, str]] = [
    (grant("one", target="nowhere", source="off"), "grant 'one' in realm '{realm}': client 'nowhere' does not exist"),
    (grant("two", target="off"), "grant 'two' in realm '{realm}': client 'off' is disabled; enable it."),
    (
        grant("three", source="spa"),
        "'three' in realm '{realm}': requester 'spa' is a public client; make it confidential",
    ),
    (
        grant("four", source="spa", flows=["recipient"]),
        "grant 'four' in realm '{realm}': source 'spa' is a public client; set allowPublicSource: true",
    ),
    (grant("five", target="service"), "grant 'five' in realm '{realm}': requester 'service' is bearer-only"),
    (grant("six", realm="nowhere"), "grant 'six' in realm 'nowhere': the realm does not exist"),
    (
        grant("seven", source="shop", target="orders", exchange="legacy"),
        "'seven' in realm '{realm}': the server has no legacy exchange; start Keycloak with --features=token-exchange:v1",
    ),
]
"""Grants of one run, and what is told of each."""
SECOND_FAULT = "grant 'one' in realm '{realm}': client 'off' is disabled"


TEN_FAULTS: list[tuple[Grant, str]] = [
    ({"name": "one", "sources": None}, "grant 'one' in realm '{realm}': has no sources; set it."),
    ({"name": "two", "sources": []}, "grant 'two' in realm '{realm}': sources is empty; name at least one client."),
    (
        {"name": "three", "targt": "api"},
        "grant 'three' in realm '{realm}': has the unknown key 'targt'; did you mean 'target'?",
    ),
    ({"name": "four", "flows": ["recipent"]}, "grant 'four' in realm '{realm}': flows holds 'recipent'; choose from "),
    ({"name": "five", "target": 5}, "grant 'five' in realm '{realm}': target is 5; give a text, in quotes."),
    (
        {"name": "si\nx"},
        r"grant 'si\nx' in realm '{realm}': name holds '\n', which is not allowed in a name; correct it.",
    ),
    ({"name": "s" * 256}, ": name has 256 characters; give it 1 to 255."),
    ({"name": "eight", "prove": "yes"}, "grant 'eight' in realm '{realm}': prove is 'yes'; set true or false."),
    ({"name": "nine", "target": "frontend"}, "grant 'nine' in realm '{realm}': target 'frontend' is also a source; "),
]


@pytest.fixture(scope="module")
def house(pulumi: Path, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A realm with clients of every kind, and a stack without resources."""
    server = servers("standard")
    realm = TestRealm.make(server.url, server.admin_password, CLIENTS)
    yield realm, Stack(tmp_path_factory.mktemp("refusals") / "stack", pulumi, server, realm.name)
    realm.remove()


@pytest.fixture
def closed() -> Iterator[str]:
    """An address where nobody listens: the port is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def refused(stack: Stack, realm: TestRealm, sentences: list[str]) -> Run:
    """``up`` is refused with each sentence, told once in the summary; nothing was written."""
    before = realm.export()
    run = stack.refused("up", "--yes")
    told = run.output.rpartition("Diagnostics:")[2]
    for sentence in sentences:
        assert told.count(sentence.format(realm=realm.name)) == 1, run.output
    assert run.writes == []
    assert stack.export() == {}
    assert realm.export() == before
    return run


def test_grants_that_cannot_work(house: House) -> None:
    realm, stack = house
    stack.configure(*(each for each, _ in GRANTS))
    sentences = [*(sentence for _, sentence in GRANTS), SECOND_FAULT]
    run = refused(stack, realm, sentences)
    assert run.output.rpartition("Diagnostics:")[2].count("error: ") == len(sentences), run.output


def test_ten_faults_are_told_at_once_and_none_twice(house: House) -> None:
    realm, stack = house
    kept = dict(stack.config)
    try:
        whole = [{"sources": ["frontend"], "target": "api", **given} for given, _ in TEN_FAULTS]
        stack.configure(*whole, exchange="v3")
        sentences = [*(each for _, each in TEN_FAULTS), "config 'exchange': is 'v3'; choose one of "]
        run = refused(stack, realm, sentences)
    finally:
        stack.config = kept
    told = run.output.rpartition("Diagnostics:")[2]
    assert told.count("error: ") == 10 and run.logins == 0, run.output


@pytest.mark.parametrize(
    ("variables", "config", "sentence"),
    [
        ({"KEYCLOAK_ADMIN_PASS": "wrong"}, {}, WRONG_PASSWORD),
        ({"KEYCLOAK_ADMIN_PASS": ""}, {}, "config 'adminPassword': is not set; set KEYCLOAK_ADMIN_PASS"),
        ({"KEYCLOAK_URL": "closed"}, {}, "': no answer to POST "),
        ({}, {"loginRealm": "nowhere"}, "has no such realm; correct url or loginRealm."),
    ],
    ids=["wrong-password", "no-password", "server-down", "no-login-realm"],
)
def test_logins_that_cannot_work(
    variables: dict[str, str], config: dict[str, Any], sentence: str, house: House, closed: str
) -> None:
    realm, stack = house
    kept, given = dict(stack.env), dict(stack.config)
    try:
        stack.env |= {name: closed if value == "closed" else value for name, value in variables.items()}
        stack.configure(grant(), **config)
        run = refused(stack, realm, [sentence])
    finally:
        stack.env, stack.config = kept, given
    assert run.output.rpartition("Diagnostics:")[2].count("error: ") == 1, run.output


@pytest.mark.standard_exchange
def test_another_server_is_never_taken_for_ours(
    make_realm: Callable[..., TestRealm], new_stack: NewStack, servers: Servers
) -> None:
    realm = make_realm("standard")
    stack = new_stack(realm, "standard")
    stack.configure(grant())
    stack.up("--skip-preview")
    up, state = realm.export(), stack.export()

    other = twin(realm, servers("legacy"))
    untouched = other.export()
    try:
        stack.use(servers("legacy"))
        for command in ("refresh", "destroy"):
            run = stack.refused(command, "--yes", "--skip-preview")
            assert f"belongs to issuer '{realm.url}/realms/{realm.name}', but '{other.url}' is" in run.output
            assert (
                "point the stack's url at its own server, or, if that moved, run `python -m exchange rebind`."
                in run.output
            )
            assert run.writes == []
            assert stack.export() == state
        assert other.export() == untouched
    finally:
        other.remove()

    stack.use(servers("standard"))
    stack.env["KEYCLOAK_ADMIN_PASS"] = "wrong"
    for command in ("refresh", "destroy"):
        assert WRONG_PASSWORD in stack.refused(command, "--yes").output
        assert stack.export() == state
    assert realm.export() == up


def twin(realm: TestRealm, server: Server) -> TestRealm:
    """A realm of the same name, with the same clients, on another server."""
    other = TestRealm(server.url, server.admin_password, realm.name)
    other.session.post("/admin/realms", {"realm": realm.name, "enabled": True})
    for client in ("frontend", "api"):
        other.add_client(client)
    return other
