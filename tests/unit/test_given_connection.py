"""Connections that a program gives beside the stack's: what they hold, and which server they lead to."""

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.output import UNKNOWN

from components import token_exchange_grant
from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.marks.ownership import stack_text
from kcadmin.objects import realm as realms
from kcadmin.rest import session as sessions
from kcadmin.rest.connection import ClientSecretLogin, PasswordLogin, PrivateKeyLogin
from kcadmin.rest.errors import InvalidSettings, KeycloakError
from kcadmin.rest.given_connection import as_input_map, connection_faults, given_connection
from providers.audience_mapper import AudienceMapperProvider
from providers.base.connections import connection_for
from providers.base.place import stack_here
from tests.support.engine import Engine
from tests.support.fake_server import PASSWORD, FakeKeycloak

URL = "https://keycloak.example.com"
GIVEN = {"name": "second", "url": f"{URL}/", "adminPassword": "a-password"}


def test_its_relative_paths_start_at_the_projects_folder_and_stay_relative_in_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nbackend: {url: s3://states}\n")
    (tmp_path / "token.jwt").write_text("")
    outside, key = tmp_path.parent / "elsewhere.jwt", "clientAssertionFile"
    outside.write_text("")
    (tmp_path / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "src" / "deep")
    given = {"name": "second", "url": URL, key: "token.jwt"}
    assert connection_faults(given) == []
    assert as_input_map(given_connection(given))[key] == "token.jwt"
    assert as_input_map(given_connection(given | {key: str(outside)}))[key] == str(outside)
    assert str(tmp_path / "none.jwt") in connection_faults(given | {key: "none.jwt"})[0]
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    stack_here.cache_clear()
    assert stack_here("organization/shop/prod") == stack_text("organization/shop/prod", "s3://states")
    stack_here.cache_clear()


def test_it_takes_variables_of_its_own_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEYCLOAK_ADMIN_PASS", "THIRD_KEYCLOAK_ADMIN_PASS", "KEYCLOAK_CLIENT_ASSERTION_COMMAND"):
        monkeypatch.setenv(name, "another server's")
    monkeypatch.setenv("KEYCLOAK_URL", "https://another.example.com")
    found = given_connection(GIVEN)
    assert (found.url, found.login, found.name) == (URL, PasswordLogin("admin", "a-password"), "second")
    monkeypatch.setenv("SECOND_KEYCLOAK_ADMIN_PASS", "rotated")
    assert given_connection(GIVEN).login == PasswordLogin("admin", "rotated")
    monkeypatch.setenv("EU_WEST_KEYCLOAK_CLIENT_SECRET", "s")
    robot = given_connection({"name": "eu-west", "url": URL, "clientId": "robot", "loginRealm": "r"})
    assert (robot.login, robot.login_realm) == (ClientSecretLogin("robot", "s"), "r")


@pytest.mark.parametrize(
    "given",
    [
        GIVEN,
        {**GIVEN, "loginRealm": "r", "publicUrl": "https://login.example.com", "insecureTls": True},
        {"name": "x", "url": URL, "clientId": "robot", "clientSecret": "s"},
        {"name": "x", "url": URL, "clientId": "robot", "privateKey": "-----BEGIN PRIVATE KEY-----"},
        {"name": "x", "url": "http://keycloak.example.com", "insecureHttp": "true", "adminPassword": "p"},
    ],
)
def test_it_is_given_again_as_it_was(given: dict[str, Any]) -> None:
    connection = given_connection(given)
    assert given_connection(as_input_map(connection)) == connection
    if "privateKey" in given:
        assert isinstance(connection.login, PrivateKeyLogin)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("a-password", "connection: is not a map; give one with url and a login, of "),
        ({**GIVEN, "password": "a-password"}, "connection 'second': has the key 'password'; its keys are name, url,"),
        (
            {**GIVEN, "name": None},
            "connection: name is ''; give a short one of letters, digits and '-', a letter first.",
        ),
        ({**GIVEN, "name": "a/b"}, "connection 'a/b': name is 'a/b'; give a short one"),
        ({**GIVEN, "url": ""}, "connection 'second': has no url; give the server's base address."),
        ({**GIVEN, "url": 5}, "connection 'second': url is not a text; give a text."),
        ({**GIVEN, "adminPassword": ["a-password"]}, "connection 'second': adminPassword is not a text; give a text."),
        ({**GIVEN, "insecureTls": "maybe"}, "connection 'second': insecureTls is 'maybe'; give true or false."),
        ({**GIVEN, "url": f"{URL}/realms/x"}, "connection 'second': 'url': is "),
        (
            {**GIVEN, "adminPassword": None},
            "'adminPassword': is not set; set SECOND_KEYCLOAK_ADMIN_PASS, give adminPassword, or",
        ),
        ({**GIVEN, "clientId": "c"}, "privateKey (SECOND_KEYCLOAK_PRIVATE_KEY)"),
        ({**GIVEN, "url": "http://example.com"}, "SECOND_KEYCLOAK_INSECURE_HTTP=true"),
    ],
)
def test_what_is_wrong_is_said_without_a_secret(given: Any, told: str) -> None:
    faults = connection_faults(given)
    assert any(told in fault for fault in faults) and "a-password" not in str(faults), faults
    assert all(fault.startswith("connection") and fault.endswith(".") for fault in faults)


