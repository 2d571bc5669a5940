"""The robot that manages grants instead of an administrator: a service account in the managed realm with the roles it needs.

It logs in by private_key_jwt (RFC 7523), or by the tokens of another issuer. Its roles are those of ``realm-management``;
its tokens contain nothing else. An existing client never gets a role, since somebody who registered it may have its
registration access token, its secret, or a token of its service account. An existing robot is replaced by a new client.
Keycloak accepts a token of a deleted client as one
of a new client of that name, and reads its rights at each request. So the new one refuses older tokens (``notBefore``).
https://www.keycloak.org/docs/latest/server_admin/#_service_accounts
"""

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.robot_issuer import remove_issuers
from kcadmin.objects.robot_login import ISSUER, ByKey, RobotLogin
from kcadmin.objects.robot_names import MARK, unfinished_name
from kcadmin.objects.robot_permissions import end_killed_bootstrap, forbid, permit_only
from kcadmin.objects.robot_removal import delete_client, find_robot, remove_unfinished
from kcadmin.rest.connection import PrivateKeyLogin
from kcadmin.rest.errors import Conflict, KeycloakError, Refusal, sentence
from kcadmin.rest.session import Session, path
from kcadmin.rest.texts import named
from kcadmin.writes.executors import CHANGED
from kcadmin.writes.rotation import SECRET
from kcadmin.writes.watch import Unannounced, changes_in_words, differences, watched

STANDARD, LEGACY, GUARDS, REALM_ROLES, ROLE_POLICIES, USER_POLICIES, DRY_RUNS, AUDIT, EVENTS = (
    "standard",
    "legacy",
    "guards",
    "realm-roles",
    "role-policies",
    "user-policies",
    "dry-runs",
    "audit",
    "events",
)
ROLES: Mapping[str, tuple[str, ...]] = {
    STANDARD: ("manage-clients",),
    LEGACY: ("manage-clients", "view-authorization"),
    GUARDS: ("manage-realm",),
    REALM_ROLES: ("manage-realm",),
    ROLE_POLICIES: ("manage-clients", "view-authorization", "view-realm"),
    USER_POLICIES: ("manage-clients", "view-authorization", "view-users"),
    DRY_RUNS: ("view-users",),
    AUDIT: ("view-events",),
    EVENTS: ("manage-events",),
}
"""Purpose → the roles that it needs. Role policies are those with realm roles, user policies those with users or groups."""
NARROW_ROLE = "query-clients"
DAY_SECONDS, PAUSE_SECONDS = 86_400, 0.2


@dataclass(frozen=True)
class Robot:
    """The robot as it is now. roles: of ``realm-management``; only: the clients it may manage, none for all.

    made: whether no robot existed before; else the existing one was deleted. told: sentences about other things that were
    deleted, which killed runs had left.
    """

    client_id: str
    roles: tuple[str, ...]
    only: tuple[str, ...]
    made: bool
    told: tuple[str, ...] = ()


def roles_for(purposes: Iterable[str]) -> tuple[str, ...]:
    """All roles that these purposes need."""
    return tuple(sorted({role for purpose in purposes for role in ROLES[purpose]}))


def make_robot(
    realm: Realm,
    client_id: str,
    roles: Collection[str],
    login: RobotLogin,
    only: Collection[str] = (),
    accepted: Collection[str] = (),
) -> Robot:
    """Makes the robot with exactly these roles. An existing one is deleted when the new one is complete.

    The new client gets its roles after it has logged in by its key, if it has one. A failure leaves everything as it was,
    except perhaps the former robot. What killed runs left is deleted first.

    :param only: client ids; then it may manage these alone, by fine-grained admin permissions v2.
    :param accepted: fields of it that client policies may change: ``kcadmin.objects.robot_policies``.
    :raises Refusal: a client of that name is another's, one of ``only`` does not exist, or the new client cannot log in, or
        cannot read a client of ``only``.
    """
    wanted = (NARROW_ROLE,) if only else tuple(sorted(roles))
    uuids = [_existing(realm, name) for name in sorted(only)]
    before = find_robot(realm, client_id)
    told = remove_unfinished(realm, client_id)
    if told and not only:
        told += end_killed_bootstrap(realm)
    undo = ExitStack()
    try:
        name = unfinished_name(client_id)
        sent = representation(name, login.attributes, type(login))
        uuid = _create(realm, sent, undo)
        _require_as_sent(realm, client_id, uuid, sent, accepted)
        if isinstance(login, ByKey):
            login.seconds(realm, client_id, name, uuid)
        user = str(realm.session.get(realm.clients.path(uuid, "service-account-user"))["id"])
        _give_exactly(realm, uuid, user, wanted)
        if only:
            permit_only(realm, client_id, user, uuids, undo)
            if isinstance(login, ByKey):
                _read_as_robot(realm, client_id, name, login.pem, only)
        if before:
            forbid(realm, before)
            if isinstance(login, ByKey) and ISSUER in before.attributes:
                told += remove_issuers(realm, client_id, before)
            delete_client(realm, before.uuid)
        with watched(accepted) as watch:
            _take_the_name(realm, client_id, uuid, login, before)
            watch.tell()
    except BaseException as problem:
        _take_back(realm, client_id, undo, problem)
        raise
    return Robot(client_id, wanted, tuple(sorted(only)), before is None, tuple(dict.fromkeys(told)))


