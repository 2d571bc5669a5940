"""The groups and roles of the login that writes a client, which conditions of client policies may check."""

from collections.abc import Iterator

from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.connection import PasswordLogin
from kcadmin.rest.errors import Forbidden, NotFound
from kcadmin.rest.session import Session, path
from kcadmin.writes.prediction import RealmPolicies
from kcadmin.writes.votes import SOURCE_GROUPS, SOURCE_ROLES, WritingLogin, texts


def writing_login(session: Session, realm_name: str, policies: RealmPolicies) -> WritingLogin:
    """What is known of the login of a session; nothing is read where no enabled policy asks for it.

    A login of another realm holds no role that a policy of this realm can ask for.
    """
    connection = session.connection
    is_own = connection.login_realm == realm_name
    if not policies.asks_for(SOURCE_GROUPS) and not (is_own and policies.asks_for(SOURCE_ROLES)):
        return WritingLogin(roles=None if is_own else frozenset(), of_realm=is_own)
    claims = session.claims()
    home = realm_for(session, connection.login_realm)
    try:
        user = _user(home, str(claims.get("sub") or ""))
        groups = frozenset(str(each["path"]) for each in session.get(_at(home, user, "groups")))
        roles = _roles(home, user, policies) if is_own else frozenset[str]()
    except (Forbidden, NotFound):
        held = frozenset(_in_token(claims)) if is_own else frozenset[str]()
        return WritingLogin(roles=None if is_own else frozenset(), of_realm=is_own, among_roles=held)
    return WritingLogin(groups, roles, is_own)


def _user(home: Realm, subject: str) -> str:
    """The user's id; some tokens leave it out."""
    login = home.session.connection.login
    if subject or not isinstance(login, PasswordLogin):
        return subject
    found = home.users_named(login.username)
    if not found:
        raise NotFound(404, "GET", _at(home), "the user cannot be read")
    return str(found[0]["id"])


def _roles(home: Realm, user: str, policies: RealmPolicies) -> frozenset[str]:
    """The roles that conditions ask for and the user has, by composites and groups, too: ``role`` or ``client.role``."""
    found = {str(each["name"]) for each in home.session.get(_at(home, user, "role-mappings", "realm", "composite"))}
    for client_id in sorted({role.rpartition(".")[0] for role in _asked(policies)} - {""}):
        client = home.clients.find(client_id)
        held = home.session.get(_at(home, user, "role-mappings", "clients", client.uuid, "composite")) if client else ()
        found |= {f"{client_id}.{each['name']}" for each in held}
    return frozenset(found)


def _asked(policies: RealmPolicies) -> Iterator[str]:
    for policy in policies.acting:
        for each in policy.get("conditions") or ():
            if each.get("condition") == SOURCE_ROLES:
                yield from texts((each.get("configuration") or {}).get("roles"))


def _in_token(claims: dict[str, object]) -> Iterator[str]:
    """The roles that the token holds; it may hold fewer than the account."""
    for client_id, held in (("", claims.get("realm_access")), *_of_clients(claims.get("resource_access"))):
        names = held.get("roles") if isinstance(held, dict) else None
        for name in names if isinstance(names, list) else ():
            yield f"{client_id}.{name}" if client_id else str(name)


def _of_clients(held: object) -> Iterator[tuple[str, object]]:
    yield from held.items() if isinstance(held, dict) else ()


def _at(home: Realm, *segments: str) -> str:
    return path("admin", "realms", home.name, "users", *segments)
