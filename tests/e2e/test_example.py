"""The example application as people run it: a program, two services, and a user's call through them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from examples import calls
from examples.api.server import serving
from kcadmin.connection import Connection, PasswordLogin
from kcadmin.features import SWITCH
from kcadmin.session import Session
from local.layout import PROJECT, VENV
from tests.conftest import Servers
from tests.support.realms import PASSWORD, TestRealm

SECONDS = 120
REPORTS = "authentication-test-reports"


def test_three_hops(servers: Servers, pulumi: Path, tmp_path: Path) -> None:
    server = servers("standard")
    state = tmp_path / "state"
    state.mkdir()
    environ = {
        **os.environ,
        "PATH": os.pathsep.join([str(VENV / "bin"), str(pulumi), os.environ["PATH"]]),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "a-test-passphrase",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_PYTHON_CMD": str(VENV / "bin" / "python"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "KEYCLOAK_URL": server.url,
        "KEYCLOAK_ADMIN_PASS": server.admin_password,
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
    admin = Session(Connection(server.url, PasswordLogin("admin", server.admin_password)))
    assert not [each["realm"] for each in admin.get("/admin/realms") if each["realm"].startswith("three-hops-")]


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
