"""What an application does, in plain HTTP as in any language: gets a user's token, exchanges it, and calls an API with it.

``python -m examples.calls <issuer>`` does it step by step. https://www.rfc-editor.org/rfc/rfc8693#section-2.1
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import requests

FRONTEND, API, USER = "authentication-test-frontend", "authentication-test-api", "testuser2"
API_URL = "http://localhost:9080"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
SUBJECT_TYPE = "urn:ietf:params:oauth:token-type:access_token"
SECONDS = 10


class Refused(Exception):
    """The token endpoint said no, in its own words."""


@dataclass(frozen=True)
class Application:
    """A confidential client of a realm. issuer: the realm's, as tokens name it."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)

    def user_token(self, username: str, password: str) -> Mapping[str, Any]:
        """Logs a user in by password. A real application sends users to Keycloak's login page instead. :raises Refused:"""
        return self._ask("token", grant_type="password", username=username, password=password)

    def exchange(self, token: str, audience: str | None = None) -> str:
        """A token for another client, made of one that this client received or holds. :raises Refused:"""
        asked = {"audience": audience} if audience else {}
        answer = self._ask("token", grant_type=EXCHANGE, subject_token=token, subject_token_type=SUBJECT_TYPE, **asked)
        return str(answer["access_token"])

    def log_out(self, refresh_token: str) -> None:
        """Ends the user's session, with every token of it. :raises Refused:"""
        self._ask("logout", refresh_token=refresh_token)

    def _ask(self, endpoint: str, **form: str) -> Mapping[str, Any]:
        url = f"{self.issuer}/protocol/openid-connect/{endpoint}"
        form |= {"client_id": self.client_id, "client_secret": self.secret}
        answer = requests.post(url, data=form, timeout=SECONDS, allow_redirects=False)
        if not answer.ok:
            said = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
            raise Refused(f"{answer.status_code} {said.get('error')}: {said.get('error_description')}")
        found: Mapping[str, Any] = answer.json() if answer.content else {}
        return found


def call(url: str, token: str) -> tuple[int, Mapping[str, Any]]:
    """Status and JSON of an API's answer."""
    answer = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS)
    return answer.status_code, answer.json()


def said_by(token: str) -> str:
    """A token's azp and aud, to be shown. Its signature is not checked here."""
    claims = jwt.decode(token, options={"verify_signature": False})
    aud = claims.get("aud", ())
    return f"azp={claims.get('azp')} aud={aud if isinstance(aud, str) else ','.join(sorted(aud)) or 'none'}"


def main() -> int:
    """The steps: a user's token, the exchange, the call. Secrets come from the environment, none is printed."""
    parser = argparse.ArgumentParser(prog="python -m examples.calls", description=main.__doc__)
    parser.add_argument("issuer", help="http://127.0.0.1:8080/realms/secure-test")
    parser.add_argument("--source", default=FRONTEND)
    parser.add_argument("--target", default=API)
    parser.add_argument("--user", default=USER)
    parser.add_argument("--url", default=API_URL, help=f"the API's address ({API_URL})")
    parser.add_argument("--requester", action="store_true", help="the source asks for audience=<target> itself")
    given = parser.parse_args()
    asking = given.source if given.requester else given.target
    variables = {name: f"KEYCLOAK_CLIENT_SECRET_{_variable(name)}" for name in (given.source, asking)}
    missing = [each for each in (*variables.values(), "KEYCLOAK_USER_PASS") if not os.environ.get(each)]
    if missing:
        print(f"error: set {' and '.join(dict.fromkeys(missing))}.", file=sys.stderr)
        return 2
    source = Application(given.issuer, given.source, os.environ[variables[given.source]])
    requester = Application(given.issuer, asking, os.environ[variables[asking]])
    try:
        login = source.user_token(given.user, os.environ["KEYCLOAK_USER_PASS"])
        try:
            print(f"1. {given.user} logs in at {given.source}: {said_by(login['access_token'])}")
            token = requester.exchange(login["access_token"], given.target if given.requester else None)
            print(f"2. {asking} exchanges the token: {said_by(token)}")
            status, body = call(given.url, token)
            print(f"3. {given.url} answers {status}: {json.dumps(body)}")
        finally:
            source.log_out(login["refresh_token"])
    except Refused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 1
    except requests.RequestException as problem:
        print(f"error: no answer from {problem.request.url if problem.request else given.issuer}.", file=sys.stderr)
        return 4
    return 0 if status == 200 else 1


def _variable(client_id: str) -> str:
    return "".join(each if each.isascii() and each.isalnum() else "_" for each in client_id.upper())


if __name__ == "__main__":
    sys.exit(main())
