"""The users of a random realm: what they hold, the tokens that they get, and what their tokens are exchanged for."""

import base64
import json
from typing import Any

from kcadmin.rest.session import path
from tests.support.random_realms import RandomRealm
from tests.support.realms import PASSWORD, TOKEN_EXCHANGE, TestRealm


def claims_of(token: str) -> dict[str, Any]:
    """What a token says; its signature is not looked at."""
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


class Users:
    """The users of a random realm, with what they hold and the tokens that they get."""

    def __init__(self, realm: TestRealm, made: RandomRealm) -> None:
        self.realm, self.made = realm, made
        self.uuids = {name: realm.uuid(name) for name in made.clients}
        self._tokens: dict[tuple[str, str, str], str | None] = {}

    def held(self, username: str) -> set[tuple[str, str]]:
        """The roles of a user, composite ones resolved, as the server says."""
        at = self._at(username)
        of_realm = {("", each["name"]) for each in self.realm.session.get(f"{at}/realm/composite")}
        return of_realm.union(
            *(
                {(name, each["name"]) for each in self.realm.session.get(f"{at}/clients/{uuid}/composite")}
                for name, uuid in self.uuids.items()
            )
        )

    def let_hold_others(self, required: set[tuple[str, str]]) -> None:
        """Gives ``holds-others`` every role that brings none of these."""
        at, session = self._at("holds-others"), self.realm.session
        for place in ("realm", *(f"clients/{uuid}" for uuid in self.uuids.values())):
            if roles := session.get(f"{at}/{place}"):
                session.delete(f"{at}/{place}", roles)
        for holder, name in self.made.roles:
            if not self._brought(holder, name) & required:
                role = self.realm.at("clients", self.uuids[holder]) if holder else self.realm.at()
                place = f"clients/{self.uuids[holder]}" if holder else "realm"
                session.post(f"{at}/{place}", [session.get(f"{role}/roles/{name}")])
        self._tokens = {key: token for key, token in self._tokens.items() if key[1] != "holds-others"}

    def token(self, client: str, username: str, scope: str = "") -> str | None:
        """An access token; None where the client gets none."""
        key = (client, username, scope)
        if key not in self._tokens:
            form = {
                "grant_type": "password",
                "username": username,
                "password": PASSWORD,
                "scope": f"openid {scope}".strip(),
            }
            self._tokens[key] = self._ask(client, form).get("access_token")
        return self._tokens[key]

    def account_token(self, client: str) -> str | None:
        """An access token of a client's service account."""
        return self._ask(client, {"grant_type": "client_credentials", "scope": "openid"}).get("access_token")

    def forget(self) -> None:
        """New tokens from now on."""
        self._tokens.clear()

    def names(self, client: str, username: str, target: str, scope: str = "") -> bool:
        token = self.token(client, username, scope)
        if token is None:
            return False
        aud = claims_of(token).get("aud", [])
        return target in ([aud] if isinstance(aud, str) else aud)

    def exchange(self, requester: str, token: str, audience: str | None, scope: str = "") -> tuple[bool, str]:
        form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, **({"scope": scope} if scope else {})}
        form["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
        answer = self._ask(requester, {**form, **({"audience": audience} if audience else {})})
        return "access_token" in answer, str(answer.get("error_description"))

    def optional(self, client: str) -> str:
        """All that a client may ask for."""
        held = self.realm.client(client).get("optionalClientScopes") or ()
        return " ".join(name for name in held if name != "offline_access")  # which needs a role

    def _ask(self, client: str, form: dict[str, str]) -> dict[str, Any]:
        shown = (
            {"client_id": client}
            if self.made.clients[client]["publicClient"]
            else {"client_id": client, "client_secret": "s"}
        )
        at = path("realms", self.realm.name, "protocol", "openid-connect", "token")
        return dict(self.realm.session.public("POST", at, form={**form, **shown}).json())

    def _at(self, username: str) -> str:
        user = self.realm.get("users", username=username, exact="true")[0]["id"]
        return self.realm.at("users", user, "role-mappings")

    def _brought(self, holder: str, name: str) -> set[tuple[str, str]]:
        parts = self.made.composites.get((holder, name), [])
        return {(holder, name)}.union(*(self._brought(*part) for part in parts))
