"""How to reach a server and log in: read from a stack's config, its secrets from the environment where set.

Pulumi gives ``refresh`` and ``destroy`` the config stored in state, so a rotated secret must come from the environment.
The method of login is chosen by config alone; the environment only supplies that method's secret.
"""

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from kcadmin.rest import project
from kcadmin.rest.addresses import PAGE, base_of_page, filled
from kcadmin.rest.certificates import CertificateLogin, read_certificate
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.hosts import host_of, is_loopback
from kcadmin.rest.texts import named, shown, unfit
from kcadmin.rest.variables import (
    ADMIN_PASSWORD,
    ASSERTION_COMMAND,
    ASSERTION_FILE,
    ASSERTION_TYPE,
    CLIENT_SECRET,
    PRIVATE_KEY,
)

ASSERTION_KINDS = ("jwt-bearer", "jwt-spiffe")
ADDRESS = "KEYCLOAK_URL"
USER_AGENT = "KEYCLOAK_USER_AGENT"
PUBLIC_ADDRESS = "KEYCLOAK_PUBLIC_URL"
INSECURE_HTTP = "KEYCLOAK_INSECURE_HTTP"
EMBEDDED = "KEYCLOAK_LOCAL_URL"
"""Set by `make env`: the address of this project's own development server."""
HOST_LIMIT = 253


@dataclass(frozen=True)
class PasswordLogin:
    """An administrator's password, through the client ``admin-cli``."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class ClientSecretLogin:
    """A client's service account, by its secret."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class PrivateKeyLogin:
    """A client's service account by private_key_jwt (RFC 7523): ``private_key`` is PEM."""

    client_id: str
    private_key: str = field(repr=False)


@dataclass(frozen=True)
class AssertionLogin:
    """A client's service account by a token of another issuer, from a file or a command's output; one of them is ''.

    client_id: may be '', since the token names the client. kind: one of ``ASSERTION_KINDS``.
    """

    client_id: str
    file: str = ""
    command: str = field(default="", repr=False)
    kind: str = ASSERTION_KINDS[0]


Login = PasswordLogin | ClientSecretLogin | PrivateKeyLogin | AssertionLogin | CertificateLogin


@dataclass(frozen=True)
class Connection:
    """A server's address and a login.

    url: base address without ``/realms/…``. login_realm: the realm of the login, not the managed one.
    ca_certificate: path of a PEM file. insecure_tls: accept any certificate. user_agent: text after our name in the
    header, for people who read the server's access log. insecure_http: ``url`` may be http:// to another machine.
    public_url: the server's own base address, where its tokens contain another one than ``url``; or ''.
    name: of a connection that a program gives besides the stack's, which has none.
    """

    url: str
    login: Login
    login_realm: str = "master"
    ca_certificate: str | None = None
    insecure_tls: bool = False
    user_agent: str = ""
    insecure_http: bool = False
    public_url: str = ""
    name: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether the address is one of this machine. It may still be a tunnel to another machine."""
        return is_loopback(self.url)

    @property
    def own_base(self) -> str:
        """The base address that the server's issuers begin with."""
        return self.public_url or self.url

    def is_embedded(self, environ: Mapping[str, str] = os.environ) -> bool:
        """Whether it is this project's own development server, whose client secrets are read without an option."""
        return self.is_loopback and self.url == environ.get(EMBEDDED, "").rstrip("/")

    def warnings(self) -> list[str]:
        """What makes the connection unsafe, in sentences."""
        found = []
        if self.insecure_tls:
            found.append(
                "insecureTls is true: any server may pose as Keycloak and read the login; set caCertificate instead."
            )
        if not self.is_loopback and urlsplit(self.url).scheme == "http":
            found.append(
                "insecureHttp is true: everybody between this machine and Keycloak can read the login and every token; "
                "set url to an https:// address instead."
            )
        return found


def variable_of(variable: str, name: str) -> str:
    """The environment variable of a connection that has a name."""
    return f"{name.upper().replace('-', '_')}_{variable}" if name else variable


