"""What is gone is Keycloak's own answer for that very object: no other answer takes anything out of a state."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from kcadmin.rest.connection import Connection, PasswordLogin
from kcadmin.rest.errors import Forbidden, KeycloakError, NotFound, UnexpectedAnswer
from kcadmin.rest.session import Session
from tests.support.in_process import Stack
from tests.support.proxy import Proxy, Request, proxy_before, says
from tests.support.realms import PASSWORD, TestRealm

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_what_is_gone_on_a_real_server(legacy_realm: TestRealm) -> None:
    realm = legacy_realm
    realm.change("api", serviceAccountsEnabled=True, authorizationServicesEnabled=True)
    at = f"/admin/realms/{realm.name}"
    client, management = f"{at}/clients/{realm.uuid('api')}", f"{at}/clients/{realm.uuid('realm-management')}"
    scope = realm.get("client-scopes")[0]["id"]
    services = f"{client}/authz/resource-server"
    for path in (
        "/admin/realms/nobody",
        f"/admin/realms/nobody/clients/{NOBODY}/protocol-mappers/models/{NOBODY}",
        f"{at}/clients/{NOBODY}",
        f"{at}/clients/{NOBODY}/protocol-mappers/models/{NOBODY}",
        f"{at}/clients/{NOBODY}/management/permissions",
        f"{at}/clients/{NOBODY}/authz/resource-server/policy/{NOBODY}",
        f"{client}/protocol-mappers/models/{NOBODY}",
        f"{client}/roles/nobody",
        f"{client}/roles/nobody/composites",
        f"{client}/scope-mappings/clients/{NOBODY}",
        f"{client}/evaluate-scopes/scope-mappings/{NOBODY}/granted",
        f"{at}/roles/nobody",
        f"{at}/roles-by-id/{NOBODY}/composites",
        f"{at}/client-scopes/{NOBODY}",
        f"{at}/client-scopes/{scope}/protocol-mappers/models/{NOBODY}",
        f"{at}/users/{NOBODY}/role-mappings",
        f"{at}/groups/{NOBODY}",
        f"{at}/group-by-path/nobody/of/them",
        f"{services}/policy/{NOBODY}",
        f"{services}/policy/client/{NOBODY}",
        f"{services}/policy/{NOBODY}/associatedPolicies",
        f"{services}/permission/scope/{NOBODY}",
        f"{services}/scope/{NOBODY}",
        f"{services}/scope/{NOBODY}/permissions",
        f"{services}/resource/{NOBODY}",
        f"{management}/authz/resource-server/policy",
        f"{management}/authz/resource-server/policy/{NOBODY}",
        f"{management}/authz/resource-server/scope/search?name=token-exchange",
    ):
        with pytest.raises(NotFound):
            realm.session.get(path)
    for path in (
        f"{at}/client-scopes/{NOBODY}",
        f"{client}/optional-client-scopes/{NOBODY}",
        f"{services}/policy/{NOBODY}",
        f"{services}/scope/{NOBODY}",
        f"{client}/protocol-mappers/models/{NOBODY}",
    ):
        with pytest.raises(NotFound):
            realm.session.delete(path)
    for path in (f"{at}/nothing-like-it", f"{at}/client-policies/nothing", "/nothing", f"{client}/nothing"):
        with pytest.raises(
            UnexpectedAnswer, match=r"answered 404 with application/json .*, which Keycloak never sends"
        ):
            realm.session.get(path)


def test_a_token_that_ends_between_an_answer_and_what_confirms_it(legacy_realm: TestRealm) -> None:
    client = f"/admin/realms/{legacy_realm.name}/clients/{legacy_realm.uuid('api')}"
    with proxy_before(legacy_realm.url) as proxy:
        session = Session(replace(legacy_realm.connection, url=proxy.url))
        session.get(client)
        proxy.fault, proxy.at = says(401), len(proxy.seen) + 1
        with pytest.raises(NotFound):
            session.get(f"{client}/authz/resource-server/settings")
        assert proxy.seen[proxy.at] == f"GET {client}"


def test_a_lacking_role_is_told_and_hides_nothing_as_gone(legacy_realm: TestRealm) -> None:
    """Without roles Keycloak answers 403 for most paths, and 404 below authorization services."""
    realm = legacy_realm
    its = Session(Connection(realm.url, PasswordLogin(realm.user, PASSWORD), realm.name))
    at = f"/admin/realms/{realm.name}"
    for path in (
        at,
        f"{at}/clients",
        f"{at}/clients/{NOBODY}",
        f"{at}/users/{NOBODY}",
        f"{at}/client-policies/policies",
    ):
        with pytest.raises(
            Forbidden, match=r"-> 403 Forbidden: .+; give the login the role '(view|query)-\w+' of client"
        ):
            its.get(path)
    for name in ("api", "realm-management"):
        services = f"{at}/clients/{realm.uuid(name)}/authz/resource-server"
        for path in (services, f"{services}/policy", f"{services}/policy/{NOBODY}", f"{services}/scope/{NOBODY}"):
            with pytest.raises((Forbidden, UnexpectedAnswer)):
                its.get(path)


JSON, HTML = "application/json", "text/html"
FOREIGN: dict[str, Callable[[Request], None]] = {
    "a page that denies": says(403, b"<h1>Forbidden</h1>", Content_Type=HTML),
    "a page that finds nothing": says(404, b"<h1>Not Found</h1>", Content_Type=HTML),
    "a default backend": says(404, b"default backend - 404", Content_Type="text/plain"),
    "a default backend's JSON": says(404, b'{"error":"not found"}'),
    "a gateway's JSON": says(404, b'{"message":"no Route matched with those values"}'),
    "a gateway's denial": says(403, b'{"error":"forbidden"}'),
    "another server of the kind": says(404, b'{"error":"HTTP 404 Not Found"}'),
    "nothing at all": says(404, b"", Content_Type=""),
    "another realm's word": says(404, b'{"error":"Realm not found."}'),
    "another client's word": says(404, b'{"error":"Could not find client"}'),
    "a redirect": says(301, b"", Location="https://console.example.com/login"),
}


@dataclass
class Place:
    realm: TestRealm
    stack: Stack
    proxy: Proxy

    @property
    def session(self) -> Session:
        return Session(replace(self.realm.connection, url=self.proxy.url))


@pytest.fixture(scope="module")
def place(servers: Any) -> Iterator[Place]:
    """A stack of both exchanges that is up, and goes to its server through a proxy."""
    server = servers("legacy")
    realm = TestRealm.make(server.url, server.admin_password)
    with proxy_before(realm.url) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda seconds: None)
        stack = Stack(replace(realm.connection, url=proxy.url), events=True)
        common = {"realm": realm.name, "sources": ["frontend"], "target": "api"}
        stack.up(
            {**common, "name": "old", "exchange": "legacy", "flows": ["requester"]},
            {**common, "name": "new", "exchange": "standard", "requiredRoles": ["offline_access"]},
        )
        yield Place(realm, stack, proxy)
        proxy.fault = None
        stack.destroy()
    realm.remove()


@pytest.mark.standard_exchange
@pytest.mark.parametrize("who", FOREIGN)
def test_another_ones_answer_takes_nothing_out_of_the_state(place: Place, who: str) -> None:
    state, before = set(place.stack.state), place.realm.export()
    place.proxy.fault, place.proxy.each = FOREIGN[who], lambda request: "/admin/" in request
    for run in (place.stack.refresh, place.stack.destroy):
        with pytest.raises(KeycloakError) as caught:
            run()
        text = str(caught.value)
        assert "role" not in text and "\n" not in text, text
        assert f"Keycloak at '{place.proxy.url}'" in text or "Realm not found" not in who, text
        if who == "a redirect":
            assert "to 'https://console.example.com/login'" in text
    place.proxy.fault = None
    assert set(place.stack.state) == state and place.realm.export() == before


@pytest.mark.standard_exchange
@pytest.mark.parametrize("who", [who for who in FOREIGN if who != "another client's word"])
def test_one_object_that_another_one_answers_for(place: Place, who: str) -> None:
    """Only paths of one object are answered so; the rest of the server is right."""
    path = f"{place.realm.name}/clients/{place.realm.uuid('frontend')}/protocol-mappers/models/{NOBODY}"
    existing = f"/admin/realms/{place.realm.name}/clients/{place.realm.uuid('frontend')}"
    place.proxy.fault, place.proxy.each = FOREIGN[who], lambda request: bool(re.search(existing + "$", request))
    its = place.session
    with pytest.raises(UnexpectedAnswer, match=rf"^Keycloak at '{place.proxy.url}': GET {existing} answered \d+"):
        its.get(existing)
    place.proxy.each = lambda request: path in request
    with pytest.raises(UnexpectedAnswer):
        its.delete(f"/admin/realms/{path}")
    place.proxy.fault = None
    with pytest.raises(NotFound):
        its.delete(f"/admin/realms/{path}")
