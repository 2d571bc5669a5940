"""A robot that logs in by a certificate, to a Keycloak that speaks TLS and asks for one."""

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from kcadmin.rest.certificates import CertificateLogin
from kcadmin.rest.connection import read_connection
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.session import Session
from local import keycloak
from local.layout import keycloak_version
from tests.acceptance.test_login import robot, whole_life
from tests.support.authority import Authority
from tests.support.realms import TestRealm
from tests.support.shared_servers import IN_MEMORY, free_port, start_server

SUBJECT = "CN=robot,OU=ci,O=Test"
BY_CERTIFICATE = {"x509.subjectdn": SUBJECT, "x509.allow.regex.pattern.comparison": "false"}


@pytest.mark.standard_exchange
def test_a_robot_with_a_certificate(tmp_path: Path) -> None:
    """A server of its own, since asking for certificates is a setting of its build."""
    ours, others = Authority(tmp_path), Authority(tmp_path, "Another CA")
    certificate, key = ours.issue("127.0.0.1")
    installation = keycloak.install(keycloak_version(), "standard", lambda line: None, keycloak.CLIENT_AUTH)
    port, password = free_port(), secrets.token_hex(12)
    settings = {
        **IN_MEMORY,
        **keycloak.CLIENT_AUTH,
        "KC_HTTPS_PORT": str(port),
        "KC_HTTPS_CERTIFICATE_FILE": str(certificate),
        "KC_HTTPS_CERTIFICATE_KEY_FILE": str(key),
        "KC_TRUSTSTORE_PATHS": str(ours.certificate),
    }
    server = start_server(installation, tmp_path / "server", password, env=settings)
    try:
        realm = TestRealm.make(server.url, password)
        robot(realm, clientAuthenticatorType="client-x509", attributes=BY_CERTIFICATE)
        certificate, key = ours.issue("robot", unit="ci")
        config = {
            "url": f"https://127.0.0.1:{port}",
            "loginRealm": realm.name,
            "clientId": "robot",
            "clientCertificate": str(certificate),
            "clientKey": str(key),
            "caCertificate": str(ours.certificate),
        }
        connection = read_connection(config.get, {})
        whole_life(realm, connection)

        def refused(certificate: Path, key: Path) -> str:
            login = CertificateLogin("robot", str(certificate), str(key))
            with pytest.raises(KeycloakError) as problem:
                Session(replace(connection, login=login)).get(realm.at("clients"))
            assert "BEGIN" not in str(problem.value) and "\n" not in str(problem.value)
            return str(problem.value)

        assert "X509 Certificate' and the subject DN 'CN=another,OU=ci,O=Test'" in refused(
            *ours.issue("another", unit="ci")
        )
        for authority, days in ((others, 1), (ours, -1)):
            told = refused(*authority.issue("robot", days, unit="ci"))
            assert (
                f"the certificate in '{tmp_path}/robot.crt' has not expired, and that the server trusts its CA" in told
            )
    finally:
        server.stop()