def read_connection(
    config: Callable[[str], object], environ: Mapping[str, str] = os.environ, name: str = ""
) -> Connection:
    """The connection that a stack's config describes; an empty string counts as unset.

    :param config: gives the value of a key of the project, or None. name: of a connection beside the stack's.
    :raises InvalidSettings: with every fault at once, each naming its key.
    """
    faults: list[str] = []

    def get(key: str) -> str:
        value = config(key)
        return "" if value is None else project.found(key, str(value).strip())

    url = (get("url") or environ.get(ADDRESS, "")).rstrip("/")
    _check_url("url", url, f"config 'url': is not set; run `pulumi config set url https://…` or set {ADDRESS}.", faults)
    insecure_http = _read_flag("config 'insecureHttp'", get("insecureHttp"), faults)
    insecure_http |= _read_flag(f"environment variable '{INSECURE_HTTP}'", environ.get(INSECURE_HTTP, ""), faults)
    if url.lower().startswith("http:") and not insecure_http and not faults and not is_loopback(url):
        faults.append(
            f"config 'url': is {shown(url)}, over which anybody on the network can read the login; give an https:// address, "
            f"or set insecureHttp to true for experiments ({INSECURE_HTTP}=true where the stack's last up had none)."
        )
    public_url = (get("publicUrl") or environ.get(PUBLIC_ADDRESS, "")).rstrip("/")
    _check_url("publicUrl", public_url, "", faults)
    login = _read_login(get, environ, faults)
    login_realm = get("loginRealm") or "master"
    _check_names(
        {"loginRealm": login_realm, "adminUsername": get("adminUsername"), "clientId": get("clientId")}, faults
    )
    insecure_tls = _read_flag("config 'insecureTls'", get("insecureTls"), faults)
    ca_certificate = get("caCertificate") or None
    _check_ca_certificate(ca_certificate, faults)
    user_agent = environ.get(USER_AGENT, "").strip()
    if not (user_agent.isascii() and user_agent.isprintable()):
        faults.append(
            f"environment variable '{USER_AGENT}': is {shown(user_agent)}; give letters, digits and signs of ASCII."
        )
    if faults:
        raise InvalidSettings(faults)
    assert login is not None
    return Connection(
        url, login, login_realm, ca_certificate, insecure_tls, user_agent, insecure_http, public_url, name
    )


def _read_flag(what: str, text: str, faults: list[str]) -> bool:
    flag = text.strip().lower() or "false"
    if flag not in ("true", "false"):
        faults.append(f"{what}: is {shown(flag)}; set it to true or false.")
    return flag == "true"


def _check_url(key: str, url: str, unset: str, faults: list[str]) -> None:
    if not url:
        faults += [unset] if unset else []
        return
    if "@" in url:  # before anything shows the address
        faults.append(f"config {named(key)}: holds a user name or password; leave it out and set adminUsername.")
        return
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed only if needed
        (parts.hostname or "").encode("idna")
        requests.Request("GET", url).prepare()
    except (ValueError, requests.RequestException):
        parts = urlsplit("")
    host = parts.hostname or ""
    odd = (
        unfit(url)
        or set(" \\") & set(url)
        or (host.isascii() and host.partition("%")[0] != host_of(url).partition("%")[0])
    )
    if parts.scheme not in ("http", "https") or not 0 < len(host) <= HOST_LIMIT or odd:
        faults.append(f"config {named(key)}: is {shown(url)}; give an address such as https://keycloak.example.com.")
    elif base := base_of_page(url):
        faults.append(f"config {named(key)}: {filled(PAGE, url=url.partition('?')[0].partition('#')[0], base=base)}")


def _check_names(names: Mapping[str, str], faults: list[str]) -> None:
    for key, name in names.items():
        if wrong := unfit(name):
            faults.append(f"config {named(key)}: {wrong}; correct it.")


def _check_ca_certificate(path: str | None, faults: list[str]) -> None:
    if path is None:
        return
    if not os.path.isfile(path):  # noqa: PTH113 (Path.is_file raises OSError for a path that is too long)
        faults.append(f"config 'caCertificate': there is no file {shown(path)}; give the path of a PEM file.")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # ssl.SSLError is a subclass
        faults.append(f"config 'caCertificate': {shown(path)} is not a readable file of PEM certificates; give one.")


