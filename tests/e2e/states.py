"""States as earlier commits wrote them, each with what its run had made in the realm, so that both can be made again.

``make state-fixture`` writes those of the current commit into tests/fixtures/states. No secret is in them: the login came
from the environment, and the clients get theirs when the realm is made again.
"""

import argparse
import json
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import keycloak, pulumi_cli
from local.keycloak import Server
from local.layout import PROJECT, keycloak_version
from tests.e2e.exchanges import grant
from tests.e2e.stack import PARTS, Stack
from tests.support.realms import PASSWORD, TestRealm

FIXTURES = PROJECT / "tests" / "fixtures"
STATES = FIXTURES / "states"
CODE = ("__main__.py", "components", "grants", "providers", "reach", "kcadmin")
MANAGEMENT = "realm-management"
FOUND = {
    "name": "found",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {"included.client.audience": "api", "access.token.claim": "true", "id.token.claim": "true"},
}
CLIENTS: dict[str, dict[str, Any]] = {"frontend": {}, "mobile": {}, "api": {}, "alone": {"protocolMappers": [FOUND]}}
OWNER = "organization/keycloak-token-exchange/test"  # the default of earlier versions
NOT_KEPT = ("secret", "access")
MACHINE = ("stackTrace", "sourcePosition")  # paths of the machine that wrote the state
Json = dict[str, Any]


def run_program(stack: Stack, source: Path = PROJECT) -> None:
    """Lets a stack run a checkout's code: its program, and each resource used alone."""
    project = stack.folder / "project"
    for part in PARTS:
        (project / part).unlink()
    for part in ("Pulumi.yaml", *CODE[1:]) if source != PROJECT else ("Pulumi.yaml",):
        (project / part).symlink_to(source / part)
    (project / "__main__.py").symlink_to(FIXTURES / "program" / "__main__.py")
    (project / "project_main.py").symlink_to(source / "__main__.py")


def configure(stack: Stack, realm: TestRealm, exchange: str, *more: Json) -> None:
    """The stack's config at the time of its fixture, and further grants."""
    stack.env |= {"KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": PASSWORD}
    grants = [grant(prove=True), grant("three", target="alone", requester="api"), *more]
    stack.configure(*grants, exchange=exchange, owner=OWNER)


def record(stack: Stack, realm: TestRealm, exchange: str) -> Json:
    """Brings a new stack up, and describes what that made."""
    before = {name: realm.client(name) for name in CLIENTS}
    configure(stack, realm, exchange)
    stack.up("--skip-preview")
    state = json.loads(stack.export_text())
    for resource in state["deployment"]["resources"]:
        for key in MACHINE:
            resource.pop(key, None)
    state["deployment"].pop("secrets_providers", None)
    after = {name: realm.client(name) for name in CLIENTS}
    return {
        "exchange": exchange,
        "url": realm.url,
        "realm": realm.name,
        "clients": {name: {"id": each["id"], **_mappers(each)} for name, each in before.items()},
        "changes": {name: _changes(before[name], after[name]) for name in CLIENTS},
        "management": {name: _management(realm, name) for name in CLIENTS} if exchange == "legacy" else {},
        "authorization": {
            name: _authorization(realm, name) for name in (*CLIENTS, MANAGEMENT) if _has_services(realm, name)
        },
        "management_uuid": realm.uuid(MANAGEMENT),
        "state": state,
    }


def rebuild(fixture: Json, server: Server) -> tuple[TestRealm, Any, Json]:
    """Makes the realm of a fixture again, with the same ids: the realm, its export before the stack, and the state.

    The server alone gives the ids of ``realm-management`` and of the permissions there; the state is told the new ones.
    """
    realm = TestRealm.make(server.url, server.admin_password, fixture["clients"])
    before = realm.export()
    text = json.dumps(fixture)
    for old, new in {
        fixture["url"]: server.url,
        fixture["realm"]: realm.name,
        fixture["management_uuid"]: realm.uuid(MANAGEMENT),
    }.items():
        text = text.replace(old, new)
    for name, fields in json.loads(text)["changes"].items():
        realm.change(name, **fields)
    for name, permission in fixture["management"].items():
        if permission:
            at = realm.at("clients", realm.uuid(name), "management", "permissions")
            realm.session.put_json(at, {"enabled": True})
            text = text.replace(permission, str(_management(realm, name)))
    for name, settings in json.loads(text)["authorization"].items():
        at = realm.at("clients", realm.uuid(name), "authz", "resource-server", "import")
        realm.session.post(at, settings)
    return realm, before, json.loads(text)["state"]


