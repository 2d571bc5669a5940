"""Robots that log in by a SPIFFE workload's token, on a server with that preview feature: made, used and taken away."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exchange.cli import app
from kcadmin.rest.connection import AssertionLogin
from kcadmin.rest.errors import LoginRefused
from kcadmin.rest.session import Session
from kcadmin.rest.variables import ADMIN_PASSWORD
from tests.conftest import MakeRealm
from tests.support.engine import forget
from tests.support.in_process import Stack
from tests.support.issuer import Issuer, issuer
from tests.support.realms import TestRealm

pytestmark = [
    pytest.mark.federated_login,
    pytest.mark.skipif(
        not os.environ.get("TEST_SPIFFE"), reason="needs a server with a preview feature: make test-spiffe"
    ),
]
DOMAIN, WORKLOAD = "spiffe://example.org", "spiffe://example.org/ci/pulumi"


@pytest.fixture(scope="module")
def spire() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture
def home(make_realm: MakeRealm) -> TestRealm:
    return make_realm("spiffe", frontend={}, api={})


def test_a_workload_manages_grants(
    home: TestRealm, spire: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADMIN_PASSWORD, home.admin_password)
    before, audience = home.export(), f"{home.url}/realms/{home.name}"
    command = ["bootstrap", "--url", home.url, "--realm", home.name]
    wished = ["--federated", "spire", "--subject", WORKLOAD, "--issuer", DOMAIN, "--spiffe"]
    wished += ["--keys", f"{spire.url}/bundle"]
    home.add_client("twin", attributes={"jwt.credential.issuer": "elsewhere", "jwt.credential.sub": WORKLOAD})
    done = CliRunner().invoke(app, [*command, *wished])
    assert (done.exit_code, f"has the subject '{WORKLOAD}' of 'elsewhere'" in done.output) == (2, True), done.output
    home.session.delete(home.at("clients", home.uuid("twin")))
    assert home.export() == before
    forget()
    done = CliRunner().invoke(app, [*command, *wished])
    assert done.exit_code == 0, done.output
    assert "clientAssertionType jwt-spiffe" in done.output and "no secret of it is stored" in done.output
    forget()

    file = tmp_path / "svid"
    login = replace(home.connection, login=AssertionLogin("", str(file), kind="jwt-spiffe"), login_realm=home.name)
    file.write_text(spire.of_workload(audience, WORKLOAD))
    stack = Stack(login)
    stack.up({"name": "g", "realm": home.name, "sources": ["frontend"], "target": "api", "flows": ["requester"]})
    assert home.exchange("frontend", home.user_token("frontend"), "api")["aud"] == ["api"]
    stack.destroy()
    bearer = replace(login, login=AssertionLogin("", str(file)))
    with pytest.raises(LoginRefused, match=f"set clientAssertionType to jwt-spiffe where .*the subject '{WORKLOAD}'"):
        Session(bearer).get(home.at("clients"))
    for token, words in (
        (spire.of_workload(audience, f"{DOMAIN}/other"), f"identity provider of the type SPIFFE .* '{DOMAIN}/other'"),
        (
            spire.of_workload(f"{home.url}/realms/master", WORKLOAD),
            "ask for a token with the audience '.*/realms/realm-",
        ),
    ):
        file.write_text(token)
        with pytest.raises(LoginRefused, match=words) as refused:
            Session(login).get(home.at("clients"))
        assert token not in str(refused.value)

    forget()
    done = CliRunner().invoke(app, [*command, "--remove"])
    assert f"identity provider 'spire' in realm '{home.name}': deleted" in done.output, done.output
    assert home.export() == before
