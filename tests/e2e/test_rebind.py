"""A server that moved, a realm that was made anew, and a server that is gone: what a stack does, and how it goes on."""

import json
import socket
from typing import Any

import pytest

from tests.conftest import MakeRealm
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows, grant
from tests.e2e.stack import Stack
from tests.support.realms import CONFIDENTIAL, KEY_PROVIDER, PASSWORD, TestRealm, _keys

pytestmark = pytest.mark.standard_exchange


def rebind(stack: Stack, *args: str, code: int = 0) -> str:
    """Runs ``python -m exchange rebind`` in the stack's folder; what it said."""
    done = stack.exchange("rebind", *args)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def issuers(stack: Stack) -> set[str]:
    return {each["outputs"]["issuer"] for each in stack.export().values() if "issuer" in each["outputs"]}


def by_another_name(realm: TestRealm) -> str:
    """The same server, which names itself as it was called."""
    return realm.url.replace("127.0.0.1", "localhost")


def test_the_same_realm_at_another_address(make_realm: MakeRealm, new_stack: NewStack) -> None:
    realm = make_realm("standard")
    stack = new_stack(realm, "standard")
    password = stack.env.pop("KEYCLOAK_ADMIN_PASS")
    before = realm.export()
    stack.configure(grant(), url=realm.url)
    stack.run("config", "set", "--secret", "adminPassword", password)
    stack.up("--skip-preview")

    moved = by_another_name(realm)
    stack.run("config", "set", "url", moved)
    words = stack.refused("destroy", "--yes", "--skip-preview", "--run-program").output
    assert f"belongs to issuer '{realm.url}/realms/{realm.name}', but '{moved}' is issuer" in words
    assert "or, if that moved, run `python -m exchange rebind`." in words
    old, whole = json.loads(stack.export_text()), stack.state_file.read_text()

    assert "give --yes" in rebind(stack, code=2)
    found = json.loads(rebind(stack, "--dry-run", "--json", code=3))
    issuer = {"old": [f"{realm.url}/realms/{realm.name}"], "new": f"{moved}/realms/{realm.name}"}
    assert [each["issuer"] for each in found["realms"]] == [issuer]
    assert all(client["old"] == [client["new"]] for client in found["realms"][0]["clients"])
    assert stack.state_file.read_text() == whole

    assert f"/realms/{realm.name} → {moved}/realms/{realm.name}" in rebind(stack, "--yes")
    assert issuers(stack) == {issuer["new"]}
    assert password not in stack.state_file.read_text()
    (backup,) = (stack.folder / "project").glob("*.state.json")
    assert json.loads(backup.read_text()) == old and backup.stat().st_mode & 0o777 == 0o600
    assert "nothing to do" in rebind(stack)
    for same in (stack.preview("--refresh", "--expect-no-changes"), stack.destroy("--skip-preview")):
        assert "belongs to issuer" not in same.output
    assert realm.export() == before


@pytest.mark.parametrize("other_uuids", [True, False], ids=["other-uuids", "same-uuids"])
def test_a_realm_made_anew_from_its_export(other_uuids: bool, make_realm: MakeRealm, new_stack: NewStack) -> None:
    exchange = "standard" if other_uuids else "legacy"
    realm = make_realm(exchange)
    stack = new_stack(realm, exchange)
    stack.configure(grant(), exchange=exchange)
    stack.up("--skip-preview")
    names = objects(realm)
    make_anew(realm, other_uuids)
    if not other_uuids:
        stack.env["KEYCLOAK_URL"] = by_another_name(realm)

    assert "`python -m exchange rebind`" in stack.refused("destroy", "--yes", "--skip-preview").output
    assert (f"client 'api'  {realm.uuid('api')}, the same" in rebind(stack, "--yes")) == (not other_uuids)
    stack.refresh("--skip-preview")
    stack.up("--skip-preview")
    assert objects(realm) == names, "nothing is made twice"
    stack.preview("--refresh", "--expect-no-changes")
    both_flows(realm, exchange)
    stack.destroy("--skip-preview")
    assert objects(realm) == {"frontend": [], "api": [], "policies": []}
    assert "pulumi" not in json.dumps(realm.export())


def test_a_server_without_the_stacks_clients_and_one_that_is_gone_for_good(
    make_realm: MakeRealm, new_stack: NewStack
) -> None:
    realm = make_realm("standard")
    stack = new_stack(realm, "standard")
    stack.configure(grant())
    stack.up("--skip-preview")
    whole = stack.state_file.read_text()
    realm.session.delete(realm.at("clients", realm.uuid("api")))
    words = rebind(stack, "--yes", code=1)
    assert f"error: client 'api' in realm '{realm.name}': is in the stack but not on this server; " in words
    assert stack.state_file.read_text() == whole

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        stack.env["KEYCLOAK_URL"] = f"http://127.0.0.1:{taken.getsockname()[1]}"
        state = stack.export()
        words = stack.refused("destroy", "--yes", "--skip-preview").output
        assert "if the server is gone for good, `pulumi state delete --all` forgets the stack's resources." in words
        assert stack.export() == state
        stack.run("state", "delete", "--all", "--yes")
        assert stack.export() == {}
        stack.run("stack", "rm", "--yes")


def objects(realm: TestRealm) -> dict[str, list[str]]:
    """The names of all mappers of the two clients, and of all client policies of the realm."""
    names = {
        client: sorted(mapper["name"] for mapper in realm.client(client).get("protocolMappers") or ())
        for client in ("frontend", "api")
    }
    services = realm.client("realm-management").get("authorizationServicesEnabled")
    policies = realm.authz("realm-management")["policies"] if services else []
    return {**names, "policies": sorted(each["name"] for each in policies if each["type"] == "client")}


def make_anew(realm: TestRealm, other_uuids: bool) -> None:
    """Deletes the realm, and imports its export. Policies get new ids in any case, clients and mappers where told."""
    export = realm.session.post_json(
        realm.at("partial-export"), None, exportClients="true", exportGroupsAndRoles="true"
    )
    realm.remove()
    for client in export["clients"]:
        client |= {"secret": CONFIDENTIAL["secret"]} if client.get("secret") else {}
        for each in (client, *(client.get("protocolMappers") or ())) if other_uuids else ():
            del each["id"]
    user = {"username": realm.user, "enabled": True, "email": "two@example.com", "firstName": "T", "lastName": "U"}
    users: list[dict[str, Any]] = [{**user, "credentials": [{"type": "password", "value": PASSWORD}]}]
    export["components"][KEY_PROVIDER] = _keys()
    realm.session.post("/admin/realms", {**export, "users": users})
