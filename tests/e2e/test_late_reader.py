"""Clients in one team's stack, a grant in another's, which may only read."""

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.stack import Stack
from tests.e2e.test_late import GRANT, program, shaped


def files_of(stack: Stack) -> dict[str, bytes]:
    """What the backend keeps of a stack: its state, backups, history and locks."""
    root = stack.folder / "state" / ".pulumi"
    return {
        str(path): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and stack.name in str(path.relative_to(root))
    }


@pytest.mark.standard_exchange
def test_another_teams_stack_that_may_only_read(make_realm: MakeRealm, new_stack: NewStack) -> None:
    """It reads the stack that owns the clients; its login previews the grant, and what it may not write is refused whole."""
    realm = make_realm("standard")
    clients = program(new_stack(realm, "standard", "clients"))
    shaped(clients).up("--skip-preview")
    realm.add_client("reader", secret="s", serviceAccountsEnabled=True)
    management = realm.uuid("realm-management")
    roles = [realm.get("clients", management, "roles", role) for role in ("view-clients", "view-realm")]
    user = realm.get("clients", realm.uuid("reader"), "service-account-user")["id"]
    realm.session.post(realm.at("users", user, "role-mappings", "clients", management), roles)
    before, theirs = realm.export(), files_of(clients)

    grants = program(new_stack(realm, "standard", "grants"))
    grants.env["PULUMI_BACKEND_URL"] = clients.environment()["PULUMI_BACKEND_URL"]
    grants.run("stack", "init", "grants")
    del grants.env["KEYCLOAK_ADMIN_PASS"]
    grants.env["KEYCLOAK_CLIENT_SECRET"] = "s"
    grants.configure(clientId="reader", loginRealm=realm.name)
    shaped(grants, clients=[], grants={"g": GRANT}, reference="organization/keycloak-token-exchange/clients")
    assert "g: shop → orders, standard" in grants.preview().output
    run = grants.refused("up", "--yes", "--skip-preview")
    assert "403" in run.output and all("403" in each for each in run.writes if "token" not in each), run.output
    assert realm.export() == before
    assert files_of(clients) == theirs
    grants.destroy("--skip-preview")
    clients.destroy("--skip-preview")