@pytest.mark.parametrize("given", [5, {}, {**GIVEN, "foo": 1}, {"name": pulumi.Output.from_input("x"), "foo": 1}])
def test_a_grant_refuses_it_before_anything_is_registered(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        token_exchange_grant, "read_defaults", lambda **_: {"realm": "r", "exchange": "auto", "owner": "o"}
    )
    with pytest.raises(pulumi.RunError, match="grant 'g' in realm 'r': connection"):
        TokenExchangeGrant("g", sources=["a"], target="b", connection=given)


def test_a_grant_with_an_unknown_server_needs_an_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        token_exchange_grant, "read_defaults", lambda **_: {"realm": "r", "exchange": "auto", "owner": "o"}
    )
    given = {**GIVEN, "url": pulumi.Output.from_input(URL)}
    with pytest.raises(pulumi.RunError, match=r"whose connection holds outputs.*; give exchange standard or legacy"):
        TokenExchangeGrant("g", sources=["a"], target="b", connection=given)


def test_secrets_among_it_are_secrets_to_pulumi() -> None:
    async def are_secret() -> list[bool]:
        marked = connection_for({**GIVEN, "privateKey": "k"}, None)
        whole = connection_for(pulumi.Output.from_input(GIVEN), None)
        assert isinstance(marked, dict) and isinstance(whole, pulumi.Output)
        assert {key for key, each in marked.items() if isinstance(each, pulumi.Output)} == {
            "adminPassword",
            "privateKey",
        }
        return [await each.is_secret() for each in (marked["adminPassword"], marked["privateKey"], whole)]

    loop = asyncio.new_event_loop()
    with closing(loop):
        assert loop.run_until_complete(are_secret()) == [True, True, True]


@pytest.fixture
def keycloak(monkeypatch: pytest.MonkeyPatch) -> FakeKeycloak:
    server = FakeKeycloak().install(monkeypatch)
    server.add_realm("r", api={}, frontend={})
    return server


MAPPER = {"realm": "r", "client_id": "api", "included_client": "frontend", "owner": "org/project/stack#m"}


def test_a_resource_is_where_its_connection_leads(keycloak: FakeKeycloak) -> None:
    """All calls take the resource's own: the stack's login is refused."""
    engine = Engine(AudienceMapperProvider, replace(keycloak.connection, login=PasswordLogin("admin", "another")))
    with pytest.raises(KeycloakError, match="refused"):
        engine.up(**MAPPER)
    there = {"name": "second", "url": keycloak.url, "adminPassword": PASSWORD}
    assert engine.up(**MAPPER, connection=there) == "create"
    assert engine.up(**MAPPER, connection=there) == "same" and engine.refresh()
    assert engine.outputs["connection"] == there

    keycloak.passwords["admin"] = "rotated"
    sessions._sessions.clear()
    with pytest.raises(
        KeycloakError, match=r"of connection 'second': refused.*or set SECOND_KEYCLOAK_ADMIN_PASS: refresh"
    ):
        engine.refresh()
    rotated = {**there, "adminPassword": "rotated"}
    assert engine.up(**MAPPER, connection=rotated) == "update" and engine.refresh()

    keycloak.passwords["root"] = "rotated"
    keycloak.issuer = "https://another.example.com"
    sessions._sessions.clear()
    realms._realms.clear()
    with pytest.raises(
        KeycloakError, match="point its connection at its own server, or give the grant or resource another"
    ):
        engine.up(**MAPPER, connection={**rotated, "adminUsername": "root"})


def test_a_server_that_is_not_known_yet_is_not_asked(keycloak: FakeKeycloak) -> None:
    provider = AudienceMapperProvider().use(keycloak.connection)
    for given in (UNKNOWN, {**GIVEN, "url": UNKNOWN}):
        inputs = {**MAPPER, "connection": given, "after_others": True}
        assert not provider.check({}, inputs).failures
        assert provider.diff("1", {**MAPPER, "connection": GIVEN}, inputs).changes
    assert not keycloak.requests
    told = provider.check({}, {**MAPPER, "connection": {"name": "x"}}).failures
    assert [each.reason.split(": ", 1)[1] for each in told] == [
        "connection 'x': has no url; give the server's base address."
    ]


def test_a_program_without_the_stacks_connection(keycloak: FakeKeycloak, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = AudienceMapperProvider()
    assert provider.reach({}.get) is None
    with pytest.raises(InvalidSettings, match="'url': is not set"):
        provider.check({}, MAPPER)
    there = {"name": "second", "url": keycloak.url, "adminPassword": PASSWORD}
    assert provider.check({}, {**MAPPER, "connection": there}).inputs["client_uuid"] == keycloak.uuid("api")
