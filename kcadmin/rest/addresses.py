"""Which address is Keycloak's own where url is another one: of its console, without its path, or of a gateway.

Addresses from a server are shown to people. No request with a login follows them.
"""

import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit, urlunsplit

from kcadmin.rest.answers import Answer
from kcadmin.rest.odd import Odd
from kcadmin.rest.texts import named

Get = Callable[[str, str], Answer | None]
"""GET of a path below a base address, without a login; None where nothing answers."""
Found = tuple[Odd, str | None]
"""The message, and the address in it; None without a message."""

PAGE = Odd(
    "address-of-a-page",
    "is {url} or an address below it, and not Keycloak's base address",
    "set it to {base}, and the key 'realm' to the realm",
)
PREFIX = Odd("address-prefix", "{answer}, and Keycloak answers at {base}", "set url to {base}")
REDIRECT = Odd("address-redirect", "{answer}", "set url to {base}, if that is your Keycloak's address")
NO_ADMIN = Odd(
    "address-without-admin",
    "{answer}, though the login was answered there, so this address does not serve /admin",
    "set url to the address that serves it, Keycloak's hostname-admin or an inner address of the cluster, and publicUrl to "
    "{url}",
)
ADMIN_ELSEWHERE = Odd(
    "address-of-admin",
    "{answer}, and its administration is at {base}",
    "set url to {base}, if that is your Keycloak's address, and publicUrl to {url}",
)
ODD = (PAGE, PREFIX, REDIRECT, NO_ADMIN, ADMIN_ELSEWHERE)

# Of Keycloak's own paths, those that people copy from a browser or a discovery document.
_BELOW = re.compile(r"/(?:admin/[^/]+/console|admin/realms|realms|resources|welcome-content)(?:/.*)?$")
_ADMIN = re.compile(r"/admin(?:/[^/]+/console)?/?$")
_PREFIX = "/auth"
OK, UNAUTHORISED = 200, 401


def base_of_page(url: str) -> str | None:
    """Keycloak's base address, where an address is one of its pages or endpoints."""
    parts = urlsplit(url)
    base = _BELOW.sub("", parts.path)
    if base == parts.path and not (parts.query or parts.fragment):
        return None
    return urlunsplit((parts.scheme, parts.netloc, base.rstrip("/"), "", ""))


def base_of_redirect(url: str, at: str, location: str) -> str | None:
    """The base address that a redirect of a request leads to; None where it leads to something else."""
    try:
        goal = urlsplit(urljoin(url + at, location))
    except ValueError:
        return None
    if goal.scheme not in ("http", "https") or not goal.hostname or "@" in goal.netloc or not goal.path.endswith(at):
        return None
    base = urlunsplit((goal.scheme, goal.netloc, goal.path.removesuffix(at), "", ""))
    return base if base != url else None


def found_elsewhere(url: str, realm_at: str, get: Get) -> str | None:
    """The base address of a Keycloak on the same host: what its first page leads to, or with, or without, ``/auth``.

    :param realm_at: the path of a realm, which Keycloak shows to everybody.
    """
    parts = urlsplit(url)
    origin = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    first = get(origin, "/")
    try:
        path = urlsplit(first.location if first else "").path.rstrip("/")
    except ValueError:
        path = ""
    for base in (origin + _ADMIN.sub("", path), origin + _PREFIX, origin):
        if base != url and _is_keycloak(get(base, realm_at)):
            return base
    return None


def of_admin(url: str, get: Get) -> Found:
    """The message for a request below /admin whose answer is not Keycloak's, and the address in it."""
    probe = get(url, "/admin/realms")
    if probe is not None and probe.status_code == UNAUTHORISED and probe.own_words():
        return NO_ADMIN, None  # /admin is served, so that one answer came from something else
    base = _named_for_admin(url, get)
    return (ADMIN_ELSEWHERE, base) if base else (NO_ADMIN, "")


def _named_for_admin(url: str, get: Get) -> str | None:
    """The base address that Keycloak's first page leads to, where it is another one."""
    first = get(url, "/")
    try:
        goal = urlsplit(first.location if first else "")
    except ValueError:
        return None
    if goal.scheme not in ("http", "https") or not goal.hostname or "@" in goal.netloc or not _ADMIN.search(goal.path):
        return None
    base = urlunsplit((goal.scheme, goal.netloc, _ADMIN.sub("", goal.path), "", ""))
    return base if base != url else None


def _is_keycloak(answer: Answer | None) -> bool:
    """Whether an answer is what Keycloak shows of a realm."""
    return answer is not None and answer.status_code == OK and {"realm", "public_key"} <= answer.object().keys()


def filled(odd: Odd, **values: str) -> str:
    """The two halves as one text; addresses come in quotes."""
    told = odd.told(**{key: value if key == "answer" else named(value) for key, value in values.items()})
    return f"{told.wrong}; {told.remedy}."
