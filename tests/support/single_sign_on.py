"""A user's browser that logs in to several clients in one session, by the authorization code flow."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import requests

from tests.support.realms import PASSWORD, TestRealm

REDIRECT = "http://localhost/after"


class SingleSignOn:
    """One user's session. ``token``: the access token of a client, after a log-in where the session is new."""

    def __init__(self, realm: TestRealm, username: str) -> None:
        self._at = f"{realm.url}/realms/{realm.name}/protocol/openid-connect"
        self._username = username
        self._cookies: dict[str, str] = {}

    def token(self, client_id: str) -> str:
        asked = {"client_id": client_id, "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid"}
        answer = self._send("GET", f"{self._at}/auth", params=asked)
        if answer.status_code == 200:  # the page that asks for a password
            found = re.search(r'action="([^"]+)"', answer.text)
            assert found, answer.text
            form = {"username": self._username, "password": PASSWORD}
            answer = self._send("POST", html.unescape(found.group(1)), data=form)
        (code,) = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": client_id}
        answer = requests.post(f"{self._at}/token", data={**form, "client_secret": "s"}, timeout=120)
        return str(answer.json()["access_token"])

    def _send(self, method: str, at: str, **said: dict[str, str]) -> requests.Response:
        """Sends the cookies that were set, also those for https, which a browser takes from this machine, too."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookies} if cookies else {}
        answer = requests.request(method, at, headers=headers, allow_redirects=False, timeout=120, **said)  # type: ignore[arg-type]
        self._cookies |= answer.cookies.get_dict()
        return answer
