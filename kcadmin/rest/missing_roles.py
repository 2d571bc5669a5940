"""Which role of ``realm-management`` a request needs, for the message of a 403.

Each row was tried on Keycloak 26.7.3 with logins of one role each: the given role is sufficient, and no smaller one is.
A manage role includes the view role. The export of authorization settings needs the manage role.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from kcadmin.rest.odd import Odd
from kcadmin.rest.texts import named, quoted

ODD = (
    Odd(
        "missing-role",
        "403 Forbidden: HTTP 403 Forbidden",
        "give the login the role {role} of client {client} in realm {realm}",
    ),
)
MASTER = "master"
_IN_REALM = re.compile(r"^/admin/realms/([^/]+)(/.*)?$")


class NeededRoles(NamedTuple):
    """Paths below a realm, the roles to read them and those to write them."""

    path: str
    view: tuple[str, ...]
    manage: tuple[str, ...]


def _row(path: str, what: str) -> NeededRoles:
    return NeededRoles(path, (f"view-{what}",), (f"manage-{what}",))


ROWS = (
    NeededRoles(r"/clients/[^/]+/evaluate-scopes/generate-example", ("view-clients", "view-users"), ()),
    NeededRoles(
        r"/clients/[^/]+/authz/resource-server/settings$", ("manage-authorization",), ("manage-authorization",)
    ),
    _row(r"/clients/[^/]+/authz/", "authorization"),
    NeededRoles(r"/clients/[^/]+/management/permissions$", ("view-clients",), ("manage-clients", "view-authorization")),
    NeededRoles(
        r"/(clients|client-scopes)/[^/]+/scope-mappings/realm", ("view-clients",), ("manage-clients", "manage-realm")
    ),
    _row(r"/(clients|client-scopes|default-default-client-scopes|default-optional-client-scopes)(/|$)", "clients"),
    _row(r"/(users|groups|group-by-path|attack-detection)(/|$)", "users"),
    _row(r"/(events|admin-events)(/|$)", "events"),
    _row(r"/identity-provider/", "identity-providers"),
    NeededRoles(r"/(partialImport|partial-export)$", ("manage-realm",), ("manage-realm",)),
    _row(r"/(roles|roles-by-id|client-policies|components|keys|authentication)(/|$)", "realm"),
    _row(r"$", "realm"),
)


def roles_needed(method: str, at: str) -> tuple[str, ...]:
    """The roles that a request needs; none if that is not known."""
    found = _IN_REALM.match(at)
    for row in ROWS if found else ():
        if re.match(row.path, (found.group(2) if found else "") or ""):
            return row.view if method == "GET" else row.manage
    return ()


def role_remedy(method: str, at: str, login_realm: str) -> str | None:
    """The remedy for a refused request of a realm's login; None if it is not known."""
    roles, found = roles_needed(method, at), _IN_REALM.match(at)
    if not roles or not found:
        return None
    realm = unquote(found.group(1))
    client = "realm-management" if login_realm == realm != MASTER else f"{realm}-realm"
    home = realm if login_realm == realm else MASTER
    return ODD[0].told(role=quoted(roles, "and"), client=named(client), realm=named(home)).remedy
