"""Shows what the guide's six objects grant and what not, by real exchanges: ``python -m examples.guide.show``.

It makes a realm of its own with the guide's clients and users, takes the program of this folder through four wirings,
exchanges a token after each, calls an API with what came out, destroys the stack and deletes the realm.
"""

import json
import os
import secrets
import shutil
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.markup import escape

from examples.api.server import Api, serving
from kcadmin.connection import read_connection
from kcadmin.errors import Forbidden, KeycloakError, NotFound, TokenRefused
from kcadmin.proof import Claims
from kcadmin.session import Session, path
from kcadmin.tokens import ClientCredentials, TokenEndpoint

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
REALM_FILE = PROJECT / "local" / "realm-secure-test.json"
FRONTEND, API, USER = "authentication-test-frontend", "authentication-test-api", "testuser2"
WIRINGS = {
    "guide": "The guide's six objects",
    "mapper": "Its audience mapper alone: policy, scope and permission are deleted",
    "nothing": "Not even that",
    "grant": "A TokenExchangeGrant instead",
}
RECIPIENT, REQUESTER = "recipient: api, no audience", "requester: frontend, audience=api"
# What the first management permissions of a realm leave behind, and no request can undo.
LEFT = {"realm-management: authorizationServicesEnabled", "realm-management: authorizationSettings"}
SILENT = ("id", "_id", "containerId")
console = Console(highlight=False, soft_wrap=True)
Outcome = tuple[str, str]


class Show:
    """One realm with the guide's clients, and what exchanges in it give."""

    def __init__(self, session: Session, realm: str) -> None:
        self.session = session
        self.realm = realm
        self.endpoint = TokenEndpoint(session, realm)
        self._secrets = {
            name: secrets.token_urlsafe() for name in ("FRONTEND_CLIENT_SECRET", "API_CLIENT_SECRET", "USER_PASSWORD")
        }
        self.frontend = ClientCredentials(FRONTEND, self._secrets["FRONTEND_CLIENT_SECRET"])
        self.api = ClientCredentials(API, self._secrets["API_CLIENT_SECRET"])

    @contextmanager
    def realm_of_its_own(self) -> Iterator[None]:
        """The realm, while the block runs."""
        text = string.Template(REALM_FILE.read_text()).substitute(self._secrets)
        realm = {**json.loads(text), "realm": self.realm}
        # A user made by hand has the realm's default roles, through which "account" comes into aud; an imported one has not.
        users = [{**user, "realmRoles": [f"default-roles-{self.realm}"]} for user in realm["users"]]
        self.session.post("/admin/realms", {**realm, "users": users})
        try:
            yield
        finally:
            with suppress(NotFound):
                self.session.delete(path("admin", "realms", self.realm))

    def exchanges(self, server: Api) -> dict[str, Outcome]:
        """What each flow gives, in words, with what the API says to it."""
        issued = self.endpoint.for_user(self.frontend, USER, self._secrets["USER_PASSWORD"])
        console.print(f"  {'subject token':<34} {_words(self._claims(issued.access_token))}", style="dim")
        try:
            return {
                RECIPIENT: self._exchange(server, self.api, issued.access_token, None),
                REQUESTER: self._exchange(server, self.frontend, issued.access_token, API),
            }
        finally:
            self.endpoint.log_out(self.frontend, issued.refresh_token or "")

    def export(self) -> Any:
        """The realm's whole export, ids left out and lists in a fixed order."""
        at = path("admin", "realms", self.realm, "partial-export")
        return _sorted(self.session.post_json(at, None, exportClients="true", exportGroupsAndRoles="true"))

    def _exchange(self, server: Api, client: ClientCredentials, subject_token: str, audience: str | None) -> Outcome:
        try:
            token = self.endpoint.exchange(client, subject_token, audience=audience).access_token
        except TokenRefused as refused:
            return str(refused), ""
        return _words(self._claims(token)), _call(server, token)

    def _claims(self, token: str) -> Claims:
        return Claims.read(self.endpoint.claims(token))


