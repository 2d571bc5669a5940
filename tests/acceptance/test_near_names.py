"""A name that does not exist is answered with the nearest ones of the realm, by one more request."""

import pytest

from kcadmin.objects.near_names import near_clients, near_roles, near_users
from kcadmin.objects.realm import realm_for
from kcadmin.rest.errors import Refusal
from providers.base.uuids import require_uuids
from reach.example_tokens import user_named
from tests.support.in_process import Stack
from tests.support.realms import TestRealm

HOSTILE = "fronted\x1b[31m"


@pytest.fixture
def realm(module_realm: TestRealm) -> TestRealm:
    """One for all tests, whose names are not near those of another one."""
    return module_realm


def preview(realm: TestRealm, **grant: object) -> str:
    with pytest.raises(BaseException) as caught:
        Stack(realm.robot("standard", "realm-roles")).up(
            {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", **grant}
        )
    return str(caught.value)


def test_clients_roles_and_realms(realm: TestRealm) -> None:
    realm.session.post(realm.at("roles"), {"name": "staff"})
    realm.session.post(realm.at("clients", realm.uuid("api"), "roles"), {"name": "reader"})
    said = preview(
        realm, target="API", sources=["frontned"], requiredRoles=["Staf", {"client": "api", "role": "raeder"}]
    )
    assert "client 'API' does not exist; create it, or correct the name (near it: 'api')" in said
    assert "client 'frontned' does not exist; create it, or correct the name (near it: 'frontend')" in said
    assert "create it, or correct requiredRoles (near it: 'staff')" in said
    assert "account" not in said and len(said.splitlines()) < 10
    said = preview(realm, target=realm.uuid("api"), sources=["service-account-frontend"])
    assert said.count("(near it: 'api')") == said.count("(near it: 'frontend')") == 1, said
    assert "near it" not in preview(realm, target="zzzzzz")


def test_users(realm: TestRealm) -> None:
    here = realm_for(realm.session, realm.name)
    assert near_users(here, "Testuser") == f" (near it: '{realm.user}')"
    assert near_clients(here, "frontend") == ""  # as where somebody has made it meanwhile
    with pytest.raises(Refusal, match=rf"'testusr2' .*view-users \(near it: '{realm.user}'\)\.$"):
        user_named(here, "testusr2")
    with pytest.raises(Refusal, match=r"'frontned' .*or correct client_id of this switch \(near it: 'frontend'\)\.$"):
        require_uuids({"client_id": "client_uuid"}, here, {"client_id": "frontned"}, "switch")
    names = [f"zeta-{number:03}" for number in range(120)]
    realm.session.post(
        realm.at("partialImport"), {"ifResourceExists": "FAIL", "users": [{"username": name} for name in names]}
    )
    assert near_users(here, "zeto-119").count("'zeta-") == 3


def test_one_request(realm: TestRealm, monkeypatch: pytest.MonkeyPatch) -> None:
    here, asked = realm_for(realm.session, realm.name), []
    realm.session.get(realm.at())
    send = realm.session.transport.send
    monkeypatch.setattr(
        realm.session.transport, "send", lambda *what, **more: asked.append(what) or send(*what, **more)
    )
    assert near_clients(here, "frontned") == " (near it: 'frontend')" and near_roles(here, "zzzzzz") == ""
    assert [at.rsplit("/", 1)[-1] for _, at in asked] == ["clients", "roles"]


def test_a_name_is_data(realm: TestRealm) -> None:
    realm.session.post(realm.at("roles"), {"name": HOSTILE})
    said = preview(realm, requiredRoles=["fronted"])
    assert "\x1b" not in said and "fronted" in said
