"""A login that may only look: it previews every kind of grant, and is told what it cannot see."""

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import grant
from tests.support.realms import TestRealm

LOOKS = ("view-clients", "view-events", "view-realm", "view-users")
GRANTS = (
    grant("plain"),
    grant("third", requester="middle", target="orders"),
    grant("roles", source="shop", target="bills", requiredRoles=["staff", {"client": "bills", "role": "reader"}]),
    grant("scope", source="shop", target="orders", flows=["requester"], audience="optionalScope"),
    grant("exact", source="kiosk", target="orders", exactAudience=True, restrictFullScope=True, tokenLifespan=60),
)


def viewer(realm: TestRealm, name: str, *roles: str) -> None:
    realm.add_client(name, serviceAccountsEnabled=True)
    management = realm.uuid("realm-management")
    account = realm.get("clients", realm.uuid(name), "service-account-user")["id"]
    given = [realm.get("clients", management, "roles", role) for role in roles]
    realm.session.post(realm.at("users", account, "role-mappings", "clients", management), given)


@pytest.mark.exchange_guards
def test_a_login_for_pull_requests(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm()
    for name in ("middle", "shop", "orders", "bills", "kiosk"):
        realm.add_client(name)
    realm.session.post(realm.at("roles"), {"name": "staff"})
    realm.session.post(realm.at("clients", realm.uuid("bills"), "roles"), {"name": "reader"})
    viewer(realm, "viewer", *LOOKS)
    viewer(realm, "half-blind", "view-clients")
    before, stack = realm.export(), new_stack(realm, "standard")
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
    assert "(to look only, view-realm)" in told
    stack.configure(*GRANTS, loginRealm=None, clientId=None)
    stack.up("--skip-preview")  # the refused one has put its login into the state
    stack.destroy("--skip-preview")
    assert realm.export() == before
