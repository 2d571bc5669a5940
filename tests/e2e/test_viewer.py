"""A login that may only look: it previews every kind of grant, and is told what it cannot see."""

import json
from dataclasses import replace
from typing import Any

import pytest

from kcadmin.objects.realm import Realm
from kcadmin.rest.connection import ClientSecretLogin
from kcadmin.rest.session import Session
from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.support.hand_made import robot_with
from tests.support.realms import TestRealm, hang_on

LOOKS = ("view-clients", "view-events", "view-realm", "view-users")
GRANTS = (
    grant("plain"),
    grant("third", requester="middle", target="orders"),
    grant("roles", source="shop", target="bills", requiredRoles=["staff", {"client": "bills", "role": "reader"}]),
    grant("scope", source="shop", target="orders", flows=["requester"], audience="optionalScope"),
    grant("exact", source="kiosk", target="orders", exactAudience=True, restrictFullScope=True, tokenLifespan=60),
)


def policies_seen(realm: TestRealm, login: ClientSecretLogin | None = None) -> Any:
    """The realm's permissions as a login reads them, without what a list alone has: ids and the order of names."""
    connection = replace(realm.connection, login=login, login_realm=realm.name) if login else realm.connection
    policies = (Realm(Session(connection), realm.name).permissions_server().settings() or {})["policies"]
    described = ("name", "description", "type", "logic", "decisionStrategy")
    lists = {"clients", "applyPolicies", "resources", "scopes"}
    return sorted(
        (
            *(str(each.get(key)) for key in described),
            sorted(
                (key, sorted(json.loads(value)) if key in lists else value) for key, value in each["config"].items()
            ),
        )
        for each in policies
    )


@pytest.mark.exchange_guards
def test_a_login_for_pull_requests(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm()
    for name in ("middle", "shop", "orders", "bills", "kiosk"):
        realm.add_client(name)
    realm.session.post(realm.at("roles"), {"name": "staff"})
    realm.session.post(realm.at("clients", realm.uuid("bills"), "roles"), {"name": "reader"})
    robot_with(realm, "viewer", *LOOKS)
    robot_with(realm, "half-blind", "view-clients")
    stack = new_stack(realm, "standard")
    by_viewer = {"loginRealm": realm.name, "clientId": "viewer"}
    stack.env["KEYCLOAK_CLIENT_SECRET"] = "s"
    stack.configure(*GRANTS, guards=["requesters"], events=True, **by_viewer)
    assert "to create" in stack.preview().output
    stack.configure(*GRANTS, guards=["requesters"], events=True, loginRealm=None, clientId=None)
    stack.up("--skip-preview")
    stack.configure(*GRANTS, grant("new", source="kiosk", target="bills", flows=["requester"]), **by_viewer)
    told = stack.preview().output
    assert "may not read" not in told and "new" in told
    said = stack.refused("up", "--yes", "--skip-preview").output
    assert "give the login the role 'manage-clients' of client 'realm-management'" in said
    stack.configure(*GRANTS, clientId="half-blind")
    assert "give the login the role 'view-realm' of client 'realm-management'" in stack.refused("preview").output
    stack.configure(GRANTS[0], grant("new", source="kiosk", target="bills", flows=["requester"]))
    told = stack.refused("preview").output
    assert "client policies: this login may not read them (role view-realm)" in told
    # guards and events are read at the same moment, and Pulumi ends at the first that fails
    assert "(to read only, view-realm)" in told or "give it the role view-events" in told


def test_a_login_for_pull_requests_with_legacy_grants(make_realm: MakeRealm, new_stack: NewStack) -> None:
    """Keycloak gives the export of the realm's permissions only to who manages: the program and the plugin read lists."""
    realm = make_realm("legacy")
    for name in ("shop", "orders"):
        realm.add_client(name)
    robot_with(realm, "viewer", *LOOKS, "view-authorization")
    robot_with(realm, "half-blind", *LOOKS)
    old = grant("old", source="shop", flows=["requester"], timeWindow={"start": "06:00", "end": "22:00"})
    new = grant("new", target="orders")
    stack, by_viewer = new_stack(realm, "legacy"), {"loginRealm": realm.name, "clientId": "viewer"}
    stack.env["KEYCLOAK_CLIENT_SECRET"] = "s"
    stack.configure(old, exchange="legacy", **by_viewer)
    assert "to create" in stack.preview().output
    stack.configure(old, loginRealm=None, clientId=None)
    stack.up("--skip-preview")
    stack.configure(old, new, **by_viewer)
    done = stack.preview()
    assert not done.writes and set(done.counted()) == {"create", "unchanged"}
    hang_on(realm, "beside", "UNANIMOUS", "api")
    assert policies_seen(realm, ClientSecretLogin("viewer", "s")) == policies_seen(realm)
    assert "holds the policies beside under UNANIMOUS" in stack.refused("preview").output
    stack.configure(old, new, clientId="half-blind")
    assert "give the login the role 'view-authorization' of client" in stack.refused("preview").output
