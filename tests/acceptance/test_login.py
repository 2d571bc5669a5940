"""Logging in to a real Keycloak: password, client secret, private_key_jwt; and TLS by an authority of one's own."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kcadmin.rest.connection import AssertionLogin, ClientSecretLogin, Connection, Login, PasswordLogin, PrivateKeyLogin
from kcadmin.rest.errors import LoginRefused, Unreachable
from kcadmin.rest.session import Session
from kcadmin.rest.tokens import ClientCredentials, TokenEndpoint
from tests.conftest import MakeRealm
from tests.support.in_process import Stack
from tests.support.proxy import certificate_for, proxy_before
from tests.support.realms import TestRealm
from tests.support.renewed import renewed_realm

ALGORITHMS = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
}


realm = renewed_realm("standard")


def robot(realm: TestRealm, **client: object) -> None:
    """A service account in the managed realm, with manage-clients alone."""
    realm.add_client("robot", serviceAccountsEnabled=True, **client)
    user = realm.get("clients", realm.uuid("robot"), "service-account-user")["id"]
    management = realm.uuid("realm-management")
    role = realm.get("clients", management, "roles", "manage-clients")
    realm.session.post(realm.at("users", user, "role-mappings", "clients", management), [role])


def token_of(ci: TestRealm) -> str:
    return TokenEndpoint(ci.session, ci.name).for_service_account(ClientCredentials("job", "s")).access_token


def whole_life(realm: TestRealm, connection: Connection) -> None:
    before = realm.export()
    stack = Stack(connection)
    stack.up({"name": "g", "realm": realm.name, "sources": ["frontend"], "target": "api", "flows": ["requester"]})
    assert realm.exchange("frontend", realm.user_token("frontend"), "api")["aud"] == ["api"]
    stack.destroy()
    assert realm.export() == before


@pytest.mark.standard_exchange
def test_a_robot_with_a_secret_and_one_role_suffices_for_standard_grants(realm: TestRealm) -> None:
    robot(realm)
    whole_life(realm, replace(realm.connection, login=ClientSecretLogin("robot", "s"), login_realm=realm.name))


@pytest.mark.standard_exchange
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_robot_with_a_private_key(realm: TestRealm, algorithm: str) -> None:
    key = ALGORITHMS[algorithm]()
    public = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    keys = {"keys": [{**public, "use": "sig", "alg": algorithm, "kid": "robot"}]}
    signing = {"use.jwks.string": "true", "jwks.string": json.dumps(keys)}
    robot(realm, clientAuthenticatorType="client-jwt", attributes=signing)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    whole_life(realm, replace(realm.connection, login=PrivateKeyLogin("robot", pem), login_realm=realm.name))


@pytest.mark.federated_login
@pytest.mark.standard_exchange
def test_a_robot_with_a_token_of_another_issuer(realm: TestRealm, make_realm: MakeRealm, tmp_path: Path) -> None:
    """The issuer is another realm; its tokens are good once unless the identity provider allows reuse."""
    ci, issuer = make_realm(), f"{realm.url}/realms/{realm.name}"
    ci.add_client("job", serviceAccountsEnabled=True, fullScopeAllowed=False)
    ci.mapper("job", "for-keycloak", "", **{"included.custom.audience": issuer})
    subject = ci.get("clients", ci.uuid("job"), "service-account-user")["id"]
    known = {"jwt.credential.issuer": "ci", "jwt.credential.sub": subject}
    robot(realm, clientAuthenticatorType="federated-jwt", attributes=known)
    unused = {"clientId": "x", "tokenUrl": "https://x.example", "authorizationUrl": "https://x.example"}
    keys = f"{realm.url}/realms/{ci.name}/protocol/openid-connect/certs"
    provider = {
        "issuer": f"{realm.url}/realms/{ci.name}",
        "jwksUrl": keys,
        "useJwksUrl": "true",
        "validateSignature": "true",
        "supportsClientAssertions": "true",
        "supportsClientAssertionReuse": "true",
        **unused,
    }
    body = {"alias": "ci", "providerId": "oidc", "enabled": True, "config": provider}
    realm.session.post(realm.at("identity-provider", "instances"), body)

    file = tmp_path / "token"
    login = AssertionLogin("", str(file))
    file.write_text(token_of(ci))
    connection = replace(realm.connection, login=login, login_realm=realm.name)
    whole_life(realm, connection)

    once = {**body, "config": {**provider, "supportsClientAssertionReuse": "false"}}
    realm.session.put(realm.at("identity-provider", "instances", "ci"), once)
    file.write_text(token_of(ci))
    Session(connection).get(realm.at())
    with pytest.raises(LoginRefused, match=r"Token reuse detected\).*; the identity provider accepts each token once"):
        Session(connection).get(realm.at())
    realm.change("robot", attributes={**known, "jwt.credential.sub": "another"})
    file.write_text(token_of(ci))
    with pytest.raises(LoginRefused, match=rf"needs an identity provider for the issuer .*{ci.name}'.*'{subject}'"):
        Session(connection).get(realm.at())


@pytest.mark.parametrize(
    "login", [PasswordLogin("admin", "wrong-pw"), ClientSecretLogin("nobody", "wrong-pw")], ids=str
)
def test_a_refused_login_is_one_sentence(module_realm: TestRealm, login: Login) -> None:
    with pytest.raises(
        LoginRefused, match=r"^login of (user 'admin'|client 'nobody') in realm 'master': refused \(40"
    ) as refused:
        Session(replace(module_realm.connection, login=login)).get("/admin/realms")
    assert "wrong-pw" not in str(refused.value) and "\n" not in str(refused.value)


def test_a_login_realm_that_does_not_exist(module_realm: TestRealm) -> None:
    with pytest.raises(LoginRefused, match="has no such realm; correct url or loginRealm"):
        Session(replace(module_realm.connection, login_realm="nowhere")).get("/admin/realms")


def test_tls_by_an_authority_of_ones_own(
    module_realm: TestRealm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate_for("127.0.0.1", tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with proxy_before(module_realm.url, tls=context) as proxy:
        secure = replace(module_realm.connection, url=proxy.url)
        assert Session(replace(secure, ca_certificate=str(trusted))).get("/admin/realms")
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(Unreachable, match="authority that this machine does not trust; set caCertificate"):
            Session(secure).get("/admin/realms")
        assert Session(replace(secure, insecure_tls=True)).get("/admin/realms")


def test_tls_for_another_name_is_refused(module_realm: TestRealm, tmp_path: Path) -> None:
    context, trusted = certificate_for("elsewhere.example.com", tmp_path)
    with (
        proxy_before(module_realm.url, tls=context) as proxy,
        pytest.raises(Unreachable, match=r"is for another host than '127\.0\.0\.1'; set url"),
    ):
        Session(replace(module_realm.connection, url=proxy.url, ca_certificate=str(trusted))).get("/admin/realms")


THREADS = 4


def test_threads_open_a_connection_each_and_keep_it(module_realm: TestRealm) -> None:
    session = Session(module_realm.connection)
    with ThreadPoolExecutor(THREADS) as threads:
        assert all(
            threads.map(lambda _: session.get(module_realm.at("clients"), clientId="x") == [], range(10 * THREADS))
        )
    pools = session.transport.repeating.get_adapter(session.connection.url).poolmanager
    assert pools.connection_from_url(session.connection.url).num_connections <= THREADS
