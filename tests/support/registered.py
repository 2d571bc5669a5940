"""A client whose owner holds its registration access token: what he may write of it, without any login to the Admin API."""

from typing import Any

import requests

from tests.support.realms import TestRealm


class RegisteredClient:
    """Registered with an initial access token, as https://www.keycloak.org/securing-apps/client-registration says."""

    def __init__(self, realm: TestRealm, client_id: str, **fields: Any) -> None:
        self.client_id = client_id
        self._at = f"{realm.url}/realms/{realm.name}/clients-registrations/default"
        given = realm.session.post_json(realm.at("clients-initial-access"), {"count": 1, "expiration": 600})
        self._token = str(given["token"])
        self._send("POST", self._at, {"clientId": client_id, "secret": "s", **fields})

    def write(self, **fields: Any) -> None:
        """Changes fields of the client; attributes are added."""
        at = f"{self._at}/{self.client_id}"
        now = self._send("GET", at)
        now.pop("protocolMappers", None)  # left out they stay, and 24.0 refuses a write that repeats ours
        attributes = {**(now.get("attributes") or {}), **fields.pop("attributes", {})}
        self._send("PUT", at, {**now, **fields, "attributes": attributes})

    def _send(self, method: str, at: str, body: Any = None) -> dict[str, Any]:
        answer = requests.request(
            method, at, json=body, headers={"Authorization": f"Bearer {self._token}"}, timeout=120
        )
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        self._token = str(told.get("registrationAccessToken") or self._token)
        return told
