"""The server's floor: the fewest requests for the grants of a case, one after the other, and nothing else.

``python -m bench.server_floor ensure|remove standard|legacy <realm> <grants>``, with KEYCLOAK_URL and KEYCLOAK_ADMIN_PASS.
It reads all clients in pages and compares. Standard: one PUT a source with the whole client, mapper and switch in it, which is
unsafe beside others who change it. Legacy: four requests a grant, from one look at all policies. It proves, marks and restores
nothing.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import requests

PAGE = 100
SWITCH = "standard.token.exchange.enabled"
Client = dict[str, Any]


class Server:
    """A login and one kept connection."""

    def __init__(self, realm: str) -> None:
        self.url = os.environ["KEYCLOAK_URL"]
        self.http = requests.Session()
        self.realm = f"/admin/realms/{realm}"
        self.log_in()

    def log_in(self) -> None:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}
        at = f"{self.url}/realms/master/protocol/openid-connect/token"
        answer = self.http.post(at, data={**form, "password": os.environ["KEYCLOAK_ADMIN_PASS"]}, timeout=60)
        answer.raise_for_status()
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ask(self, method: str, at: str, body: object = None, **query: object) -> Any:
        for attempt in (1, 2):
            answer = self.http.request(method, self.url + self.realm + at, json=body, params=query, timeout=120)  # type: ignore[arg-type]
            if answer.status_code != 401 or attempt == 2:
                break
            self.log_in()
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def clients(self) -> dict[str, Client]:
        """All clients by client id."""
        found: dict[str, Client] = {}
        while True:
            page = self.ask("GET", "/clients", first=len(found), max=PAGE)
            found |= {each["clientId"]: each for each in page}
            if len(page) < PAGE:
                return found


def mapper(number: int) -> dict[str, Any]:
    return {
        "name": f"audience-target-{number}",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.client.audience": f"target-{number}", "access.token.claim": "true"},
    }


def standard(server: Server, grants: int, present: bool) -> None:
    clients = server.clients()
    for number in range(grants):
        client, wanted = clients[f"source-{number}"], mapper(number)
        there = [each for each in client.get("protocolMappers") or () if each["name"] == wanted["name"]]
        is_on = (client.get("attributes") or {}).get(SWITCH) == "true"
        if present == (is_on and bool(there)):
            continue
        others = [each for each in client.get("protocolMappers") or () if each not in there]
        attributes = {**(client.get("attributes") or {}), SWITCH: "true" if present else ""}
        mappers = [*others, wanted] if present else others
        server.ask("PUT", f"/clients/{client['id']}", {**client, "attributes": attributes, "protocolMappers": mappers})


def legacy(server: Server, grants: int, present: bool) -> None:
    clients = server.clients()
    at = f"/clients/{clients['realm-management']['id']}/authz/resource-server"
    settings = server.ask("GET", f"{at}/settings")
    hung = dict(_hung(settings["policies"]))
    ids = (
        {}
        if present
        else {each["name"]: each["id"] for each in server.ask("GET", f"{at}/policy", type="client", max=10_000)}
    )
    for number in range(grants):
        source, target, policy = clients[f"source-{number}"], clients[f"target-{number}"], f"grant-{number}"
        permission = f"token-exchange.permission.client.{target['id']}"
        if present == (policy in hung.get(permission, ())):
            continue
        if present:
            allow(server, at, source["id"], target["id"], policy)
        else:
            server.ask("DELETE", f"{at}/policy/client/{ids[policy]}")
            server.ask("PUT", f"/clients/{target['id']}/management/permissions", {"enabled": False})


def allow(server: Server, at: str, source: str, target: str, policy: str) -> None:
    """Four requests; the third one keeps the policies that others attached."""
    on = server.ask("PUT", f"/clients/{target}/management/permissions", {"enabled": True})
    permission = f"{at}/permission/scope/{on['scopePermissions']['token-exchange']}"
    made = server.ask("POST", f"{at}/policy/client", {"name": policy, "clients": [source]})
    others = [each["id"] for each in server.ask("GET", f"{permission}/associatedPolicies")]
    name = f"token-exchange.permission.client.{target}"
    body = {"name": name, "type": "scope", "decisionStrategy": "AFFIRMATIVE", "policies": [*others, made["id"]]}
    server.ask("PUT", permission, body)


def _hung(policies: list[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    for each in policies:
        if each["type"] == "scope":
            yield each["name"], json.loads(each["config"].get("applyPolicies", "[]"))


def main() -> None:
    what, exchange, realm, grants = sys.argv[1:]
    {"standard": standard, "legacy": legacy}[exchange](Server(realm), int(grants), what == "ensure")


if __name__ == "__main__":
    main()