def main() -> int:
    """Runs the show; 0 when all is as the README of this folder says."""
    session = Session(read_connection(lambda key: None))  # from the environment alone
    show = Show(session, f"guide-{secrets.token_hex(4)}")
    environ = _environment(show.realm)
    with show.realm_of_its_own(), serving(show.endpoint.issuer(), API) as server:
        console.print(f"Realm {show.realm} of {session.connection.url}; the API is {server.url}.")
        before, seen = show.export(), {}
        _management_permissions(session, show.realm)
        try:
            _pulumi(environ, "stack", "init", show.realm, quiet=True)
            _pulumi(environ, "config", "set", "realm", show.realm, quiet=True)
            for number, (wiring, title) in enumerate(WIRINGS.items(), 1):
                console.print(f"\n[bold]{number}. {title}[/bold]")
                _pulumi(environ, "config", "set", "wiring", wiring, quiet=True)
                _pulumi(environ, "up", "--yes", "--skip-preview", "--suppress-progress")
                seen[wiring] = show.exchanges(server)
                _print(seen[wiring])
        finally:
            console.print("\n[bold]Back again[/bold]")
            _pulumi(environ, "destroy", "--yes", "--skip-preview", "--suppress-progress", "--remove", check=False)
        changed = _differing(before, show.export())
    console.print(f"  the realm's export is as before{' but for ' + ', '.join(changed) if changed else ''}.")
    return _conclude(seen, changed)


def _conclude(seen: Mapping[str, Mapping[str, Outcome]], changed: list[str]) -> int:
    inert = seen["guide"] == seen["mapper"]
    works = all(api.startswith("200") for _, api in seen["grant"].values())
    words, api = seen["guide"][RECIPIENT]
    console.print("\n[bold]What this shows[/bold]")
    console.print(
        "- Policy, scope and permission on the target's own resource server "
        + ("grant nothing: every answer is the same without them." if inert else "changed an answer.")
    )
    if api:
        console.print(
            "- The guide's manual test succeeds through the audience mapper alone, and the API refuses its token."
        )
    else:
        console.print(f"- On this server the guide's manual test is refused: {escape(words)}.")
    console.print(f"- The API, which looks at aud, {'takes' if works else 'refuses'} the tokens of the grant.")
    return 0 if inert and works and set(changed) <= LEFT else 1


def _management_permissions(session: Session, realm: str) -> None:
    (client,) = session.get(path("admin", "realms", realm, "clients"), clientId=API)
    try:
        session.get(path("admin", "realms", realm, "clients", str(client["id"]), "management", "permissions"))
    except KeycloakError as problem:
        console.print(f"The guide's step 2, management permissions: {escape(str(problem).rsplit('-> ', 1)[-1])}")


def _print(found: Mapping[str, Outcome]) -> None:
    for label, (words, api) in found.items():
        style = "green" if api.startswith("200") else "red"
        console.print(f"  {label:<34} {escape(words)}", style=style)
        if api:
            console.print(f"  {'':<34} → API: {escape(api)}", style=style)


def _words(claims: Claims) -> str:
    return f"azp={claims.azp} aud={','.join(sorted(claims.aud)) or 'none'}" + (
        f", {claims.answered} exchange" if claims.answered else ""
    )


def _call(server: Api, token: str) -> str:
    answer = requests.get(server.url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    body = answer.json()
    if answer.ok:
        return f"{answer.status_code} user {body['user']}, through {body['through']}"
    return f"{answer.status_code} {body['error_description']}"


def _environment(stack: str) -> dict[str, str]:
    if shutil.which("pulumi") is None:
        sys.exit('pulumi: is not on PATH; run `eval "$(make -s env)"`, or install it.')
    # The provider is started in this folder, so the project's packages are found by PYTHONPATH.
    return {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(PROJECT), "PULUMI_STACK": stack}


def _pulumi(environ: Mapping[str, str], *arguments: str, quiet: bool = False, check: bool = True) -> None:
    if not quiet:
        console.print(f"  $ pulumi {arguments[0]}", style="dim")
    done = subprocess.run(
        ["pulumi", *arguments],
        cwd=HERE,
        env=dict(environ),
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


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in sorted(value.items()) if key not in SILENT}
    if isinstance(value, list):
        return sorted((_sorted(each) for each in value), key=json.dumps)
    return value


def _differing(before: Any, after: Any) -> list[str]:
    names = [key for key in before if key != "clients" and before[key] != after.get(key)]
    then = {client["clientId"]: client for client in before["clients"]}
    for client in after["clients"]:
        was = then.get(client["clientId"], {})
        names += [f"{client['clientId']}: {key}" for key in sorted({*client, *was}) if client.get(key) != was.get(key)]
    return names


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Forbidden:
        sys.exit("error: this login may not make a realm; show the guide on the dev server, without KEYCLOAK_URL.")
    except KeycloakError as problem:
        sys.exit(f"error: {problem}")
