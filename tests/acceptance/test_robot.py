"""The robot that bootstrap makes: exactly its roles, a key that logs in, whole lives of grants, and no trace when it goes."""

import json
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pulumi
import pytest

from exchange.bootstrap.bootstrap import Bootstrapped, bootstrap, remove
from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from kcadmin.objects import robot
from kcadmin.objects.features import read_features
from kcadmin.objects.realm import realm_for
from kcadmin.objects.robot_permissions import PERMISSIONS_CLIENT
from kcadmin.rest.connection import Connection, PrivateKeyLogin
from kcadmin.rest.errors import Forbidden, Refusal
from kcadmin.rest.session import Session
from kcadmin.writes.watch import Unannounced
from local.layout import keycloak_version
from reach.among_clients import reach_among_clients
from reach.introspection import HIDDEN
from reach.verdict import RECIPIENT, Case
from tests.acceptance.test_policy_changes import CONSENT, demand
from tests.conftest import MakeRealm
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.realms import TestRealm
from tests.support.renewed import renewed_realm
from tests.support.robot_clients import ROBOTS

NAME = "robot"


realm = renewed_realm("standard")
legacy_realm = renewed_realm("legacy")


def made(realm: TestRealm, folder: Path, *purposes: str, **options: Any) -> Bootstrapped:
    roles = robot.roles_for([robot.STANDARD, *purposes])
    forget()
    return bootstrap(realm.connection, realm.name, NAME, roles, folder / "robot.pem", **options)


def login(realm: TestRealm, robot_made: Bootstrapped) -> Connection:
    key = PrivateKeyLogin(NAME, robot_made.key.read_text())
    return replace(realm.connection, login=key, login_realm=realm.name)


