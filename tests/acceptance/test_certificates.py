"""A robot that logs in by a certificate, to a Keycloak that speaks TLS and asks for one."""

from dataclasses import replace
from pathlib import Path

import pytest

from kcadmin.rest.certificates import CertificateLogin
from kcadmin.rest.connection import read_connection
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.session import Session
from tests.acceptance.test_login import robot, whole_life
from tests.conftest import MakeRealm, Servers
from tests.support.authority import Authority
from tests.support.shared_servers import SECURE, secure

SUBJECT = "CN=robot,OU=ci,O=Test"
BY_CERTIFICATE = {"x509.subjectdn": SUBJECT, "x509.allow.regex.pattern.comparison": "false"}


@pytest.mark.standard_exchange
def test_a_robot_with_a_certificate(servers: Servers, make_realm: MakeRealm, tmp_path: Path) -> None:
    url, ours = secure(servers(SECURE))
    others = Authority(tmp_path, "Another CA")
    realm = make_realm(SECURE)
    robot(realm, clientAuthenticatorType="client-x509", attributes=BY_CERTIFICATE)
    file, key_file = ours.issue("robot", unit="ci")
    config = {
        "url": url,
        "loginRealm": realm.name,
        "clientId": "robot",
        "clientCertificate": str(file),
        "clientKey": str(key_file),
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

    told = refused(*ours.issue("another", unit="ci"))
    assert "X509 Certificate' and the subject DN 'CN=another,OU=ci,O=Test'" in told
    for authority, days in ((others, 1), (ours, -1)):
        files = authority.issue("robot", days, unit="ci")
        assert f"the certificate in '{files[0]}' has not expired, and that the server trusts its CA" in refused(*files)
