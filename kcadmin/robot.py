"""The robot that manages grants instead of an administrator: a service account in the managed realm with the roles it needs.

It logs in by private_key_jwt (RFC 7523). Its roles are those of ``realm-management``; its tokens carry nothing else.
https://www.keycloak.org/docs/latest/server_admin/#_service_accounts
"""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from kcadmin.errors import Conflict, NotFound, Refusal, sentence
from kcadmin.ownership import hash16
from kcadmin.realm import Realm
from kcadmin.session import path

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
"""Purpose → the roles that it takes. Role policies: those that name realm roles; user policies: users or groups."""
NARROW_ROLE = "query-clients"
MARK = "pulumi.robot"
ALGORITHM = "RS256"
PERMISSIONS_CLIENT = "admin-permissions"


@dataclass(frozen=True)
class Robot:
    """What stands. roles: of ``realm-management``; only: the clients it may manage, none for all; made: by this call."""

    client_id: str
    roles: tuple[str, ...]
    only: tuple[str, ...]
    made: bool


def roles_for(purposes: Iterable[str]) -> tuple[str, ...]:
    """The roles that purposes take together."""
    return tuple(sorted({role for purpose in purposes for role in ROLES[purpose]}))


def public_keys(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """The client attributes that hold a key's public part as a JWK set (RFC 7517)."""
    public = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(key.public_key(), as_dict=True)
    keys = {"keys": [{**public, "use": "sig", "alg": ALGORITHM, "kid": hash16(str(public["n"]))}]}
    return {"use.jwks.string": "true", "jwks.string": json.dumps(keys)}


def robot_exists(realm: Realm, client_id: str) -> bool:
    """Whether the robot is there. :raises Refusal: a client of that name is there that is none of ours."""
    client = realm.clients.find(client_id)
    if client is not None and MARK not in client.attributes:
        wrong, remedy = "is there already and was not made by bootstrap", "choose another --client-id"
        raise Refusal(sentence("client", client_id, realm.name, wrong, remedy))
    return client is not None


def make_robot(
    realm: Realm, client_id: str, roles: Collection[str], keys: Mapping[str, str], only: Collection[str] = ()
) -> Robot:
    """Makes the robot, or gives the one that is there exactly these roles.

    :param keys: its public keys as a JWK set (RFC 7517), as client attributes.
    :param only: client ids; then it may manage these alone, by fine-grained admin permissions v2.
    :raises Refusal: a client of that name is another's, or one of ``only`` does not exist.
    """
    wanted = (NARROW_ROLE,) if only else tuple(sorted(roles))
    uuids = [_uuid(realm, name) for name in sorted(only)]
    made = not robot_exists(realm, client_id)
    if made:
        with suppress(Conflict):  # another run made it meanwhile
            realm.session.post(path("admin", "realms", realm.name, "clients"), representation(client_id, keys))
    client = realm.clients.find(client_id)
    assert client is not None
    if any(client.attributes.get(key) != value for key, value in keys.items()):
        realm.clients.change(client.uuid, {f"attributes.{key}": value for key, value in keys.items()})
    user = str(realm.session.get(realm.clients.path(client.uuid, "service-account-user"))["id"])
    _give_exactly(realm, client.uuid, user, wanted)
    if only:
        _permit_only(realm, client_id, user, uuids)
    return Robot(client_id, wanted, tuple(sorted(only)), made)


def remove_robot(realm: Realm, client_id: str) -> bool:
    """Deletes the robot with its service account and permissions; gives whether it was there."""
    if not robot_exists(realm, client_id):
        return False
    client = realm.clients.find(client_id)
    assert client is not None
    permissions = realm.clients.find(PERMISSIONS_CLIENT)
    for name in _permission_names(client_id) if permissions else ():
        at = realm.clients.path(permissions.uuid if permissions else "", "authz", "resource-server", "policy")
        found = realm.session.get_optional(f"{at}/search", name=name)
        if found:
            realm.session.delete(f"{at}/{found['id']}")
    with suppress(NotFound):  # only 404 is success
        realm.session.delete(realm.clients.path(client.uuid))
    return True


def representation(client_id: str, keys: Mapping[str, str]) -> dict[str, Any]:
    """The client as it is made; its roles come after."""
    return {
        "clientId": client_id,
        "name": "Token exchange as managed infrastructure",
        "description": "Manages token exchange grants from a Pulumi stack; logs in by private_key_jwt.",
        "protocol": "openid-connect",
        "publicClient": False,
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": False,
        "clientAuthenticatorType": "client-jwt",
        "attributes": {MARK: "true", **keys},
    }


def _give_exactly(realm: Realm, client_uuid: str, user: str, wanted: Collection[str]) -> None:
    """The service account holds these roles, and its tokens carry them: no others, and none that all users get."""
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


def _permit_only(realm: Realm, client_id: str, user: str, uuids: Collection[str]) -> None:
    """Fine-grained admin permissions v2: view and manage these clients, and see the one that tells a realm from another."""
    at = path("admin", "realms", realm.name)
    if not realm.session.get(at).get("adminPermissionsEnabled"):
        realm.session.put(at, {"adminPermissionsEnabled": True})
    server = realm.clients.path(_uuid(realm, PERMISSIONS_CLIENT), "authz", "resource-server")
    policy_name, manage_name, view_name = _permission_names(client_id)[::-1]
    policy = _search(realm, server, policy_name)
    policy_id = policy or realm.session.post_json(f"{server}/policy/user", {"name": policy_name, "users": [user]})["id"]
    for name, resources, scopes in (
        (manage_name, sorted(uuids), ["view", "manage"]),
        (view_name, [realm.management_uuid()], ["view"]),
    ):
        body = {
            "name": name,
            "resourceType": "Clients",
            "resources": resources,
            "scopes": scopes,
            "policies": [policy_id],
        }
        known = _search(realm, server, name)
        if known:
            realm.session.put(f"{server}/permission/scope/{known}", {**body, "id": known})
        else:
            realm.session.post(f"{server}/permission/scope", body)


def _search(realm: Realm, server: str, name: str) -> str | None:
    found = realm.session.get_optional(f"{server}/policy/search", name=name)
    return str(found["id"]) if found else None


def _permission_names(client_id: str) -> tuple[str, str, str]:
    """In the order in which they may be deleted."""
    return f"{client_id}: sees the realm", f"{client_id}: manages its clients", f"{client_id}: is this service account"


def _uuid(realm: Realm, client_id: str) -> str:
    client = realm.clients.find(client_id)
    if client is None:
        wrong = "does not exist"
        remedy = (
            "correct --only" if client_id != PERMISSIONS_CLIENT else "use a server with admin-fine-grained-authz:v2"
        )
        raise Refusal(sentence("client", client_id, realm.name, wrong, remedy))
    return client.uuid
