"""A pod's whole life of a stack: a robot made by bootstrap logs in by tokens that rotate, and no secret is anywhere."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from exchange.cli import app
from kcadmin.rest.variables import ADMIN_PASSWORD
from tests.e2e.conftest import NewStack
from tests.e2e.exchanges import both_flows, grant
from tests.e2e.stack import CHECKPOINTS, Stack
from tests.e2e.test_secrets import JWT, VERBOSE, everything
from tests.support.engine import forget
from tests.support.issuer import ACCOUNT, Issuer, issuer
from tests.support.realms import PASSWORD, TestRealm

pytestmark = [pytest.mark.federated_login, pytest.mark.standard_exchange]
ROBOT = "pulumi-token-exchange"


def test_a_pod(realm: TestRealm, new_stack: NewStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADMIN_PASSWORD, realm.admin_password)
    before = realm.export()
    command = ["bootstrap", "--url", realm.url, "--realm", realm.name]
    with issuer() as cluster:
        of_pod = ["--federated", "cluster", "--subject", ACCOUNT, "--issuer", cluster.url, "--kubernetes"]
        forget()
        made = CliRunner().invoke(app, [*command, *of_pod, "--dry-runs"])
        assert made.exit_code == 0, made.output
        stack = new_stack(realm, "standard")
        lives(stack, realm, cluster, tmp_path / "token")
        forget()
        gone = CliRunner().invoke(app, [*command, "--remove"])
        assert gone.exit_code == 0 and "identity provider 'cluster'" in gone.output
    assert realm.export() == before
    for text in (made.output, gone.output):
        assert realm.admin_password not in text and not JWT.search(text)


def lives(stack: Stack, realm: TestRealm, cluster: Issuer, file: Path) -> None:
    """Each command finds another token in the file, and the former ones are not valid any more."""
    audience, told = f"{realm.url}/realms/{realm.name}", []

    def rotate() -> None:
        file.write_text(cluster.of_pod(audience))

    del stack.env["KEYCLOAK_ADMIN_PASS"]
    stack.env |= {"KEYCLOAK_USER": realm.user, "KEYCLOAK_USER_PASS": PASSWORD, **CHECKPOINTS}
    rotate()
    stack.configure(grant(), loginRealm=realm.name, clientAssertionFile=str(file))
    told.append(stack.up("--skip-preview", *VERBOSE).output)
    both_flows(realm, "standard")
    rotate()
    proved = stack.exchange("verify", "--read-secrets")
    assert proved.returncode == 0 and "proved" in proved.stdout, proved.stdout + proved.stderr
    rotate()
    told += [proved.stdout + proved.stderr, stack.preview("--refresh", "--expect-no-changes", "--debug").output]
    realm.delete_mapper("frontend", next(each["name"] for each in realm.client("frontend")["protocolMappers"]))
    drifted = stack.refused("preview", "--refresh", "--expect-no-changes")
    stack.up("--refresh", "--skip-preview")
    told += [drifted.output, stack.export_text(), everything(stack)]

    file.write_text(cluster.of_pod("https://kubernetes.default.svc"))
    wrong = stack.refused("destroy", "--yes", "--skip-preview").output
    assert f"ask for a token with the audience '{audience}'" in wrong
    file.write_text(cluster.of_pod(audience, "system:serviceaccount:deploy:other"))
    unknown = stack.refused("refresh", "--yes", "--skip-preview").output
    assert f"needs an identity provider for the issuer '{cluster.url}'" in unknown
    rotate()
    told += [wrong, unknown, stack.destroy("--skip-preview", "--debug").output, everything(stack)]
    parts = {part for token in cluster.given for part in token.split(".")[1:]}
    for text in told:
        assert not JWT.search(text) and PASSWORD not in text
        assert not any(part in text for part in parts)
