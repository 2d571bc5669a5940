"""OpenTofu, or Terraform, with the Keycloak provider: the same grants, without the clients where possible.

Its switch of the standard exchange is a field of the client: so it takes the clients over (``import``), and leaves the switch on.
https://github.com/keycloak/terraform-provider-keycloak/tree/main/docs/resources
"""

import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from bench.cases import Case, Command, source, target
from bench.realm import tidy
from bench.state_parts import StateSize

PROGRAMS = ("tofu", "terraform")
CONFIG = "main.tf.json"
PROVIDER = {"terraform": {"required_providers": {"keycloak": {"source": "keycloak/keycloak"}}}}
OPTIONS = {
    "up": ("apply", "-auto-approve"),
    "quiet": ("apply", "-auto-approve"),
    "preview": ("plan", "-refresh=false"),
    "refresh": ("plan",),
    "add": ("apply", "-auto-approve"),
    "destroy": ("destroy", "-auto-approve"),
}
Json = dict[str, Any]


@cache
def program() -> str | None:
    """The command of what is installed."""
    return next((each for each in PROGRAMS if shutil.which(each)), None)


@cache
def is_missing() -> str | None:
    """Why it cannot run here. It runs with the user's own CLI config, so a mirror or ``dev_overrides`` there count."""
    if program() is None:
        return "neither OpenTofu nor Terraform is installed; install one"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / CONFIG).write_text(json.dumps(PROVIDER))
        if set_up(place):
            return None
    return f"{program()} finds no provider keycloak/keycloak; give it a mirror, or dev_overrides, in its CLI config"


def set_up(folder: Path) -> bool:
    """Makes a folder ready; with ``dev_overrides`` nothing has to be installed, and ``init`` may fail."""
    return any(_call(folder, *each) == 0 for each in (("init", "-input=false"), ("providers", "schema", "-json")))


class Tofu:
    """A configuration in a folder of its own."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.folder = case, folder
        folder.mkdir(parents=True)
        self._write(0)
        set_up(folder)

    def command(self, phase: str) -> Command:
        if phase == "add":
            self._write(1)
        arguments = [str(program()), *OPTIONS[phase], "-input=false", "-no-color"]
        return Command(arguments, self.folder, {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"})

    def state(self) -> StateSize | None:
        """The size of the file of the state."""
        return StateSize((self.folder / "terraform.tfstate").stat().st_size, {})

    def tidy(self) -> None:
        """Switches off what it has left on."""
        tidy(self.case)

    def _write(self, more: int) -> None:
        case = self.case
        login = {"client_id": "admin-cli", "username": "admin", "password": case.server.admin_password}
        grants = {"standard": standard_grants, "legacy": legacy_grants}[case.exchange]
        provider = {"provider": {"keycloak": {**login, "url": case.server.url}}}
        text = json.dumps({**PROVIDER, **provider, **grants(case.realm.name, case.grants + more)})
        file = self.folder / CONFIG
        file.touch(mode=0o600)
        file.write_text(text)


def standard_grants(realm: str, grants: int) -> Json:
    """The switch on each source, and the audience of its target."""
    clients: Json = {}
    mappers: Json = {}
    for number in range(grants):
        clients[source(number)] = {
            "realm_id": realm,
            "client_id": source(number),
            "access_type": "CONFIDENTIAL",
            "client_secret": "s",
            "standard_flow_enabled": True,
            "direct_access_grants_enabled": True,
            "valid_redirect_uris": ["http://localhost/*"],
            "standard_token_exchange_enabled": True,
            "import": True,
        }
        mappers[source(number)] = {
            "realm_id": realm,
            "client_id": f"${{keycloak_openid_client.{source(number)}.id}}",
            "name": f"audience-{target(number)}",
            "included_client_audience": target(number),
        }
    return {"resource": {"keycloak_openid_client": clients, "keycloak_openid_audience_protocol_mapper": mappers}}


def legacy_grants(realm: str, grants: int) -> Json:
    """A client policy of each source, on the permission of its target."""
    names = [name(number) for number in range(grants) for name in (source, target)]
    clients = {name: {"realm_id": realm, "client_id": name} for name in ("realm-management", *names)}
    policies: Json = {}
    permissions: Json = {}
    for number in range(grants):
        policies[source(number)] = {
            "realm_id": realm,
            "resource_server_id": "${data.keycloak_openid_client.realm-management.id}",
            "name": f"grant-{number}",
            "logic": "POSITIVE",
            "decision_strategy": "UNANIMOUS",
            "clients": [f"${{data.keycloak_openid_client.{source(number)}.id}}"],
        }
        permissions[target(number)] = {
            "realm_id": realm,
            "client_id": f"${{data.keycloak_openid_client.{target(number)}.id}}",
            "token_exchange_scope": {
                "policies": [f"${{keycloak_openid_client_authorization_client_policy.{source(number)}.id}}"],
                "decision_strategy": "AFFIRMATIVE",
            },
        }
    return {
        "data": {"keycloak_openid_client": clients},
        "resource": {
            "keycloak_openid_client_authorization_client_policy": policies,
            "keycloak_openid_client_permissions": permissions,
        },
    }


def _call(folder: Path, *arguments: str) -> int:
    called = [str(program()), *arguments]
    return subprocess.run(called, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True).returncode
