"""What a program reads of a realm before it opens something: in pages, bounded, and with a sentence for what it may not read."""

import pytest

from kcadmin.guards.parts import MARK
from kcadmin.objects.features import Features
from kcadmin.objects.realm import realm_for
from kcadmin.rest.session import session_for
from reach import surroundings as module
from reach.surroundings import Surroundings, known_clients, surroundings
from tests.support import surveys
from tests.support.engine import forget
from tests.support.fake_server import Answer, FakeKeycloak

LEGACY = Features(True, True, True)
NAMED = ("frontend", "api")


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    others = {f"other{number}": {"protocolMappers": [surveys.mapper("api")]} for number in range(150)}
    server.add_realm("r", frontend={}, api={}, **others)
    return server


def read(keycloak: FakeKeycloak, features: Features = LEGACY) -> Surroundings:
    known = known_clients(keycloak.connection, "r", NAMED)
    keycloak.requests.clear()
    return surroundings(keycloak.connection, "r", known, {"api"}, features)


def test_all_clients_in_pages_and_roles_of_those_alone_that_ask(keycloak: FakeKeycloak) -> None:
    found = read(keycloak)
    assert len(found.survey.clients) == 153 and found.unread == ()
    asked = [
        f"{each.path.removeprefix('/admin/realms/r/')} {each.query.get('first', '')}" for each in keycloak.requests
    ]
    assert [each for each in asked if each.startswith("clients ")] == ["clients 0", "clients 2000", "clients 100"]
    assert [each for each in asked if each.endswith("/roles ")] == [f"clients/{keycloak.uuid('api')}/roles "]


def lists(keycloak: FakeKeycloak) -> int:
    """How often the clients of the realm were listed."""
    first = [each for each in keycloak.requests if each.query.get("first") == "0"]
    return sum(each.path == "/admin/realms/r/clients" for each in first)


def test_many_grants_of_a_run_read_the_clients_once(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    """While all are known and young. The features of the server are read once for all realms."""
    keycloak.add_realm("other", frontend={}, api={})
    session = session_for(keycloak.connection)
    for name, clients in (("r", 153), ("other", 3), ("r", 153)):
        assert len(surroundings(keycloak.connection, name, {}, ()).survey.clients) == clients
    assert (len(keycloak.asked("serverinfo")), lists(keycloak)) == (1, 1)
    realm_for(session, "r").clients.forget(keycloak.uuid("api"))
    assert len(surroundings(keycloak.connection, "r", {}, ()).survey.clients) == 153, "a client of the list was written"
    assert lists(keycloak) == 2
    monkeypatch.setattr(module, "NOTES_SECONDS", 0.0)
    surroundings(keycloak.connection, "r", {}, ())
    assert lists(keycloak) == 3


def test_hidden_client_scopes_are_said(keycloak: FakeKeycloak) -> None:
    """As Keycloak 26.8 answers a login without view on client scopes: no 403, and the lists of each client are empty."""
    for name in NAMED:
        keycloak.change(name, defaultClientScopes=[], optionalClientScopes=[])
    keycloak.answers["/admin/realms/r/client-scopes"] = []
    assert read(keycloak).unread == ("client scopes: this login sees none, so they are left out of account",)


def test_a_large_realm_is_not_listed(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLIENTS_READ", 120)
    found = read(keycloak)
    assert set(found.survey.clients) == {*NAMED}
    assert found.unread == (
        "other clients: the realm has more than 120, so the named ones alone were read; after `pulumi up`, "
        "`python -m exchange graph --fail-on undeclared` reads all",
    )


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        ("clients$", "other clients: this login may not read them (role view-clients)"),
        ("client-scopes$", "client scopes: this login may not read them (role view-clients)"),
        ("client-policies/policies", "client policies: this login may not read them (role view-realm)"),
        ("authz/resource-server", "legacy permissions: this login may not read them"),
        ("/roles$", "roles and scope mappings: this login may not read them (role view-clients)"),
    ],
)
def test_what_the_login_may_not_read_is_said(keycloak: FakeKeycloak, at: str, sentence: str) -> None:
    keycloak.change("other1", attributes={MARK: "a guard's"})
    known_clients(keycloak.connection, "r", (*NAMED, "realm-management"))
    keycloak.interfere(*[Answer(403, {"error": "HTTP 403 Forbidden"})] * 2, at=at)  # the export, then the lists
    (said,) = read(keycloak).unread
    assert said.startswith(sentence)


def test_client_policies_are_missed_only_where_they_may_matter(keycloak: FakeKeycloak) -> None:
    keycloak.interfere(*[Answer(403, {"error": "HTTP 403 Forbidden"})] * 2, at="client-policies/policies")
    assert read(keycloak).unread == ()
    only = {"access.token.claim": "false", "lightweight.claim": "true"}
    keycloak.change("api", protocolMappers=[surveys.mapper("frontend", **only)])
    forget()
    (said,) = read(keycloak).unread
    assert said.startswith("client policies: this login may not read them")


def test_a_login_that_sees_the_named_clients_alone(keycloak: FakeKeycloak) -> None:
    keycloak.add_realm("r", frontend={}, api={})
    (said,) = read(keycloak).unread
    assert said.startswith("other clients: this login sees none")