def representation(client_id: str, attributes: Mapping[str, str], login: type[RobotLogin] = ByKey) -> dict[str, Any]:
    """The client as it is made; its roles are added later. attributes: of the login."""
    return {
        "clientId": client_id,
        "name": "Token exchange as managed infrastructure",
        "description": f"Manages token exchange grants from a Pulumi stack; logs in by {login.words}.",
        "protocol": "openid-connect",
        "publicClient": False,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": False,
        "clientAuthenticatorType": login.kind,
        "attributes": {MARK: "true", **attributes},
    }


def _create(realm: Realm, sent: Mapping[str, Any], undo: ExitStack) -> str:
    """The new client's UUID. :raises Refusal: the name is taken."""
    try:
        uuid = realm.session.create(path("admin", "realms", realm.name, "clients"), sent)
    except Conflict as problem:  # also where a user has the name of its service account
        wrong = f"cannot be made ({problem.clause})"
        raise Refusal(
            sentence("client", sent["clientId"], realm.name, wrong, "find who has that name, and run bootstrap again")
        ) from None
    undo.callback(delete_client, realm, uuid)
    return uuid


def _require_as_sent(
    realm: Realm, client_id: str, uuid: str, sent: Mapping[str, Any], accepted: Collection[str]
) -> None:
    """Compares a new client with what was sent, and with what client policies may set.

    :raises Unannounced: a field is another one, and ``accepted`` does not name it.
    """
    found = realm.clients.get(uuid, max_age=0)
    before, now = _flat(sent), _flat(found.representation if found else {})
    fields = (before.keys() | CHANGED) - {SECRET}  # which Keycloak makes
    changed = differences({key: before.get(key) for key in fields}, {key: now.get(key) for key in fields}, (), accepted)
    if changed:
        what = changes_in_words(changed)
        wrong = f"when it was made, the server also changed {what}, which was not accepted; it was deleted again"
        remedy = (
            "find which client policy of the realm does it, and change its conditions, or accept these fields by name"
        )
        raise Unannounced(sentence("client", client_id, realm.name, wrong, remedy))


def _flat(described: Mapping[str, Any]) -> dict[str, Any]:
    """A client's fields and attributes in one."""
    fields = {key: value for key, value in described.items() if key != "attributes"}
    return {**(described.get("attributes") or {}), **fields}


def _read_as_robot(realm: Realm, client_id: str, name: str, pem: str, only: Iterable[str]) -> None:
    """Keycloak 26.2 lists the clients that admin permissions v2 let somebody see, but refuses to show a single one."""
    login = PrivateKeyLogin(name, pem)
    clients = Realm(Session(replace(realm.session.connection, login=login, login_realm=realm.name)), realm.name).clients
    for each in (*only, realm.management_client_id):
        if not clients.find(each):
            wrong = f"the server does not let {named(client_id)} see it, though it has the permission to"
            remedy = "use Keycloak 26.7 or later, delete other admin permissions on it, or bootstrap without --only"
            raise Refusal(sentence("client", each, realm.name, wrong, remedy))


def _take_the_name(realm: Realm, client_id: str, uuid: str, login: RobotLogin, before: Client | None) -> None:
    """Gives the new client the robot's name, and makes it refuse tokens that were issued before."""
    later = int(time.time()) + DAY_SECONDS
    try:
        realm.clients.change(uuid, {"clientId": client_id, "notBefore": later})
    except KeycloakError as problem:
        gone = "and was deleted, as the former robot was" if before else "and was deleted"
        wrong = f"the new client cannot take this name ({problem.clause}), {gone}"
        raise Refusal(sentence("client", client_id, realm.name, wrong, "run bootstrap again")) from None
    taken = login.seconds(realm, client_id, client_id, uuid)
    realm.clients.change(uuid, {"notBefore": taken + 1})
    while login.seconds(realm, client_id, client_id, uuid) <= taken:
        time.sleep(PAUSE_SECONDS)
    realm.clients.forget(uuid)


def _take_back(realm: Realm, client_id: str, undo: ExitStack, problem: BaseException) -> None:
    try:
        undo.close()
    except KeycloakError as second:
        cause = problem.clause if isinstance(problem, KeycloakError) else type(problem).__name__
        wrong = f"could not be made ({cause}), and what this run wrote could not all be taken back ({second.clause})"
        remedy = "run bootstrap again, which deletes that first, or with --remove"
        raise Refusal(sentence("client", client_id, realm.name, wrong, remedy)) from None


def _give_exactly(realm: Realm, client_uuid: str, user: str, wanted: Collection[str]) -> None:
    """Gives the service account these roles, and its tokens: no others, also not those that all users get."""
    management = realm.management_uuid()
    mappings = path("admin", "realms", realm.name, "users", user, "role-mappings")
    of_realm = realm.session.get(f"{mappings}/realm")
    if of_realm:
        realm.session.delete(f"{mappings}/realm", of_realm)
    for holder in (mappings, realm.clients.path(client_uuid, "scope-mappings")):
        at = f"{holder}/clients/{management}"
        now = {str(role["name"]): role for role in realm.session.get(at)}
        extra = [role for name, role in now.items() if name not in wanted]
        missing = [
            realm.session.get(realm.clients.path(management, "roles", name)) for name in wanted if name not in now
        ]
        if extra:
            realm.session.delete(at, extra)
        if missing:
            realm.session.post(at, missing)


def _existing(realm: Realm, client_id: str) -> str:
    client = realm.clients.find(client_id)
    if client is None:
        raise Refusal(sentence("client", client_id, realm.name, "does not exist", "correct --only"))
    return client.uuid
