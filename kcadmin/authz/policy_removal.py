"""Deletes a policy and keeps the permissions that used it, though Keycloak deletes a permission with its last policy."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from kcadmin.authz.exchange_permission import ROUNDS, attached, leave_empty, permission_body, write_once
from kcadmin.authz.management_permissions import management, set_management
from kcadmin.authz.noted_strategy import forget_strategy, noted_strategy
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer, permission_name
from kcadmin.rest.errors import KeycloakError, NotFound, Refusal
from kcadmin.rest.texts import named


def delete_policy(realm: Realm, server: ResourceServer, policy_id: str) -> None:
    """Deletes a policy, and keeps each permission whose last policy it is: the server keeps one that was emptied before.

    :raises Refusal: it is the last policy of an aggregate policy or a resource permission, which Keycloak would delete with it.
    """
    users = server.users_of(policy_id)
    targets = {str(each["id"]): _target(each) for each in users}
    with ExitStack() as locks:
        for target in sorted({target for target in targets.values() if target}):
            locks.enter_context(realm.clients.lock(target))
        emptied = {
            str(user["id"]) for user in users if _outlive(realm, server, user, policy_id, targets[str(user["id"])])
        }
        server.delete_policy(policy_id)
        for user_id, holder in targets.items():
            if holder and user_id not in emptied and not _held(server, user_id):
                _mend_after_deleting(realm, holder)


def _outlive(realm: Realm, server: ResourceServer, user: Mapping[str, Any], policy_id: str, target: str | None) -> bool:
    """Empties a permission that Keycloak would delete with its last policy; returns whether it did."""
    problem = None
    for _ in range(ROUNDS):  # each with a read of its own: a body sent again would remove what was added meanwhile
        held = _held(server, str(user["id"]))
        if held is None or [str(each["id"]) for each in held] != [policy_id]:
            return False
        if user.get("type") != "scope":
            raise Refusal(
                f"policy of realm {named(realm.name)}: is the last one of {named(user['name'])}, which Keycloak would "
                "delete with "
                "it; take it out there, or delete that first."
            )
        problem = _empty(realm, server, str(user["id"]), target)
        if problem is None:
            if target:
                forget_strategy(realm, target)
            return True
    assert problem
    raise problem


def _empty(realm: Realm, server: ResourceServer, permission_id: str, target: str | None) -> KeycloakError | None:
    permission = server.permission(permission_id)
    if permission is None:
        return None
    noted = noted_strategy(realm, target) if target else None
    strategy = noted or str(permission["decisionStrategy"])
    return write_once(server, permission_id, permission_body(permission, strategy, ()))


def _held(server: ResourceServer, permission_id: str) -> list[dict[str, Any]] | None:
    """The policies of a permission or an aggregate policy; None when it is gone."""
    try:
        return server.policies_of(permission_id)
    except NotFound:
        return None


def _mend_after_deleting(realm: Realm, client_uuid: str) -> None:
    """Others deleted the other policies at the same time.

    The last deletion took the permission along; or, on PostgreSQL, each still saw the other's policy, and the permission
    stays empty.
    """
    now, there = attached(realm, client_uuid), management(realm, client_uuid)
    if now is None and there and there.enabled:
        set_management(realm, client_uuid, True)
        now = attached(realm, client_uuid)
    if now is None or not now.policies:
        leave_empty(realm, client_uuid, now)


def _target(user: Mapping[str, Any]) -> str | None:
    """The UUID of the client whose token-exchange permission this is."""
    prefix = permission_name("")
    return str(user["name"]).removeprefix(prefix) if str(user["name"]).startswith(prefix) else None
