"""A login by a certificate: chosen by config, its files checked before any request."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from kcadmin.rest.certificates import CertificateLogin, certificate_remedy
from kcadmin.rest.connection import ClientSecretLogin, read_connection
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.given_connection import as_input_map, given_connection
from kcadmin.rest.login import describe_login, secrets_of, token_form
from kcadmin.rest.variables import ADMIN_PASSWORD, CERTIFICATE, CERTIFICATE_KEY, CLIENT_SECRET
from tests.support.authority import Authority

URL = "https://kc.example.com"


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    certificate, key = Authority(tmp_path).issue("robot", unit="ci")
    return str(certificate), str(key)


def test_config_chooses_it(files: tuple[str, str], tmp_path: Path) -> None:
    certificate, key = files
    config = {"url": URL, "clientId": "robot", "clientCertificate": certificate, "clientKey": key}
    login = CertificateLogin("robot", certificate, key)
    environ = {CLIENT_SECRET: "s", ADMIN_PASSWORD: "p"}
    assert read_connection(config.get, environ).login == login
    moved = {**config, "clientCertificate": "/gone", "clientKey": "/gone"}
    assert read_connection(moved.get, {CERTIFICATE: certificate, CERTIFICATE_KEY: key}).login == login
    plain = {"url": URL, "clientId": "robot"}
    by_environment = {CERTIFICATE: certificate, CERTIFICATE_KEY: key}
    assert read_connection(plain.get, by_environment).login == login
    assert read_connection(plain.get, {**by_environment, CLIENT_SECRET: "s"}).login == ClientSecretLogin("robot", "s")
    both = tmp_path / "both.pem"
    both.write_text(Path(certificate).read_text() + Path(key).read_text())
    found = read_connection({**config, "clientCertificate": str(both), "clientKey": ""}.get, {}).login
    assert found == CertificateLogin("robot", str(both), str(both))

    assert token_form(login, "") == {"grant_type": "client_credentials", "client_id": "robot"}
    assert describe_login(login) == "client 'robot'" and secrets_of(login) == ()
    assert "the subject DN 'CN=robot,OU=ci,O=Test'" in certificate_remedy(login)
    assert "the subject DN ''" in certificate_remedy(CertificateLogin("robot", "/gone", "/gone"))
    connection = given_connection({"name": "second", **config})
    assert connection.login == login and given_connection(as_input_map(connection)) == connection


def test_what_is_refused(files: tuple[str, str], tmp_path: Path) -> None:
    certificate, key = files
    _, other = Authority(tmp_path, "Other").issue("other")
    locked = tmp_path / "locked.key"
    found = load_pem_private_key(Path(key).read_bytes(), None)
    locked.write_bytes(found.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"phrase")))
    given = {"url": URL, "clientId": "robot", "clientCertificate": certificate, "clientKey": key}
    for changes, words in (
        ({"clientCertificate": "", "clientSecret": "s"}, "config 'clientKey': is set without clientCertificate"),
        ({"clientId": ""}, "config 'clientCertificate': is set without clientId; set clientId"),
        ({"url": "http://127.0.0.1"}, "config 'clientCertificate': works only over TLS; give an https:// address"),
        ({"privateKey": "pem"}, "config 'privateKey': is set beside clientCertificate; keep one"),
        ({"clientCertificate": "/gone"}, "config 'clientCertificate': there is no file '/gone'; give the path"),
        ({"clientKey": "/gone"}, "config 'clientKey': there is no file '/gone'; give the path"),
        ({"clientKey": str(other)}, "are not a certificate in PEM and its unencrypted private key; give both."),
        ({"clientKey": str(locked)}, "are not a certificate in PEM and its unencrypted private key; give both."),
        ({"clientCertificate": key}, "are not a certificate in PEM and its unencrypted private key; give both."),
        ({"clientKey": ""}, "are not a certificate in PEM and its unencrypted private key; give both."),
    ):
        with pytest.raises(InvalidSettings) as refused:
            read_connection({**given, **changes}.get, {})
        assert any(words in fault for fault in refused.value.faults), refused.value.faults