def _read_login(get: Callable[[str], str], environ: Mapping[str, str], faults: list[str]) -> Login | None:
    client_id = get("clientId")
    if chosen := read_certificate(get, environ, faults) or _read_assertion(get, environ, faults):
        return chosen
    if not client_id:
        stray = [key for key in ("clientSecret", "privateKey") if get(key)]
        faults += [f"config {named(key)}: is set without clientId; set clientId, or remove {key}." for key in stray]
        password = environ.get(ADMIN_PASSWORD) or get("adminPassword")
        if not password:
            faults.append(
                f"config 'adminPassword': is not set; set {ADMIN_PASSWORD}, run `pulumi config set --secret "
                "adminPassword`, which asks for it, or log in as a client with clientId."
            )
        _check_secret("adminPassword", ADMIN_PASSWORD, password, faults)
        return PasswordLogin(get("adminUsername") or "admin", password)

    by_secret, by_key = get("clientSecret"), get("privateKey")
    if by_secret and by_key:
        faults.append("config 'clientSecret': is set beside privateKey; keep one of them.")
        return None
    if not by_secret and not by_key:
        by_secret, by_key = environ.get(CLIENT_SECRET, ""), environ.get(PRIVATE_KEY, "")
        if bool(by_secret) == bool(by_key):
            faults.append(
                f"config 'clientId': {shown(client_id)} has {'two secrets' if by_key else 'no secret'}; "
                f"set one of clientSecret ({CLIENT_SECRET}), privateKey ({PRIVATE_KEY}), "
                f"clientAssertionFile ({ASSERTION_FILE}) and clientCertificate."
            )
    if by_key:
        return PrivateKeyLogin(client_id, environ.get(PRIVATE_KEY) or by_key)
    by_secret = environ.get(CLIENT_SECRET) or by_secret
    _check_secret("clientSecret", CLIENT_SECRET, by_secret, faults)
    return ClientSecretLogin(client_id, by_secret)


def _read_assertion(get: Callable[[str], str], environ: Mapping[str, str], faults: list[str]) -> AssertionLogin | None:
    """None if another method is chosen. Config contains no command: it is kept in state, which must not run programs."""
    configured, typed = get("clientAssertionFile"), environ.get(ASSERTION_TYPE, "").strip()
    kind = typed or get("clientAssertionType") or ASSERTION_KINDS[0]
    file, command = environ.get(ASSERTION_FILE, "").strip(), environ.get(ASSERTION_COMMAND, "").strip()
    beside = [key for key in ("clientSecret", "privateKey") if get(key)]
    if not configured:
        others = (CLIENT_SECRET, PRIVATE_KEY) if get("clientId") else (ADMIN_PASSWORD,)
        if (
            not (file or command)
            or beside
            or any(map(environ.get, others))
            or (not get("clientId") and get("adminPassword"))
        ):
            return None
    faults += [f"config {named(key)}: is set beside clientAssertionFile; keep one of them." for key in beside]
    if file and command:
        faults.append(f"environment variable '{ASSERTION_FILE}': is set beside {ASSERTION_COMMAND}; keep one of them.")
    if kind not in ASSERTION_KINDS:
        where = f"environment variable '{ASSERTION_TYPE}'" if typed else "config 'clientAssertionType'"
        faults.append(f"{where}: is {shown(kind)}; choose one of {', '.join(ASSERTION_KINDS)}.")
    file = "" if command else file or configured
    if file and not os.path.isfile(file):  # noqa: PTH113 (as for caCertificate)
        faults.append(
            f"config 'clientAssertionFile': there is no file {shown(file)}; mount the token there, or set {ASSERTION_FILE}."
        )
    return AssertionLogin(get("clientId"), file, command, kind)


def _check_secret(key: str, variable: str, secret: str, faults: list[str]) -> None:
    if unfit(secret, lines=True):  # never shown
        faults.append(f"config {named(key)}: is not a text in UTF-8; set it, or {variable}, anew.")
