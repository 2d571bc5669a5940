"""How to reach a server and log in: read from a stack's config, its secrets from the environment where set.

Pulumi hands ``refresh`` and ``destroy`` the config stored in state, so a rotated secret must be taken from the environment.
The method of login is chosen by config alone; the environment only supplies that method's secret.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from kcadmin.errors import InvalidSettings

ADMIN_PASSWORD = "KEYCLOAK_ADMIN_PASS"
CLIENT_SECRET = "KEYCLOAK_CLIENT_SECRET"
PRIVATE_KEY = "KEYCLOAK_PRIVATE_KEY"
ADDRESS = "KEYCLOAK_URL"
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
    ca_certificate: path of a PEM file. insecure_tls: accept any certificate.
    """

    url: str
    login: Login
    login_realm: str = "master"
    ca_certificate: str | None = None
    insecure_tls: bool = False

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
    insecure = get("insecureTls").lower() or "false"
    if insecure not in ("true", "false"):
        faults.append(f"config 'insecureTls': is '{insecure}'; set it to true or false.")
    ca_certificate = get("caCertificate") or None
    if ca_certificate and not Path(ca_certificate).is_file():
        faults.append(f"config 'caCertificate': there is no file '{ca_certificate}'; give the path of a PEM file.")
    if faults:
        raise InvalidSettings(faults)
    assert login is not None
    return Connection(url, login, get("loginRealm") or "master", ca_certificate, insecure == "true")


def _check_url(url: str, faults: list[str]) -> None:
    if not url:
        faults.append(f"config 'url': is not set; run `pulumi config set url https://…` or set {ADDRESS}.")
        return
    try:
        parts = urlsplit(url)
        _ = parts.port  # looked at only when asked for
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        faults.append(f"config 'url': is '{url}'; give an address such as https://keycloak.example.com.")
    elif parts.username or parts.password:
        faults.append("config 'url': holds a user name or password; leave it out and set adminUsername.")
    elif "/realms/" in f"{parts.path}/":
        faults.append(f"config 'url': is '{url}'; leave out /realms/… and set the key 'realm'.")


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
        return PasswordLogin(get("adminUsername") or "admin", password)

    by_secret, by_key = get("clientSecret"), get("privateKey")
    if by_secret and by_key:
        faults.append("config 'clientSecret': is set beside privateKey; keep one of them.")
        return None
    if not by_secret and not by_key:
        by_secret, by_key = environ.get(CLIENT_SECRET, ""), environ.get(PRIVATE_KEY, "")
        if bool(by_secret) == bool(by_key):
            faults.append(
                f"config 'clientId': '{client_id}' has {'two secrets' if by_key else 'no secret'}; "
                f"set one of clientSecret ({CLIENT_SECRET}) and privateKey ({PRIVATE_KEY})."
            )
    if by_key:
        return PrivateKeyLogin(client_id, environ.get(PRIVATE_KEY) or by_key)
    return ClientSecretLogin(client_id, environ.get(CLIENT_SECRET) or by_secret)
