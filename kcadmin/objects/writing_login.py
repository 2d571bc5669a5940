"""The groups and roles of the login that writes a client, which conditions of client policies may check."""

from collections.abc import Iterator
from functools import cache

from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.connection import PasswordLogin
from kcadmin.rest.errors import Forbidden, NotFound
from kcadmin.rest.session import Session, path
from kcadmin.writes.prediction import RealmPolicies
from kcadmin.writes.votes import SOURCE_GROUPS, SOURCE_ROLES, WritingLogin, texts


def writing_login(session: Session, realm_name: str, policies: RealmPolicies) -> WritingLogin:
    """What is known about the login of a session. Nothing is read if no enabled policy asks for it.

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
    """The user's id, which some tokens leave out. :raises NotFound: it cannot be found."""
    login = home.session.connection.login
    if subject:
        return subject
    found = home.users_named(login.username) if isinstance(login, PasswordLogin) else []
    if not found:
        raise NotFound(404, "GET", _at(home), "the user cannot be read")
    return str(found[0]["id"])


def _roles(home: Realm, user: str, policies: RealmPolicies) -> frozenset[str]:
    """The user's roles, also by composites and groups, as far as conditions ask for them; in the conditions' spelling."""

    @cache
    def held(client: str) -> frozenset[str]:
        place = ("clients", client) if client else ("realm",)
        found = home.session.get(_at(home, user, "role-mappings", *place, "composite"))
        return frozenset(str(each["name"]) for each in found)

    asked = {text: _role_of(home, text) for text in _asked(policies)}
    return frozenset(text for text, (client, name) in asked.items() if name in held(client.uuid if client else ""))


def _role_of(home: Realm, text: str) -> tuple[Client | None, str]:
    """The client and the name of a role, ``role`` or ``client.role``. Of several existing clients, the longest name counts."""
    dots = [at for at, letter in enumerate(text) if letter == "."]
    for at in reversed(dots):
        if client := home.clients.find(text[:at]):
            return client, text[at + 1 :]
    return None, text


def _asked(policies: RealmPolicies) -> Iterator[str]:
    for policy in policies.acting:
        for each in policy.get("conditions") or ():
            if each.get("condition") == SOURCE_ROLES:
                yield from texts((each.get("configuration") or {}).get("roles"))


def _in_token(claims: dict[str, object]) -> Iterator[str]:
    """The unambiguous roles in the token, which may have fewer than the account."""
    for client_id, held in (("", claims.get("realm_access")), *_of_clients(claims.get("resource_access"))):
        names = held.get("roles") if isinstance(held, dict) else None
        for name in names if isinstance(names, list) else ():
            if "." not in str(name):
                yield f"{client_id}.{name}" if client_id else str(name)


def _of_clients(held: object) -> Iterator[tuple[str, object]]:
    yield from held.items() if isinstance(held, dict) else ()


def _at(home: Realm, *segments: str) -> str:
    return path("admin", "realms", home.name, "users", *segments)
