"""A connection that a program gives to a grant or a resource: the keys of a stack's config for server and login, and a name.

The environment supplies its secrets by the variables of the stack's, each after ``<NAME>_``: the stack's own never go to another
server.
"""

import functools
import os
import re
from collections.abc import Collection, Mapping
from typing import Any

from kcadmin.rest import project
from kcadmin.rest.certificates import CertificateLogin
from kcadmin.rest.config_secrets import SECRETS
from kcadmin.rest.connection import (
    USER_AGENT,
    AssertionLogin,
    ClientSecretLogin,
    Connection,
    PasswordLogin,
    PrivateKeyLogin,
    read_connection,
    variable_of,
)
from kcadmin.rest.errors import InvalidSettings
from kcadmin.rest.texts import named, shown

FLAGS = ("insecureTls", "insecureHttp")
KEYS = (
    "name",
    "url",
    "publicUrl",
    "loginRealm",
    "adminUsername",
    "clientId",
    "clientAssertionFile",
    "clientAssertionType",
    "clientCertificate",
    "clientKey",
    "caCertificate",
    *SECRETS,
    *FLAGS,
)
_NAME = re.compile("[A-Za-z][A-Za-z0-9-]{0,62}")
_VARIABLE = re.compile(r"\bKEYCLOAK_[A-Z_]+[A-Z]\b")
_COMMAND = re.compile(r", run `pulumi config set --secret [^`]+`, which asks for it,")


def given_connection(given: Any, environ: Mapping[str, str] = os.environ) -> Connection:
    """:raises InvalidSettings: with every fault at once, each naming the connection and its key."""
    if faults := shape_faults(given):
        raise InvalidSettings([f"{_who(given)}: {fault}." for fault in faults])
    texts = {key: str(value).lower() if key in FLAGS else value for key, value in given.items() if value is not None}
    own = _variables(texts["name"], environ)
    return _read(tuple(sorted(texts.items())), tuple(sorted(own.items())))


def connection_faults(given: Any) -> list[str]:
    """Why a connection is refused, a sentence each."""
    try:
        given_connection(given)
    except InvalidSettings as found:
        return list(found.faults)
    return []


def as_input_map(connection: Connection) -> dict[str, Any]:
    """A connection as a program would give it, its secrets in clear."""
    login = connection.login
    given: dict[str, Any] = {
        "name": connection.name,
        "url": connection.url,
        "publicUrl": connection.public_url,
        "loginRealm": connection.login_realm,
        "caCertificate": connection.ca_certificate,
        "insecureTls": connection.insecure_tls,
        "insecureHttp": connection.insecure_http,
    }
    if isinstance(login, PasswordLogin):
        given |= {"adminUsername": login.username, "adminPassword": login.password}
    elif isinstance(login, AssertionLogin):
        given |= {"clientId": login.client_id, "clientAssertionFile": login.file, "clientAssertionType": login.kind}
    elif isinstance(login, CertificateLogin):
        given |= {"clientId": login.client_id, "clientCertificate": login.certificate, "clientKey": login.key}
    elif isinstance(login, ClientSecretLogin):
        given |= {"clientId": login.client_id, "clientSecret": login.client_secret}
    elif isinstance(login, PrivateKeyLogin):
        given |= {"clientId": login.client_id, "privateKey": login.private_key}
    return {key: project.as_given(key, value) for key, value in given.items() if value}


@functools.lru_cache(maxsize=256)
def _read(given: tuple[tuple[str, str], ...], environ: tuple[tuple[str, str], ...]) -> Connection:
    texts = dict(given)
    name = texts.pop("name")
    try:
        return read_connection(texts.get, dict(environ), name)
    except InvalidSettings as found:
        raise InvalidSettings([_as_own(fault, name) for fault in found.faults]) from None


def shape_faults(given: Any, unknown: Collection[str] = ()) -> list[str]:
    """What is wrong with a connection by itself: ``<what is wrong>; <what to do>``.

    unknown: keys whose values are not known yet.
    """
    if not isinstance(given, Mapping):
        return [f"is not a map; give one with url and a login, of {', '.join(KEYS)}"]  # the value may be a secret
    faults = [f"has the key {shown(key)}; its keys are {', '.join(KEYS)}" for key in given if key not in KEYS]
    for key in KEYS:
        value = None if key in unknown else given.get(key)
        if key in FLAGS and value not in (None, True, False, "", "true", "false"):
            faults.append(f"{key} is {shown(value)}; give true or false")
        elif key not in FLAGS and not isinstance(value, str | None):
            faults.append(f"{key} is not a text; give a text")
    name = given.get("name") or ""
    if "name" not in unknown and isinstance(name, str) and not _NAME.fullmatch(name):
        faults.append(f"name is {shown(name)}; give a short one of letters, digits and '-', a letter first")
    if "url" not in unknown and not given.get("url"):
        faults.append("has no url; give the server's base address")
    return faults


def _variables(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a connection of that name, under the names of the stack's variables."""
    before = variable_of("", name)
    own = {key.removeprefix(before): value for key, value in environ.items() if key.startswith(before)}
    return {**own, **({USER_AGENT: environ[USER_AGENT]} if USER_AGENT in environ else {})}


def _who(given: Any) -> str:
    name = given.get("name") if isinstance(given, Mapping) else None
    return f"connection {named(name)}" if isinstance(name, str) and name else "connection"


def _as_own(fault: str, name: str) -> str:
    """Rewords a fault of the stack's config for a connection, which no command can set."""
    fault = fault.replace("config '", f"connection {named(name)}: '", 1)
    fault = _COMMAND.sub(", give adminPassword,", fault)
    return _VARIABLE.sub(lambda found: variable_of(found[0], name), fault)