def grant(realm: TestRealm, **changes: Any) -> dict[str, Any]:
    flows = ["recipient", "requester"]
    return {"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "flows": flows, **changes}


@pytest.mark.parametrize(
    ("purposes", "grants", "guards"),
    [
        ((), {"exchange": "standard"}, ()),
        ((robot.LEGACY,), {"exchange": "legacy"}, ()),
        ((robot.REALM_ROLES,), {"exchange": "standard", "requiredRoles": ["payer"]}, ()),
        ((robot.GUARDS,), {"exchange": "standard"}, ("requesters", "sources")),
        pytest.param(
            (robot.LEGACY, robot.REALM_ROLES),
            {"exchange": "legacy", "requiredRoles": ["payer"]},
            (),
            marks=pytest.mark.scope_policies,
        ),
    ],
    ids=["standard", "legacy", "realm roles", "guards", "legacy with realm roles"],
)
def test_it_may_do_what_it_is_for(
    legacy_realm: TestRealm, tmp_path: Path, purposes: tuple[str, ...], grants: dict[str, Any], guards: tuple[str, ...]
) -> None:
    realm = legacy_realm
    realm.add_role("payer", realm.user)
    before = realm.export()
    found = made(realm, tmp_path, *purposes)
    assert found.robot.made and stat.S_IMODE(found.key.stat().st_mode) == 0o600
    stack = Stack(login(realm, found), guards=guards)
    stack.up(grant(realm, **grants))
    assert "api" in realm.exchange("frontend", realm.user_token("frontend"), "api")["aud"]
    stack.refresh()
    stack.destroy()
    forget()
    gone = remove(realm.connection, realm.name, NAME)
    assert gone and gone.remains == ()
    assert realm.export_but_for_permissions() == realm.without_permissions(before)


def test_it_leaves_no_trace_of_any_purpose(module_realm: TestRealm, tmp_path: Path) -> None:
    """Made, made anew with another key, and removed."""
    before = module_realm.export()
    made(module_realm, tmp_path, *robot.ROLES)
    assert made(module_realm, tmp_path, *robot.ROLES, new_key=True).robot.roles == robot.roles_for(robot.ROLES)
    forget()
    gone = remove(module_realm.connection, module_realm.name, NAME)
    assert gone and gone.remains == () and module_realm.export() == before


def test_it_may_do_no_more(realm: TestRealm, tmp_path: Path) -> None:
    realm.add_role("payer", realm.user)
    found = made(realm, tmp_path)
    session = Session(login(realm, found))
    session.get(realm.at("clients"))
    claims = jwt.decode(session._current_token(), options={"verify_signature": False})
    assert claims["resource_access"] == {"realm-management": {"roles": ["manage-clients"]}}
    assert "realm_access" not in claims
    for path in (realm.at("users"), realm.at("roles", "payer"), realm.at("events")):
        with pytest.raises(Forbidden):
            session.get(path)
    with pytest.raises(Forbidden):
        session.put(realm.at(), {"displayName": "mine"})


def test_it_is_given_exactly_the_roles_that_are_asked_for(realm: TestRealm, tmp_path: Path) -> None:
    wide = made(realm, tmp_path, robot.GUARDS, robot.AUDIT)
    assert wide.robot.roles == ("manage-clients", "manage-realm", "view-events")
    narrow = made(realm, tmp_path)
    assert (narrow.robot.made, narrow.robot.roles) == (False, ("manage-clients",))
    with pytest.raises(Forbidden):
        Session(login(realm, narrow)).get(realm.at("events"))


@pytest.mark.parametrize(("roles", "name"), ROBOTS.items(), ids=[name.replace("-", "_") for name in ROBOTS.values()])
def test_the_robots_of_the_tests_are_as_it_makes_them(
    module_realm: TestRealm, tmp_path: Path, roles: tuple[str, ...], name: str
) -> None:
    """But for its name, its key, its mark, and since when its tokens are taken."""
    forget()
    realm = module_realm
    realm.robot_with(roles)
    bootstrap(realm.connection, realm.name, NAME, roles, tmp_path / "robot.pem")
    imported, bootstrapped = (what_it_is(realm, client_id) for client_id in (name, NAME))
    assert imported == bootstrapped
    for scope in ("of the account", "of its tokens"):
        assert imported[scope] == {"clientMappings": {"realm-management": sorted(roles)}}
    assert remove(realm.connection, realm.name, NAME)


def what_it_is(realm: TestRealm, client_id: str) -> dict[str, Any]:
    """A robot's client, its service account, and the roles of both."""
    own = {"id", "clientId", "attributes", "protocolMappers", "secret", "clientAuthenticatorType", "notBefore"}
    client, uuid = realm.client(client_id), realm.uuid(client_id)
    account = realm.get("clients", uuid, "service-account-user")
    mappers = realm.get("clients", uuid, "protocol-mappers", "models")
    return {
        "client": {
            key: sorted(value) if isinstance(value, list) else value for key, value in client.items() if key not in own
        },
        "account": {key: value for key, value in account.items() if key not in ("id", "username", "createdTimestamp")},
        "groups": realm.get("users", account["id"], "groups"),
        "of the account": roles_in(realm.get("users", account["id"], "role-mappings")),
        "of its tokens": roles_in(realm.get("clients", uuid, "scope-mappings")),
        "mappers": {each["name"]: {key: each[key] for key in ("protocolMapper", "config")} for each in mappers},
    }


def roles_in(mappings: dict[str, Any]) -> dict[str, Any]:
    clients = mappings.get("clientMappings", {})
    held = {name: sorted(role["name"] for role in each["mappings"]) for name, each in clients.items()}
    return {**mappings, "clientMappings": held}


def test_keys(realm: TestRealm, tmp_path: Path) -> None:
    first = made(realm, tmp_path)
    old = login(realm, first)
    with pytest.raises(Refusal, match="give --new-key"):
        bootstrap(realm.connection, realm.name, NAME, ("manage-clients",), tmp_path / "other.pem")
    made(realm, tmp_path, new_key=True)
    Session(login(realm, first)).get(realm.at("clients"))
    with pytest.raises(Exception, match="refused"):
        Session(old).get(realm.at("clients"))
    assert [each.name for each in tmp_path.iterdir()] == ["robot.pem"]


def test_a_key_is_one_robots(
    make_realm: MakeRealm, realm: TestRealm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its default file, which an earlier bootstrap named after the client alone, and by what the file says."""
    monkeypatch.chdir(tmp_path)
    host = realm.url.removeprefix("http://").replace(":", "-")
    first = bootstrap(realm.connection, realm.name, NAME, ("manage-clients",))
    assert first.key == Path(f"robot-{realm.name}-{host}.pem")
    assert bootstrap(realm.connection, realm.name, NAME, ("manage-clients",)).key == first.key
    other = make_realm("standard")
    forget()  # before 26.2 a token knows no realm that is younger
    with pytest.raises(Refusal, match=rf"private key of client 'robot' in realm '{realm.name}' at http.*--new-key"):
        bootstrap(other.connection, other.name, NAME, ("manage-clients",), first.key)
    assert not other.get("clients", clientId=NAME)

    pem = first.key.read_text().partition("Private key of")[0]
    former = tmp_path / "robot.pem"
    former.write_text(pem)
    former.chmod(0o600)
    first.key.unlink()
    second = bootstrap(realm.connection, realm.name, NAME, ("manage-clients",))
    assert second.key == Path("robot.pem") and former.read_text() == pem and not second.robot.made
    third = bootstrap(other.connection, other.name, NAME, ("manage-clients",))
    assert third.robot.made and third.key != second.key and pem not in third.key.read_text()


def test_an_unmanaged_client_is_left_alone(realm: TestRealm, tmp_path: Path) -> None:
    realm.add_client(NAME)
    with pytest.raises(Refusal, match="exists and was not made by bootstrap"):
        made(realm, tmp_path)
    with pytest.raises(Refusal, match="exists and was not made by bootstrap"):
        remove(realm.connection, realm.name, NAME)


@pytest.mark.standard_exchange
def test_it_may_be_kept_to_named_clients(make_realm: MakeRealm, tmp_path: Path) -> None:
    """By fine-grained admin permissions v2."""
    realm = make_realm("standard", frontend={}, api={}, other={})
    before = realm.export()
    if keycloak_version().startswith("26.2."):
        with pytest.raises(
            Refusal, match=r"client '(api|frontend)' .* does not let 'robot' see it.*bootstrap without --only"
        ):
            made(realm, tmp_path, only=("frontend", "api"))
        assert realm.export() == with_empty_permissions(before, realm)
        return
    found = made(realm, tmp_path, only=("frontend", "api"))
    assert found.robot.roles == ("query-clients",)
    connection = login(realm, found)
    stack = Stack(connection)
    stack.up(grant(realm, exchange="standard"))
    assert realm.exchange("frontend", realm.user_token("frontend"), "api")["aud"] == ["api"]
    stack.destroy()
    hides_who_passes_tokens_on(realm, connection)
    session = Session(connection)
    assert session.get(realm.at("clients"), clientId="other") == []
    with pytest.raises(Forbidden):
        session.put(realm.at("clients", realm.uuid("other")), {"description": "mine"})
    forget()
    gone = remove(realm.connection, realm.name, NAME)
    assert gone and gone.remains == (entries_stay(realm),)
    assert realm.export() == with_empty_permissions(before, realm)


def hides_who_passes_tokens_on(realm: TestRealm, connection: Connection) -> None:
    """Where a mapper acts at introspection alone, it counts that such a login cannot see who gets tokens there."""
    realm.mapper("frontend", "whole", "api", **{"access.token.claim": "false", "introspection.token.claim": "true"})
    forget()
    with pytest.raises(pulumi.RunError, match=re.escape(f"of 'frontend', where {HIDDEN} passes on the whole token")):
        Stack(connection).up(grant(realm, exchange="standard", audience="optionalScope"))
    own = realm_for(Session(connection), realm.name)
    verdict = reach_among_clients(own, read_features(own.session), ["api", "frontend"]).reach.verdict(
        "api", "frontend", None
    )
    assert HIDDEN in " ".join(verdict.conditions), verdict
    case = Case("g", realm.name, "standard", RECIPIENT, "frontend", "api", "api")
    diagnosis = Doctor(AnswerCache(own.session), Asked()).examine([case])[0]
    assert any(HIDDEN in each.wrong for each in diagnosis.notes)
    realm.delete_mapper("frontend", "whole")


def test_a_server_without_admin_permissions_is_left_as_it_was(legacy_realm: TestRealm, tmp_path: Path) -> None:
    """One with version 1 of them has no version 2."""
    before = legacy_realm.export()
    with pytest.raises(Refusal, match=r"use a server with admin-fine-grained-authz:v2, or bootstrap without --only"):
        made(legacy_realm, tmp_path, only=("frontend",))
    assert legacy_realm.export() == before and not [*tmp_path.iterdir()]


@pytest.mark.standard_exchange
def test_admin_permissions_stay_on_where_others_use_them(realm: TestRealm, tmp_path: Path) -> None:
    """The last robot switches them off; who had them on keeps them on. A realm's other settings stay as they are."""
    if keycloak_version().startswith("26.2."):
        pytest.skip("its robot is refused")
    theirs = {"cibaExpiresIn": "99", "cibaInterval": "9", "parRequestUriLifespan": "77", "theirs": "a"}
    realm.session.put(realm.at(), {"attributes": {**realm.get()["attributes"], **theirs}})
    before = realm.export()
    made(realm, tmp_path, only=("frontend",))
    forget()
    bootstrap(realm.connection, realm.name, "second", (), tmp_path / "second.pem", only=("api",))
    forget()
    gone = remove(realm.connection, realm.name, NAME)
    stays_on = f"realm '{realm.name}': its admin permissions stay on, since others have permissions there."
    assert gone and gone.remains == (entries_stay(realm), stays_on)
    assert realm.get()["adminPermissionsEnabled"]
    forget()
    bootstrap(realm.connection, realm.name, "second", ("manage-clients",), tmp_path / "second.pem")
    assert not realm.get()["adminPermissionsEnabled"], "it may manage every client now"
    forget()
    gone = remove(realm.connection, realm.name, "second")
    assert gone and gone.remains == ()
    assert realm.export() == with_empty_permissions(before, realm)

    realm.session.put(realm.at(), {"adminPermissionsEnabled": True})
    before = realm.export()
    made(realm, tmp_path, only=("frontend",))
    made(realm, tmp_path, only=("frontend", "api"))
    forget()
    gone = remove(realm.connection, realm.name, NAME)
    assert gone and gone.remains == (entries_stay(realm),)
    assert realm.export() == before


@pytest.mark.standard_exchange
def test_a_failure_leaves_admin_permissions_as_they_were(
    realm: TestRealm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off, with what somebody once permitted there."""
    realm.session.put(realm.at(), {"adminPermissionsEnabled": True})
    server = realm.at("clients", realm.get()["adminPermissionsClient"]["id"], "authz", "resource-server")
    realm.session.post(f"{server}/policy/user", {"name": "theirs", "users": [realm.get("users")[0]["id"]]})
    realm.session.put(realm.at(), {"adminPermissionsEnabled": False})
    before = realm.export()

    def refused(*_: Any) -> None:
        raise Refusal("no")

    monkeypatch.setattr(robot, "_read_as_robot", refused)
    with pytest.raises(Refusal, match=r"^no$"):
        made(realm, tmp_path, only=("frontend", "api"))
    assert without_entries(realm.export()) == without_entries(before) and not [*tmp_path.iterdir()]


def entries_stay(realm: TestRealm) -> str:
    stays = "keeps an entry without permissions for each client that the robot managed, since no request can delete it"
    return f"realm '{realm.name}': its client 'admin-permissions' {stays}."


def without_entries(export: dict[str, Any]) -> dict[str, Any]:
    """The export without the resources that Keycloak makes with the first permission on a client, and refuses to delete."""
    (server,) = [each["authorizationSettings"] for each in export["clients"] if each["clientId"] == PERMISSIONS_CLIENT]
    server["resources"] = [each for each in server["resources"] if "-" not in each["name"]]
    return {**export, "clients": sorted(export["clients"], key=lambda each: str(each["clientId"]))}


def with_empty_permissions(export: dict[str, Any], realm: TestRealm) -> dict[str, Any]:
    """The export, and what no request can undo: the client that Keycloak makes for admin permissions, without any in it."""
    made = next(each for each in realm.export()["clients"] if each["clientId"] == PERMISSIONS_CLIENT)
    assert not made["authorizationSettings"]["policies"]
    roles = {**export["roles"], "client": {**export["roles"]["client"], PERMISSIONS_CLIENT: []}}
    clients = [*export["clients"], made]
    return {
        **export,
        "roles": roles,
        "clients": sorted(clients, key=lambda each: json.dumps(each, sort_keys=True)),
        "adminPermissionsClient": {"clientId": PERMISSIONS_CLIENT},
    }


REFUSES = {
    "executor": "secure-client-authenticator",
    "configuration": {"allowed-client-authenticators": ["client-secret"]},
}


@pytest.mark.exchange_guards
def test_a_client_policy_that_acts_on_the_robot_is_told_before_anything_is_written(
    realm: TestRealm, tmp_path: Path
) -> None:
    told = list[str]()
    before = realm.export()
    demand(realm, CONSENT)
    with pytest.raises(Refusal) as changed:
        made(realm, tmp_path)
    said = str(changed.value)
    assert (
        f"client '{NAME}' in realm '{realm.name}': client policy 'secure' (profile 'strict', consent-required)" in said
    )
    assert "would change consentRequired from nothing to true when bootstrap writes this client" in said
    assert "--accept-policy-changes, repeated for each of consentRequired" in said
    demand(realm, REFUSES)
    with pytest.raises(Refusal, match=r"secure-client-authenticator\) would refuse what bootstrap writes"):
        made(realm, tmp_path)
    demand(realm)
    assert realm.export() == before and not [*tmp_path.iterdir()]
    demand(realm, CONSENT)
    assert made(realm, tmp_path, accepted=["consentRequired"], tell=told.append).robot.made
    assert realm.client(NAME)["consentRequired"] and "as accepted; nothing gives that back" in told[0]
    remove(realm.connection, realm.name, NAME)
    demand(realm)
    assert realm.export() == before and [each.name for each in tmp_path.iterdir()] == ["robot.pem"]


HERE = {"condition": "client-updater-source-host", "configuration": {"trusted-hosts": ["127.0.0.1"]}}
FORMER = {"condition": "client-attributes", "configuration": {"attributes": '[{"key": "former", "value": "yes"}]'}}
REJECTS = {"executor": "reject-request", "configuration": {}}


@pytest.mark.exchange_guards
def test_what_only_the_server_can_tell_of_the_robot_fails_once_it_is_made(realm: TestRealm, tmp_path: Path) -> None:
    before = realm.export()
    demand(realm, CONSENT, conditions=[HERE])
    with pytest.raises(Unannounced, match="the server also changed consentRequired from nothing to true"):
        made(realm, tmp_path)
    demand(realm)
    assert realm.export() == before and not [*tmp_path.iterdir()]
    made(realm, tmp_path)
    realm.change(NAME, attributes={"former": "yes"})
    there = realm.uuid(NAME)
    demand(realm, REJECTS, conditions=[FORMER])
    with pytest.raises(Refusal, match=r"reject-request\) would refuse that bootstrap deletes the robot that exists"):
        made(realm, tmp_path)
    demand(realm)
    assert realm.uuid(NAME) == there
