"""Robots without a key: bootstrap makes them and their identity provider, and takes both away; killed anywhere, too."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from exchange.bootstrap.bootstrap import Bootstrapped, bootstrap, bootstrap_federated, remove
from exchange.cli import app
from exchange.doctor.doctor import Asked, Doctor
from exchange.doctor.realm_reader import AnswerCache
from kcadmin.objects.robot_issuer import KUBERNETES, OIDC, SPIFFE
from kcadmin.objects.robot_issuer import Issuer as Wished
from kcadmin.objects.robot_login import ByIssuer
from kcadmin.objects.robot_names import MARK
from kcadmin.rest.connection import AssertionLogin, Connection
from kcadmin.rest.errors import Forbidden, LoginRefused, Refusal
from kcadmin.rest.session import Session
from kcadmin.rest.variables import ADMIN_PASSWORD
from reach.verdict import THIRD, Case
from tests.support.engine import forget
from tests.support.in_process import Killed, Stack, interrupted
from tests.support.issuer import ACCOUNT, Issuer, issuer
from tests.support.realms import TestRealm

pytestmark = [pytest.mark.federated_login, pytest.mark.standard_exchange]

NAME, ROLES = "robot", ("manage-clients",)
JOB = "repo:octo-org/octo-repo:environment:prod"
POD = ByIssuer("cluster", ACCOUNT)
ALL = bool(os.environ.get("ALL_KILL_POINTS"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


def made(
    realm: TestRealm, login: ByIssuer, wished: Wished | None = None, name: str = NAME, **more: Any
) -> Bootstrapped:
    forget()
    return bootstrap_federated(realm.connection, realm.name, name, ROLES, login, wished, **more)


def gone(realm: TestRealm, name: str = NAME) -> tuple[str, ...]:
    forget()
    removed = remove(realm.connection, realm.name, name)
    return removed.remains if removed else ()


def logged_in(realm: TestRealm, file: Path, token: str) -> Connection:
    file.write_text(token)
    return replace(realm.connection, login=AssertionLogin("", str(file)), login_realm=realm.name)


def provider(realm: TestRealm, alias: str, **config: str) -> None:
    body = {"alias": alias, "providerId": OIDC, "enabled": True, "config": {"clientId": "x", **config}}
    realm.session.post(realm.at("identity-provider", "instances"), body)


def test_a_pod_manages_grants(realm: TestRealm, cluster: Issuer, tmp_path: Path) -> None:
    before = realm.export()
    found = made(realm, POD, Wished(KUBERNETES, cluster.url))
    assert found.robot.made and found.key is None and found.audience == f"{realm.url}/realms/{realm.name}"
    connection = logged_in(realm, tmp_path / "token", cluster.of_pod(found.audience))
    stack = Stack(connection)
    stack.up({"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "flows": ["requester"]})
    assert realm.exchange("frontend", realm.user_token("frontend"), "api")["aud"] == ["api"]
    stack.destroy()
    with pytest.raises(Forbidden):
        Session(connection).get(realm.at("events"))
    for token, words in (
        (cluster.of_pod(found.audience, "system:serviceaccount:other:pulumi"), "only one client with the subject"),
        (cluster.of_pod("https://kubernetes.default.svc"), r"ask for a token with the audience '.*/realms/realm-"),
    ):
        with pytest.raises(LoginRefused, match=words):
            Session(logged_in(realm, tmp_path / "token", token)).get(realm.at())
    again = made(realm, POD, Wished(KUBERNETES, cluster.url))
    assert not again.robot.made and realm.uuid(NAME)
    Session(logged_in(realm, tmp_path / "token", cluster.of_pod(found.audience))).get(realm.at("clients"))
    assert gone(realm) == (f"identity provider 'cluster' in realm '{realm.name}': deleted.",)
    assert realm.export() == before and gone(realm) == ()


def test_a_ci_job_manages_grants(realm: TestRealm, cluster: Issuer, tmp_path: Path) -> None:
    """Its tokens are good once, unless bootstrap is told otherwise."""
    login, file = ByIssuer("ci", JOB), tmp_path / "token"
    audience = made(realm, login, Wished(OIDC, cluster.url)).audience
    realm.add_client("twin", attributes=login.attributes)
    with pytest.raises(LoginRefused, match=rf"only one client with the subject '{JOB}'"):
        Session(logged_in(realm, file, cluster.of_job(audience, JOB))).get(realm.at("clients"))
    case = Case("g", realm.name, "standard", THIRD, "frontend", NAME, "api", "api")
    found = Doctor(AnswerCache(realm.session), Asked()).examine([case])[0]
    assert [each.cause for each in found.notes if "'twin'" in each.wrong] == ["requester-shares-subject"]
    realm.session.delete(realm.at("clients", realm.uuid("twin")))
    connection = logged_in(realm, file, cluster.of_job(audience, JOB))
    Session(connection).get(realm.at("clients"))
    with pytest.raises(LoginRefused, match=r"Token reuse detected\).*; the identity provider accepts each token once"):
        Session(connection).get(realm.at("clients"))
    old = cluster.sign(sub=JOB, aud=audience, jti="old", iat=1, nbf=1)
    with pytest.raises(LoginRefused, match=r"too far in the past .*; take a newer token, or raise the greatest age"):
        Session(logged_in(realm, file, old)).get(realm.at("clients"))
    with pytest.raises(
        Refusal, match=r"'ci' .*exists with supportsClientAssertionReuse 'false' and not 'true'; correct"
    ):
        made(realm, login, Wished(OIDC, cluster.url, reuse=True))
    gone(realm)
    made(realm, login, Wished(OIDC, cluster.url, f"{cluster.url}/keys", reuse=True, max_age=3600))
    connection = logged_in(realm, file, cluster.of_job(audience, JOB))
    for _ in range(2):
        Session(connection).get(realm.at("clients"))
    gone(realm)


def test_it_refuses_before_it_writes(realm: TestRealm, cluster: Issuer, tmp_path: Path) -> None:
    provider(realm, "theirs", issuer="https://theirs.example.com", **{MARK: "another"})
    provider(realm, "plain", issuer="https://plain.example.com")
    realm.add_client("taken", clientAuthenticatorType="federated-jwt",
                     attributes={"jwt.credential.issuer": "plain", "jwt.credential.sub": ACCOUNT})  # fmt: skip
    realm.add_client("workload", attributes={"jwt.credential.issuer": "gone", "jwt.credential.sub": "spiffe://a/b"})
    before = realm.export()
    refused = {
        (POD, None): "'cluster' .*does not exist; correct --federated, or give --issuer with one of --kubernetes",
        (
            ByIssuer("plain", ACCOUNT),
            None,
        ): r"'taken' .* has the subject '.*' of 'plain' already; .*\n.*'plain' .* "
        "does not take client assertions; switch",
        (
            ByIssuer("plain", JOB),
            Wished(OIDC, cluster.url),
        ): "'plain' .* exists and was not made by bootstrap; leave --issuer",
        (
            ByIssuer("theirs", JOB),
            Wished(OIDC, cluster.url),
        ): "'theirs' .* was made for the robot 'another'; leave --issuer",
        (POD, Wished(OIDC, f"{cluster.url}/")): "'cluster' .* names the issuer 'http.*'; correct --issuer",
        (
            POD,
            Wished(OIDC, "http://127.0.0.1:1"),
        ): "'cluster' .* the server cannot read 'http://127.0.0.1:1/.well-known",
        (
            ByIssuer("cluster", "spiffe://a/b"),
            Wished(SPIFFE, "spiffe://a", "https://a.example.com"),
        ): "'workload' .* has the subject 'spiffe://a/b' of 'gone' already; correct .*\n.* "
        "no identity providers of the type spiffe; start it with --features=spiffe",
    }
    for (login, wished), words in refused.items():
        with pytest.raises(Refusal, match=words):
            made(realm, login, wished)
        assert realm.export() == before
    forget()
    bootstrap(realm.connection, realm.name, NAME, ROLES, tmp_path / "robot.pem")
    with pytest.raises(Refusal, match=r"'robot' .* is a robot with another login; correct the options"):
        made(realm, POD, Wished(KUBERNETES, cluster.url))
    gone(realm)
    assert realm.export() == before


def test_a_provider_that_others_use_stays(realm: TestRealm, cluster: Issuer, tmp_path: Path) -> None:
    """The last robot takes it away. One of others is used as it is, and never changed."""
    before = realm.export()
    made(realm, POD, Wished(KUBERNETES, cluster.url))
    second = ByIssuer("cluster", "system:serviceaccount:deploy:second")
    with pytest.raises(Refusal, match=r"'robot' .* has the subject"):
        made(realm, POD, None, "second")
    made(realm, second, None, "second")
    assert gone(realm) == (
        f"identity provider 'cluster' in realm '{realm.name}': stays, since client 'second' logs in by it.",
    )
    assert gone(realm, "second") == (f"identity provider 'cluster' in realm '{realm.name}': deleted.",)
    assert realm.export() == before

    made(realm, POD, Wished(KUBERNETES, cluster.url))
    forget()
    found = bootstrap(realm.connection, realm.name, NAME, ROLES, tmp_path / "robot.pem", new_key=True)
    assert found.robot.told == (f"identity provider 'cluster' in realm '{realm.name}': deleted.",)
    assert gone(realm) == () and realm.export() == before

    provider(realm, "theirs", issuer=cluster.url, supportsClientAssertions="true", jwksUrl=f"{cluster.url}/keys",
             useJwksUrl="true")  # fmt: skip
    before = realm.export()
    with pytest.raises(
        Refusal, match=r"'cluster' .* cannot be made \(Issuer URL already used for IDP 'theirs'.*leave --issu"
    ):
        made(realm, POD, Wished(KUBERNETES, cluster.url))
    assert realm.export() == before
    found = made(realm, ByIssuer("theirs", JOB))
    assert (found.type, found.key) == (OIDC, None)
    Session(logged_in(realm, tmp_path / "token", cluster.of_job(found.audience, JOB))).get(realm.at("clients"))
    assert gone(realm) == () and realm.export() == before


def test_killed_anywhere(realm: TestRealm, cluster: Issuer) -> None:
    """``--remove``, and another run and then ``--remove``, leave the realm as it was."""
    wished, before = Wished(KUBERNETES, cluster.url), realm.export()

    def killed(at: int, *, after: bool) -> list[str]:
        with interrupted(at, after=after) as writes, suppress(Killed):
            made(realm, POD, wished)
        return writes

    writes = killed(1000, after=False)
    assert [each.rpartition("/")[2] for each in writes[:2]] == ["instances", "clients"]
    gone(realm)
    for at in range(len(writes)) if ALL else (0, 1, len(writes) - 1):
        for after in (False, True):
            killed(at, after=after)
            gone(realm)
            assert realm.export() == before, ("--remove", at, after)
            killed(at, after=after)
            made(realm, POD, wished)
            gone(realm)
            assert realm.export() == before, ("another run", at, after)


def test_by_the_command(realm: TestRealm, cluster: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADMIN_PASSWORD, realm.admin_password)
    before = realm.export()
    command = ["bootstrap", "--url", realm.url, "--realm", realm.name]
    wished = [*command, "--federated", "cluster", "--subject", ACCOUNT, "--issuer", cluster.url]
    forget()
    done = CliRunner().invoke(app, [*wished, "--kubernetes"])
    assert done.exit_code == 0, done.output
    assert (
        "no secret of it is stored" in done.output and f"audience is '{realm.url}/realms/{realm.name}'" in done.output
    )
    assert "PRIVATE_KEY" not in done.output
    forget()
    done = CliRunner().invoke(app, [*command, "--remove"])
    assert "identity provider 'cluster'" in done.output and realm.export() == before
