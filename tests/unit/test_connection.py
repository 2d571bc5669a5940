"""From a stack's config to a connection: what counts as set, who wins, and every fault at once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.rest.connection import (
    ADMIN_PASSWORD,
    CLIENT_SECRET,
    INSECURE_HTTP,
    PRIVATE_KEY,
    PUBLIC_ADDRESS,
    USER_AGENT,
    ClientSecretLogin,
    Connection,
    PasswordLogin,
    PrivateKeyLogin,
    read_connection,
)
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.hosts import is_loopback
from kcadmin.rest.session import Session
from tests.support.examples import examples
from tests.support.proxy import certificate_for

URL = "https://keycloak.example.com"
BASE = {"url": URL, "adminPassword": "pw"}
ROBOT = {"url": URL, "clientId": "robot"}
PLAIN = Connection(URL, PasswordLogin("admin", "pw"))


def read(config: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Connection:
    return read_connection(config.get, environ or {})


def faults(config: Mapping[str, object], environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        read(config, environ)
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("config", "environ", "expected"),
    [
        (BASE, {}, PLAIN),
        ({**BASE, "url": f" {URL}// "}, {}, PLAIN),
        ({**BASE, "url": f"{URL}/auth/"}, {}, replace(PLAIN, url=f"{URL}/auth")),
        ({**BASE, "adminUsername": "ann"}, {}, Connection(URL, PasswordLogin("ann", "pw"))),
        ({**BASE, "loginRealm": "staff"}, {}, replace(PLAIN, login_realm="staff")),
        ({**BASE, "insecureTls": "true"}, {}, replace(PLAIN, insecure_tls=True)),
        ({**BASE, "insecureTls": True}, {}, replace(PLAIN, insecure_tls=True)),
        ({**BASE, "insecureTls": False}, {}, PLAIN),
        ({**BASE, "insecureTls": "FALSE"}, {}, PLAIN),
        ({**ROBOT, "clientSecret": "cs"}, {}, Connection(URL, ClientSecretLogin("robot", "cs"))),
        ({**ROBOT, "privateKey": "pem"}, {}, Connection(URL, PrivateKeyLogin("robot", "pem"))),
    ],
    ids=str,
)
def test_config_alone(config: dict[str, object], environ: dict[str, str], expected: Connection) -> None:
    assert read(config, environ) == expected


LOOPBACK = ("localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "[::1]", "[0:0:0:0:0:0:0:1]")
ELSEWHERE = (
    *("localhost.example.com", "127.0.0.1.example.com", "[::]", "10.0.0.1", "a.localhost", "127.1"),
    *("2130706433", "0x7f000001", "[::2]", "128.0.0.1", "keycloak"),
)


HUSH = "c2VjcmV0"
PASTED = (
    f"-----BEGIN PRIVATE KEY-----\n{HUSH}\n-----END PRIVATE KEY-----\n",
    f"-----BEGIN RSA PRIVATE KEY-----{HUSH}",
    f"eyJhbGciOiJSUzI1NiJ9.{HUSH}.{HUSH}{HUSH}",
)


@pytest.mark.parametrize("pasted", PASTED)
@pytest.mark.parametrize(
    "key", ["clientCertificate", "clientKey", "clientAssertionFile", "caCertificate", "insecureTls"]
)
def test_a_key_or_token_in_the_place_of_its_file_is_not_shown(key: str, pasted: str) -> None:
    certificate = {"clientCertificate": __file__} if key == "clientKey" else {}
    told = "\n".join(faults({**ROBOT, **certificate, key: pasted}))
    assert f"'{key}'" in told and "(left out)" in told and HUSH not in told


@pytest.mark.parametrize("host", LOOPBACK)
def test_http_to_this_machine(host: str) -> None:
    found = read({**BASE, "url": f"http://{host}:8080"})
    assert found.is_loopback and found.warnings() == []


@pytest.mark.parametrize("host", ELSEWHERE)
@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_http_to_another_machine_is_refused_unless_it_is_allowed(host: str, scheme: str) -> None:
    config = {**BASE, "url": f"{scheme}://{host}:8080"}
    (fault,) = faults(config)
    assert fault.startswith("config 'url': is ") and "give an https:// address, or set insecureHttp" in fault
    for found in (
        read({**config, "insecureHttp": "true"}),
        read(config, {INSECURE_HTTP: "true"}),
        read({**config, "insecureHttp": "false"}, {INSECURE_HTTP: "true"}),  # Pulumi.yaml's default, in an old state
    ):
        assert not found.is_loopback and found.insecure_http
        assert [each[:20] for each in found.warnings()] == ["insecureHttp is true"]
    assert read({**BASE, "insecureHttp": "true"}).warnings() == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "place", ["evil.example\\[::1]", "evil.example\\[::1]:80", "[::1]\\.evil.example", "127.0.0.1\\", "ex%61mple.com"]
)
def test_an_address_that_two_readers_read_otherwise_is_none(scheme: str, place: str) -> None:
    (fault,) = faults({**BASE, "url": f"{scheme}://{place}", "insecureHttp": "true"})
    assert fault.startswith("config 'url': is ") and "give an address such as" in fault
    assert not is_loopback(f"{scheme}://evil.example\\[::1]")


def test_the_servers_own_address() -> None:
    assert read(BASE).own_base == URL
    assert read({**BASE, "publicUrl": " https://login.example.com/ "}).own_base == "https://login.example.com"
    assert read(BASE, {PUBLIC_ADDRESS: "https://login.example.com"}).own_base == "https://login.example.com"
    for wrong in ("login", "https://a@b", "https://a?b", "https://a/realms/r"):
        (fault,) = faults({**BASE, "publicUrl": wrong})
        assert fault.startswith("config 'publicUrl': ")


@pytest.mark.parametrize(
    "key",
    [
        *("adminUsername", "clientId", "clientSecret", "privateKey", "clientAssertionFile", "clientAssertionType"),
        *("loginRealm", "caCertificate", "insecureTls", "clientCertificate", "clientKey"),
    ],
)
@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_text_is_unset(key: str, empty: str | None) -> None:
    assert read({**BASE, key: empty}) == PLAIN


@pytest.mark.parametrize(
    ("config", "environ", "login"),
    [
        (BASE, {ADMIN_PASSWORD: "new"}, PasswordLogin("admin", "new")),
        ({"url": URL}, {ADMIN_PASSWORD: "new"}, PasswordLogin("admin", "new")),
        ({**ROBOT, "clientSecret": "cs"}, {CLIENT_SECRET: "new"}, ClientSecretLogin("robot", "new")),
        (ROBOT, {CLIENT_SECRET: "new"}, ClientSecretLogin("robot", "new")),
        ({**ROBOT, "privateKey": "pem"}, {PRIVATE_KEY: "new"}, PrivateKeyLogin("robot", "new")),
        (ROBOT, {PRIVATE_KEY: "new"}, PrivateKeyLogin("robot", "new")),
    ],
    ids=str,
)
def test_a_secret_in_the_environment_wins(config: dict[str, object], environ: dict[str, str], login: object) -> None:
    assert read(config, environ).login == login


@pytest.mark.parametrize(
    ("config", "environ", "login"),
    [
        (BASE, {CLIENT_SECRET: "x", PRIVATE_KEY: "y"}, PasswordLogin("admin", "pw")),
        (
            {**ROBOT, "adminPassword": "pw", "clientSecret": "cs"},
            {ADMIN_PASSWORD: "x"},
            ClientSecretLogin("robot", "cs"),
        ),
        ({**ROBOT, "clientSecret": "cs"}, {PRIVATE_KEY: "x"}, ClientSecretLogin("robot", "cs")),
        ({**ROBOT, "privateKey": "pem"}, {CLIENT_SECRET: "x"}, PrivateKeyLogin("robot", "pem")),
    ],
    ids=str,
)
def test_the_environment_never_chooses_the_method(
    config: dict[str, object], environ: dict[str, str], login: object
) -> None:
    assert read(config, environ).login == login


@pytest.mark.parametrize(
    ("config", "url"),
    [(BASE, URL), ({**BASE, "url": ""}, "http://localhost:8080"), ({"adminPassword": "pw"}, "http://localhost:8080")],
)
def test_the_address_is_the_stacks_and_the_environment_only_fills_in(config: dict[str, object], url: str) -> None:
    assert read(config, {"KEYCLOAK_URL": "http://localhost:8080/"}).url == url


def test_the_environment_says_whose_requests_they_are() -> None:
    assert read(BASE, {USER_AGENT: " pipeline 7 "}).user_agent == "pipeline 7" and read(BASE).user_agent == ""


@pytest.mark.parametrize(
    ("config", "environ", "start", "says"),
    [
        ({"adminPassword": "pw"}, {}, "config 'url': is not set", "KEYCLOAK_URL"),
        ({**BASE, "url": "keycloak"}, {}, "config 'url': is 'keycloak'", "https://"),
        ({**BASE, "url": "ftp://host"}, {}, "config 'url': is 'ftp://host'", "https://"),
        ({**BASE, "url": "https://"}, {}, "config 'url': is 'https:'", "https://"),
        ({**BASE, "url": "https://["}, {}, "config 'url': is 'https://['", "https://"),
        ({**BASE, "url": "https://host:port"}, {}, "config 'url': is 'https://host:port'", "https://"),
        ({**BASE, "url": "https://ann:hush@host"}, {}, "config 'url': holds a user name", "adminUsername"),
        ({**BASE, "url": f"{URL}/realms/master"}, {}, "config 'url': is ", "the key 'realm'"),
        ({**BASE, "url": f"{URL}/realms"}, {}, "config 'url': is ", "the key 'realm'"),
        ({"url": URL}, {}, "config 'adminPassword': is not set", ADMIN_PASSWORD),
        ({"url": URL}, {ADMIN_PASSWORD: ""}, "config 'adminPassword': is not set", "clientId"),
        ({**BASE, "clientSecret": "hush"}, {}, "config 'clientSecret': is set without clientId", "remove clientSecret"),
        ({**BASE, "privateKey": "hush"}, {}, "config 'privateKey': is set without clientId", "remove privateKey"),
        (ROBOT, {}, "config 'clientId': 'robot' has no secret", CLIENT_SECRET),
        (
            ROBOT,
            {CLIENT_SECRET: "hush", PRIVATE_KEY: "hush"},
            "config 'clientId': 'robot' has two secrets",
            PRIVATE_KEY,
        ),
        (
            {**ROBOT, "clientSecret": "hush", "privateKey": "hush"},
            {},
            "config 'clientSecret': is set beside",
            "keep one",
        ),
        ({**BASE, "insecureTls": "yes"}, {}, "config 'insecureTls': is 'yes'", "true or false"),
        (
            {**BASE, "caCertificate": "/no/such.pem"},
            {},
            "config 'caCertificate': there is no file '/no/such.pem'",
            "PEM",
        ),
        (BASE, {USER_AGENT: "jörg"}, "environment variable 'KEYCLOAK_USER_AGENT': is 'jörg'", "ASCII"),
        (
            BASE,
            {USER_AGENT: "a\r\nX-Admin: b"},
            "environment variable 'KEYCLOAK_USER_AGENT': is 'a\\r\\nX-Admin: b'",
            "ASCII",
        ),
    ],
    ids=str,
)
def test_each_fault_names_its_key_and_a_remedy(
    config: dict[str, object],
    environ: dict[str, str],
    start: str,
    says: str,
) -> None:
    found = faults(config, environ)
    assert len(found) == 1
    assert found[0].startswith(start) and says in found[0].split("; ", 1)[1] and found[0].endswith(".")
    assert "hush" not in found[0]


def test_all_faults_at_once() -> None:
    found = faults({"url": "keycloak", "insecureTls": "yes", "caCertificate": "/no/such.pem", "clientSecret": "x"})
    assert [text.split("'")[1] for text in found] == [
        "url",
        "clientSecret",
        "adminPassword",
        "insecureTls",
        "caCertificate",
    ]
    assert str(InvalidSettings(found)) == "\n".join(found)


def test_a_ca_file_that_exists_is_taken(tmp_path: Path) -> None:
    _, pem = certificate_for("127.0.0.1", tmp_path)
    assert read({**BASE, "caCertificate": str(pem)}).ca_certificate == str(pem)


def test_a_ca_file_without_a_certificate_is_refused(tmp_path: Path) -> None:
    for text in ("", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"):
        (tmp_path / "ca.pem").write_text(text)
        (fault,) = faults({**BASE, "caCertificate": str(tmp_path / "ca.pem")})
        assert fault.endswith("ca.pem' is not a readable file of PEM certificates; give one.")


@pytest.mark.parametrize(
    "config",
    [{**BASE, "adminPassword": "hush"}, {**ROBOT, "clientSecret": "hush"}, {**ROBOT, "privateKey": "hush"}],
    ids=str,
)
def test_no_secret_is_shown(config: dict[str, object]) -> None:
    connection = read(config)
    assert "hush" in str(vars(connection.login))
    assert "hush" not in f"{connection!r} {connection} {connection.login!r} {connection.login} {Session(connection)!r}"


TEXTS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text("ab:/[]@.%é\x00 ", max_size=8),
    st.sampled_from(["https://[", "https://[::1]", "http://host:port", "https://a\x00b", "true"]),
)


KEYS = (
    *("url", "adminUsername", "adminPassword", "clientId", "clientSecret", "privateKey"),
    *("loginRealm", "caCertificate", "insecureTls"),
)


@examples(80)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, TEXTS)))
def test_any_config_is_read_or_refused_in_sentences(config: dict[str, object]) -> None:
    try:
        assert read(config).url.startswith(("http://", "https://"))
    except InvalidSettings as refused:
        assert refused.faults
        for fault in refused.faults:
            assert fault.startswith("config '") and "; " in fault and fault.endswith(".")
