"""How to reach a server and log in: read from a stack's config, its secrets from the environment where set.

Pulumi hands ``refresh`` and ``destroy`` the config stored in state, so a rotated secret must be taken from the environment.
The method of login is chosen by config alone; the environment only supplies that method's secret.
"""

import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from kcadmin.errors import InvalidSettings
from kcadmin.texts import shown, unfit

ADMIN_PASSWORD = "KEYCLOAK_ADMIN_PASS"
CLIENT_SECRET = "KEYCLOAK_CLIENT_SECRET"
PRIVATE_KEY = "KEYCLOAK_PRIVATE_KEY"
ADDRESS = "KEYCLOAK_URL"
USER_AGENT = "KEYCLOAK_USER_AGENT"
HOST_LIMIT = 253
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


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


Login = PasswordLogin | ClientSecretLogin | PrivateKeyLogin


@dataclass(frozen=True)
class Connection:
    """A server's address and a login.

    url: base address without ``/realms/…``. login_realm: the realm of the login, not the managed one.
    ca_certificate: path of a PEM file. insecure_tls: accept any certificate. user_agent: what stands after our name in the
    header, for people who read the server's access log.
    """

    url: str
    login: Login
    login_realm: str = "master"
    ca_certificate: str | None = None
    insecure_tls: bool = False
    user_agent: str = ""

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine, so that client secrets may be read from it without being asked to."""
        return urlsplit(self.url).hostname in LOCAL_HOSTS


def read_connection(config: Callable[[str], object], environ: Mapping[str, str] = os.environ) -> Connection:
    """The connection that a stack's config describes; an empty string counts as unset.

    :param config: gives the value of a key of the project, or None.
    :raises InvalidSettings: with every fault at once, each naming its key.
    """
    faults: list[str] = []

    def get(key: str) -> str:
        value = config(key)
        return "" if value is None else str(value).strip()

    url = (get("url") or environ.get(ADDRESS, "")).rstrip("/")
    _check_url(url, faults)
    login = _read_login(get, environ, faults)
    login_realm = get("loginRealm") or "master"
    _check_names(
        {"loginRealm": login_realm, "adminUsername": get("adminUsername"), "clientId": get("clientId")}, faults
    )
    insecure = get("insecureTls").lower() or "false"
    if insecure not in ("true", "false"):
        faults.append(f"config 'insecureTls': is {shown(insecure)}; set it to true or false.")
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
    return Connection(url, login, login_realm, ca_certificate, insecure == "true", user_agent)


def _check_url(url: str, faults: list[str]) -> None:
    if not url:
        faults.append(f"config 'url': is not set; run `pulumi config set url https://…` or set {ADDRESS}.")
        return
    if "@" in url:  # before anything shows the address
        faults.append("config 'url': holds a user name or password; leave it out and set adminUsername.")
        return
    if "?" in url or "#" in url:
        faults.append("config 'url': holds '?' or '#'; give the base address alone.")
        return
    try:
        parts = urlsplit(url)
        _ = parts.port  # looked at only when asked for
        (parts.hostname or "").encode("idna")
        requests.Request("GET", url).prepare()
    except (ValueError, requests.RequestException):
        parts = urlsplit("")
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not 0 < len(host) <= HOST_LIMIT or unfit(url) or " " in url:
        faults.append(f"config 'url': is {shown(url)}; give an address such as https://keycloak.example.com.")
    elif "/realms/" in f"{parts.path}/":
        faults.append(f"config 'url': is {shown(url)}; leave out /realms/… and set the key 'realm'.")


def _check_names(names: Mapping[str, str], faults: list[str]) -> None:
    for key, name in names.items():
        if wrong := unfit(name):
            faults.append(f"config '{key}': {wrong}; leave it out.")
    if names["loginRealm"] in (".", ".."):
        faults.append(f"config 'loginRealm': is '{names['loginRealm']}', which no address can hold; correct it.")


def _check_ca_certificate(path: str | None, faults: list[str]) -> None:
    if path is None:
        return
    if not os.path.isfile(path):  # noqa: PTH113 (Path.is_file raises OSError for a path that is too long)
        faults.append(f"config 'caCertificate': there is no file {shown(path)}; give the path of a PEM file.")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # ssl.SSLError is one
        faults.append(f"config 'caCertificate': {shown(path)} is no readable file of PEM certificates; give one.")


def _read_login(get: Callable[[str], str], environ: Mapping[str, str], faults: list[str]) -> Login | None:
    client_id = get("clientId")
    if not client_id:
        stray = [key for key in ("clientSecret", "privateKey") if get(key)]
        faults += [f"config '{key}': is set without clientId; set clientId, or remove {key}." for key in stray]
        password = environ.get(ADMIN_PASSWORD) or get("adminPassword")
        if not password:
            faults.append(
                f"config 'adminPassword': is not set; set {ADMIN_PASSWORD}, run `pulumi config set --secret "
                "adminPassword …`, or log in as a client with clientId."
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
                f"set one of clientSecret ({CLIENT_SECRET}) and privateKey ({PRIVATE_KEY})."
            )
    if by_key:
        return PrivateKeyLogin(client_id, environ.get(PRIVATE_KEY) or by_key)
    by_secret = environ.get(CLIENT_SECRET) or by_secret
    _check_secret("clientSecret", CLIENT_SECRET, by_secret, faults)
    return ClientSecretLogin(client_id, by_secret)


def _check_secret(key: str, variable: str, secret: str, faults: list[str]) -> None:
    if unfit(secret, lines=True):  # never shown
        faults.append(f"config '{key}': is no text in UTF-8; set it, or {variable}, anew.")
