"""Addresses that are not Keycloak's, proxies and certificates: each message names the address to use, or what to set."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import KeycloakError, UnexpectedAnswer, Unreachable
from kcadmin.rest.session import Session
from tests.support.proxy import Proxy, Request, certificate_for, proxy_before, says
from tests.support.realms import TestRealm

NO_PAGE = says(404, b"<html><body><h1>Resource not found</h1></body></html>", Content_Type="text/html; charset=utf-8")
PROXY_VARIABLES = (
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
)
ANYWHERE = "http://keycloak.test"


@pytest.fixture
def realm(module_realm: TestRealm) -> TestRealm:
    return module_realm


@pytest.fixture
def gateway(realm: TestRealm) -> Iterator[Proxy]:
    with proxy_before(realm.url) as proxy:
        proxy.each = lambda _: True
        yield proxy


def refusal(realm: TestRealm, url: str, **connection: object) -> str:
    """What is said where the realm is asked for at an address."""
    with pytest.raises(KeycloakError) as caught:
        Session(replace(realm.connection, url=url, **connection)).get(realm.at())  # type: ignore[arg-type]
    said = str(caught.value)
    assert said.startswith(f"Keycloak at '{url}'") and said.endswith(".") and "\n" not in said
    return said


def below(prefix: str) -> Callable[[Request], None]:
    """As a Keycloak with ``http-relative-path`` answers: seen on 26.7.3."""

    def answer(request: Request) -> None:
        if request.path == "/":
            says(302, b"Redirecting", Location=prefix, Content_Type="text/plain")(request)
        elif request.path.startswith(f"{prefix}/"):
            request.path = request.path.removeprefix(prefix)
            request.answer(*request.forward())
        else:
            NO_PAGE(request)

    return answer


@pytest.mark.parametrize("prefix", ["/auth", "/id/keycloak"])
def test_a_path_that_is_missing(realm: TestRealm, gateway: Proxy, prefix: str) -> None:
    gateway.fault = below(prefix)
    assert f"; set url to '{gateway.url}{prefix}'." in refusal(realm, gateway.url)
    assert Session(replace(realm.connection, url=gateway.url + prefix)).get(realm.at())


@pytest.mark.parametrize("path", ["/auth", "/admin", "/admin/master/console", "/keycloak"])
def test_a_path_too_much(realm: TestRealm, path: str) -> None:
    assert f"; set url to '{realm.url}'." in refusal(realm, realm.url + path)


def test_what_is_no_keycloak_gets_no_proposal(realm: TestRealm, gateway: Proxy) -> None:
    gateway.fault = NO_PAGE
    said = refusal(realm, gateway.url)
    assert "which Keycloak never sends; check that url points at Keycloak" in said
    assert gateway.seen[1:] == ["GET /", f"GET /auth/realms/{realm.connection.login_realm}"]


def test_a_redirect_names_its_goal(realm: TestRealm, gateway: Proxy) -> None:
    def elsewhere(request: Request) -> None:
        says(301, b"", Location=f"https://keycloak.example.com{request.path}")(request)

    gateway.fault = elsewhere
    said = refusal(realm, gateway.url)
    assert "answered 301 to 'https://keycloak.example.com/realms/master/" in said
    assert said.endswith("; set url to 'https://keycloak.example.com', if that is your Keycloak's address.")
    gateway.fault = says(302, b"", Location="https://login.example.com/?next=x")
    said = refusal(realm, gateway.url)
    assert "answered 302 to 'https://login.example.com/?next=x'" in said and "not at a proxy or a login page" in said


def public(first: Callable[[Request], None] | None) -> Callable[[Request], None]:
    """A gateway that serves no /admin. first: what it does with the first page."""

    def answer(request: Request) -> None:
        if request.path.startswith("/admin"):
            says(403, b"<h1>Forbidden</h1>", Content_Type="text/html")(request)
        elif request.path == "/" and first:
            first(request)
        else:
            request.answer(*request.forward())

    return answer


def test_a_public_address_without_admin(realm: TestRealm, gateway: Proxy) -> None:
    gateway.fault = public(None)
    said = refusal(realm, gateway.url)
    assert (
        "answered 403 with text/html, though the login was answered there, so this address does not serve /admin"
        in said
    )
    assert "hostname-admin" in said and f"publicUrl to '{gateway.url}'." in said
    gateway.fault = public(says(302, b"", Location=f"{realm.url}/admin/"))  # as hostname-admin makes it, on 26.7.3
    assert f"set url to '{realm.url}', if that is your Keycloak's address" in refusal(realm, gateway.url)


def test_one_strange_answer_says_nothing_of_admin(realm: TestRealm, gateway: Proxy) -> None:
    def firewall(request: Request) -> None:
        if realm.name in request.path:
            says(403, b"<h1>Blocked</h1>", Content_Type="text/html")(request)
        else:
            request.answer(*request.forward())

    gateway.fault = firewall
    said = refusal(realm, gateway.url)
    assert "which Keycloak never sends" in said and "/admin," not in said and "role" not in said


def test_certificates(realm: TestRealm, tmp_path: Path) -> None:
    made = {
        "good": certificate_for("127.0.0.1", tmp_path),
        "named": certificate_for("elsewhere.example.com", tmp_path),
    }
    for name, valid in {"old": (-60, -5), "early": (60, 120)}.items():
        (tmp_path / name).mkdir()
        made[name] = certificate_for("127.0.0.1", tmp_path / name, valid)
    trust = {name: str(file) for name, (_, file) in made.items()}
    with ExitStack() as ends:
        urls = {name: ends.enter_context(proxy_before(realm.url, tls=tls)).url for name, (tls, _) in made.items()}
        said = {name: refusal(realm, url, ca_certificate=trust[name]) for name, url in urls.items() if name != "good"}
        unknown, another = refusal(realm, urls["good"]), refusal(realm, urls["good"], ca_certificate=trust["named"])
    assert "authority that this machine does not trust; set caCertificate to the PEM file" in unknown
    assert f"another authority than those in caCertificate '{trust['named']}'; give the PEM file" in another
    assert "is for another host than '127.0.0.1'; set url to a host that the certificate names" in said["named"]
    assert "has expired; renew it" in said["old"]
    assert "is not valid yet; correct this machine's clock" in said["early"]
    assert "nothing speaks TLS there" in refusal(realm, realm.url.replace("http:", "https:"))


@pytest.fixture
def through(realm: TestRealm, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Connection]:
    """A connection to an address that only a proxy knows."""

    def connection(proxy: str) -> Connection:
        for name in PROXY_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", proxy)
        return replace(realm.connection, url=ANYWHERE, insecure_http=True)

    return connection


def test_a_proxy_is_named_without_its_login(
    realm: TestRealm, gateway: Proxy, through: Callable[[str], Connection]
) -> None:
    def forward(request: Request) -> None:
        request.path = request.path.removeprefix(ANYWHERE)
        request.answer(*request.forward())

    gateway.fault = forward
    host = gateway.url.removeprefix("http://")
    assert Session(through(gateway.url)).get(realm.at())
    named = f"Keycloak at '{ANYWHERE}' through the proxy '{gateway.url}'"
    given = through(f"http://me:hu%73h@{host}")
    gateway.fault = says(407, b"<h1>Proxy Authentication Required</h1>", Content_Type="text/html")
    with pytest.raises(Unreachable) as caught:
        Session(given).get(realm.at())
    said = str(caught.value)
    assert said.startswith(f"{named}: the proxy wants a login (407); put it into HTTP_PROXY")
    gateway.fault = says(400, b'{"error":"me:hush is not allowed","more":1}')
    with pytest.raises(UnexpectedAnswer) as strange:
        Session(given).get(realm.at())
    assert str(strange.value).startswith(f"{named}: POST /realms/master")
    assert "hush" not in said + str(strange.value) and "hu%73h" not in said


def test_a_proxy_that_is_away(realm: TestRealm, through: Callable[[str], Connection]) -> None:
    with pytest.raises(Unreachable) as caught:
        Session(through("me:hush@127.0.0.1:1")).get(realm.at())
    said = str(caught.value)
    assert "through the proxy of HTTP_PROXY: no answer to POST" in said and "; write HTTP_PROXY as http://" in said
    assert "hush" not in said
    with pytest.raises(Unreachable) as caught:
        Session(through("http://me:hush@127.0.0.1:1")).get(realm.at())
    said = str(caught.value)
    assert f"'{ANYWHERE}' through the proxy 'http://127.0.0.1:1': no answer to POST" in said and "hush" not in said
    assert "check that the proxy of HTTP_PROXY reaches the server, or add 'keycloak.test' to NO_PROXY" in said
