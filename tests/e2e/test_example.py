"""The example application as people run it: a program, two services, and a user's call through them."""

import os
import re
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from examples import calls
from examples.api import server
from examples.api.server import serving
from kcadmin.objects.features import SWITCH
from kcadmin.rest.connection import Connection, PasswordLogin
from kcadmin.rest.session import Session
from kcadmin.rest.tokens import EXCHANGE_GRANT
from local.layout import PROJECT, VENV, backend_url
from tests.conftest import Servers
from tests.e2e.stack import warm
from tests.support.realms import PASSWORD, TestRealm

SECONDS = 300
ACCESS_TOKEN, ID_TOKEN = (f"urn:ietf:params:oauth:token-type:{kind}" for kind in ("access_token", "id_token"))
REPORTS = "authentication-test-reports"


def test_three_hops(servers: Servers, pulumi: Path, tmp_path: Path) -> None:
    keycloak = servers("standard")
    state = tmp_path / "state"
    state.mkdir()
    ready = warm(pulumi)
    environ = {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "PATH": os.pathsep.join([str(VENV / "bin"), str(ready.pulumi), os.environ["PATH"]]),
        "PULUMI_BACKEND_URL": backend_url(state),
        "PULUMI_CONFIG_PASSPHRASE": "a-test-passphrase",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **ready.variables,
        "KEYCLOAK_URL": keycloak.url,
        "KEYCLOAK_ADMIN_PASS": keycloak.admin_password,
    }
    done = subprocess.run(
        [str(VENV / "bin" / "python"), "-m", "examples.three_hops.show"],
        cwd=PROJECT,
        env=environ,
        text=True,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    source, target = "authentication-test-frontend", "authentication-test-api"
    logged = [line.split("log: ")[1].strip() for line in done.stdout.splitlines() if "log: " in line]
    assert logged == [
        f"200 user testuser2 through {target} at {target}",
        f"200 user testuser2 through {source} at {target}",
        f"200 user testuser2 through {target} at {REPORTS}",
        f"401 Audience doesn't match at {REPORTS}",
    ]
    assert "refused: 400 invalid_request: Requested audience not available" in done.stdout
    assert "the realm's export is as before." in done.stdout and not re.search(r"eyJ[\w-]+\.", done.stdout)
    assert not list(state.rglob("*three-hops*")) and not list((PROJECT / "examples").rglob("Pulumi.three-hops-*"))
    admin = Session(Connection(keycloak.url, PasswordLogin("admin", keycloak.admin_password)))
    assert not [each["realm"] for each in admin.get("/admin/realms") if each["realm"].startswith("three-hops-")]


def test_an_id_token_of_the_realm_is_no_access_token(realm: TestRealm) -> None:
    """It is signed by the same keys, and the API's own exchange gives it one that names the API."""
    for client, audience in (("frontend", "api"), ("api", "api")):
        realm.mapper(client, f"to-{audience}", audience, **{"id.token.claim": "true"})
    realm.change("api", attributes={SWITCH.removeprefix("attributes."): "true"})
    issuer = f"{realm.url}/realms/{realm.name}"
    form = {
        "grant_type": EXCHANGE_GRANT,
        "client_id": "api",
        "client_secret": "s",
        "subject_token": realm.user_token("frontend"),
        "subject_token_type": ACCESS_TOKEN,
        "scope": "openid",
    }
    given = {}
    for kind in (ACCESS_TOKEN, ID_TOKEN):
        at = f"{issuer}/protocol/openid-connect/token"
        answer = requests.post(at, data={**form, "requested_token_type": kind}, timeout=120).json()
        given[kind] = answer["access_token"]
    with serving(issuer, "api", 0) as api:
        found = {
            kind: requests.get(api.url, headers={"Authorization": f"Bearer {token}"}, timeout=120)
            for kind, token in given.items()
        }
    assert {kind: each.status_code for kind, each in found.items()} == {ACCESS_TOKEN: 200, ID_TOKEN: 401}
    assert found[ID_TOKEN].headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert found[ID_TOKEN].json()["error_description"] == "typ is 'ID', and not that of an access token"


def test_half_requests_hold_a_few_threads_for_a_short_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 of them: silent ones, and ones that send a byte now and then. While they hold all threads others get 503."""
    monkeypatch.setattr(server, "REQUEST_SECONDS", 2.0)
    before, most = threading.active_count(), 0
    answers: list[int] = []
    with ExitStack() as opened, serving("http://127.0.0.1/realms/none", "api", 0) as api:
        half = [opened.enter_context(socket.create_connection(api.server_address)) for _ in range(200)]
        began = time.monotonic()
        for each in half[:100]:
            with suppress(OSError):  # one that got 503
                each.sendall(b"GET / HTTP/1.0\r\nX: ")
        while 401 not in answers and time.monotonic() - began < 60:
            most = max(most, threading.active_count() - before)
            for each in half[:100]:
                with suppress(OSError):
                    each.sendall(b"x")
            with suppress(requests.RequestException):  # closed before it was read
                answers.append(requests.get(api.url, timeout=60).status_code)
        assert answers[-1] == 401 and set(answers) <= {401, 503}
        assert time.monotonic() - began < 60
        assert most <= server.MOST_AT_ONCE + 1  # and that which accepts


def test_the_script_exchanges_and_calls(
    realm: TestRealm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for client, audience in (("frontend", "api"), ("api", "api")):
        realm.mapper(client, f"to-{audience}", audience)
    realm.change("api", attributes={SWITCH.removeprefix("attributes."): "true"})
    issuer = f"{realm.url}/realms/{realm.name}"
    for name, value in (("CLIENT_SECRET_FRONTEND", "s"), ("CLIENT_SECRET_API", "s"), ("USER_PASS", PASSWORD)):
        monkeypatch.setenv(f"KEYCLOAK_{name}", value)

    def run(url: str, *more: str) -> int:
        arguments = ["calls", issuer, "--source", "frontend", "--target", "api", "--url", url, *more]
        monkeypatch.setattr("sys.argv", arguments)
        return calls.main()

    with serving(issuer, "api", 0) as api:
        assert run(api.url) == 0
        shown = capsys.readouterr().out
        assert "1. testuser2 logs in at frontend: azp=frontend aud=" in shown
        assert "2. api exchanges the token: azp=api aud=" in shown
        assert 'answers 200: {"user": "testuser2", "through": "api", "at": "api"}' in shown
        assert run(api.url, "--requester") == 1
        refused = "refused: 400 invalid_request: Standard token exchange is not enabled for the requested client"
        assert refused in capsys.readouterr().err
    with serving(issuer, "another", 0) as another:
        assert run(another.url) == 1
        assert "answers 401" in capsys.readouterr().out
    assert run(another.url) == 4
    sessions = realm.get("clients", realm.uuid("frontend"), "user-sessions")
    assert sessions == []
