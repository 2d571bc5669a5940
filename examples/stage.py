"""What the shows share: a realm of their own with the guide's clients and users, and a program that ``pulumi`` runs on it."""

import json
import os
import secrets
import shutil
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from kcadmin.rest.errors import KeycloakError, NotFound
from kcadmin.rest.session import Session, path

PROJECT = Path(__file__).resolve().parent.parent
REALM_FILE = PROJECT / "local" / "realm-secure-test.json"
FRONTEND, API, USER = "authentication-test-frontend", "authentication-test-api", "testuser2"
# What the first management permissions of a realm leave behind; no request can undo it.
LEFT = {"realm-management: authorizationServicesEnabled", "realm-management: authorizationSettings"}
SILENT = ("id", "_id", "containerId")
console = Console(highlight=False, soft_wrap=True)


class Stage:
    """A realm with the guide's clients, and the stack of a program in it. Both have the same random name.

    :param program: the folder of the program. more: further confidential clients, by client id.
    """

    def __init__(self, session: Session, program: Path, more: Sequence[str] = ()) -> None:
        self.session = session
        self.realm = f"{program.name.replace('_', '-')}-{secrets.token_hex(4)}"
        self._program = program
        names = ("FRONTEND_CLIENT_SECRET", "API_CLIENT_SECRET", "USER_PASSWORD")
        self._secrets = {name: secrets.token_urlsafe() for name in names}
        # The provider starts in the program's folder, so it finds the project's packages by PYTHONPATH.
        self._environ = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(PROJECT), "PULUMI_STACK": self.realm}
        self._more = {client_id: secrets.token_urlsafe() for client_id in more}

    @property
    def password(self) -> str:
        """The users' password."""
        return self._secrets["USER_PASSWORD"]

    def secret(self, client_id: str) -> str:
        """A client's secret."""
        known = {FRONTEND: self._secrets["FRONTEND_CLIENT_SECRET"], API: self._secrets["API_CLIENT_SECRET"]}
        return {**known, **self._more}[client_id]

    @contextmanager
    def realm_of_its_own(self) -> Iterator[None]:
        """The realm, while the block runs."""
        text = string.Template(REALM_FILE.read_text()).substitute(self._secrets)
        realm = {**json.loads(text), "realm": self.realm}
        # A user made by hand has the realm's default roles, through which "account" comes into aud; an imported one has not.
        users = [{**user, "realmRoles": [f"default-roles-{self.realm}"]} for user in realm["users"]]
        like = {"enabled": True, "protocol": "openid-connect", "publicClient": False, "standardFlowEnabled": False}
        clients = [{**like, "clientId": client_id, "secret": secret} for client_id, secret in self._more.items()]
        try:
            self.session.post("/admin/realms", {**realm, "users": users, "clients": [*realm["clients"], *clients]})
            yield
        finally:
            with suppress(NotFound):
                self.session.delete(path("admin", "realms", self.realm))

    @contextmanager
    def stack(self, **config: str) -> Iterator[None]:
        """The program's stack with its config, while the block runs, in a backend of its own; both are gone at the end."""
        if shutil.which("pulumi") is None:
            sys.exit('pulumi: is not on PATH; run `eval "$(make -s env)"`, or install it.')
        backend = tempfile.TemporaryDirectory()
        self._environ |= {
            "PULUMI_BACKEND_URL": f"file://{backend.name}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": self.password,
        }
        try:
            self.pulumi("stack", "init", self.realm, quiet=True)
            for key, value in {"realm": self.realm, "owner": self.realm, **config}.items():
                self.pulumi("config", "set", key, value, quiet=True)
            yield
        finally:
            console.print("\n[bold]Back again[/bold]")
            self.pulumi("destroy", "--yes", "--skip-preview", "--suppress-progress", "--remove", check=False)
            (self._program / f"Pulumi.{self.realm}.yaml").unlink(missing_ok=True)
            backend.cleanup()

    def up(self, **config: str) -> None:
        """Runs the program, with some config changed before."""
        for key, value in config.items():
            self.pulumi("config", "set", key, value, quiet=True)
        self.pulumi("up", "--yes", "--skip-preview", "--suppress-progress")

    def pulumi(self, *arguments: str, quiet: bool = False, check: bool = True) -> None:
        """One command; what it makes and deletes is printed. :raises KeycloakError: it failed."""
        if not quiet:
            console.print(f"  $ pulumi {arguments[0]}", style="dim")
        done = subprocess.run(
            ["pulumi", *arguments],
            cwd=self._program,
            env=self._environ,
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            console.print(escape(done.stdout))
            if check:
                raise KeycloakError(f"`pulumi {arguments[0]}` failed with exit code {done.returncode}.")
        elif not quiet:
            for line in done.stdout.splitlines():
                _, ours, what = line.partition("pulumi-python:dynamic/keycloak:")
                if ours and what.split(" (")[0].endswith((" created", " deleted")):
                    console.print(f"    {escape(what.split(' (')[0])}", style="dim")

    def export(self) -> Any:
        """The realm's whole export, ids left out and lists in a fixed order."""
        at = path("admin", "realms", self.realm, "partial-export")
        return _sorted(self.session.post_json(at, None, exportClients="true", exportGroupsAndRoles="true"))


def differing(before: Any, after: Any) -> list[str]:
    """What differs in an export: fields of the realm, or of clients."""
    names = [key for key in before if key != "clients" and before[key] != after.get(key)]
    then = {client["clientId"]: client for client in before["clients"]}
    for client in after["clients"]:
        was = then.get(client["clientId"], {})
        names += [f"{client['clientId']}: {key}" for key in sorted({*client, *was}) if client.get(key) != was.get(key)]
    return names


def say_differing(changed: Sequence[str]) -> None:
    """Prints what differs."""
    console.print(f"  the realm's export is as before{' but for ' + ', '.join(changed) if changed else ''}.")


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(each) for key, each in sorted(value.items()) if key not in SILENT}
    if isinstance(value, list):
        return sorted((_sorted(each) for each in value), key=json.dumps)
    return value