def _mappers(client: Json) -> Json:
    return {"protocolMappers": client["protocolMappers"]} if client.get("protocolMappers") else {}


def _changes(before: Json, after: Json) -> Json:
    """The body of a partial PUT that makes a client what it became."""
    changed = {key: value for key, value in after.items() if value != before.get(key) and key not in NOT_KEPT}
    if "attributes" in changed:
        was = before.get("attributes") or {}
        changed["attributes"] = {key: each for key, each in changed["attributes"].items() if was.get(key) != each}
    return changed


def _management(realm: TestRealm, client: str) -> str | None:
    """The id of a client's token-exchange permission."""
    found = realm.get("clients", realm.uuid(client), "management", "permissions")
    return str(found["scopePermissions"]["token-exchange"]) if found["enabled"] else None


def _has_services(realm: TestRealm, client: str) -> bool:
    return bool(realm.client(client).get("authorizationServicesEnabled"))


def _authorization(realm: TestRealm, client: str) -> Json:
    """A resource server's export with the ids that the server takes; those of the permissions it makes itself are its own."""
    settings = realm.authz(client)
    at = ("clients", realm.uuid(client), "authz", "resource-server")
    ids = {each["name"]: each["id"] for each in realm.get(*at, "policy", first="0", max="100")}
    scopes = {each["name"]: each["id"] for each in realm.get(*at, "scope")}
    own = client == MANAGEMENT
    for policy in settings["policies"]:
        policy |= {} if own and policy["type"] == "scope" else {"id": ids[policy["name"]]}
    for scope in settings["scopes"]:
        scope |= {} if own else {"id": scopes[scope["name"]]}
    return settings


def _write(source: Path, commit: str, exchange: str, folder: Path, pulumi: Path) -> Path:
    installation = keycloak.install(keycloak_version(), exchange, print)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "server").mkdir(parents=True)
    server = Server.start(installation, port=port, data=folder / "server", admin_password=secrets.token_hex(12))
    try:
        realm = TestRealm.make(server.url, server.admin_password, CLIENTS)
        stack = Stack(folder / "stack", pulumi, server, realm.name)
        run_program(stack, source)
        fixture = {"commit": commit, "keycloak": keycloak_version(), **record(stack, realm, exchange)}
        made = realm.export()
        realm.remove()
        again = rebuild(fixture, server)[0].export()
        assert _told(again) == _told(made), "the realm cannot be made again as it was"
    finally:
        server.stop()
    file = STATES / f"{commit}-{exchange}.json"
    file.write_text(json.dumps(fixture, indent=1, sort_keys=True) + "\n")
    return file


def _told(export: Mapping[str, Any]) -> str:
    """An export without what differs from realm to realm: its name, its keys, and when service accounts were made."""
    users = [{**user, "createdTimestamp": None} for user in export.get("users") or ()]
    told = json.dumps({**export, "components": None, "users": users}, sort_keys=True)
    return told.replace(str(export["realm"]), "realm")


def main() -> None:
    """Writes the fixtures of a checkout's commit, for both exchanges."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.states", description=main.__doc__)
    parser.add_argument("source", nargs="?", type=Path, default=PROJECT, help="a checkout; by default this one")
    source = parser.parse_args().source.absolute()

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=source, capture_output=True, text=True, check=True
        ).stdout.strip()

    if git("status", "--porcelain", "--", *CODE):
        raise SystemExit(
            f"{source}: holds changes that are not committed; commit them, so that the fixture's name is true."
        )
    pulumi = pulumi_cli.install(print)
    with tempfile.TemporaryDirectory() as scratch:
        for exchange in ("standard", "legacy"):
            print(_write(source, git("rev-parse", "--short", "HEAD"), exchange, Path(scratch) / exchange, pulumi))


if __name__ == "__main__":
    main()
