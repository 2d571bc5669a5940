"""The permission on which Keycloak evaluates the legacy exchange to a client.

``token-exchange.permission.client.<target UUID>`` lives on ``realm-management``. Several stacks and people hang their policies
on it, so ours are added and taken out one by one; its strategy is never changed while it holds a stranger's policy, since
AFFIRMATIVE beside a stranger's opened a door that UNANIMOUS had closed.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.authz import ResourceServer
from kcadmin.errors import Refusal, sentence
from kcadmin.management import management, set_management
from kcadmin.ownership import unmarked
from kcadmin.realm import Realm

AFFIRMATIVE, UNANIMOUS = "AFFIRMATIVE", "UNANIMOUS"
TOKEN_EXCHANGE = "token-exchange"
SETTLE_SECONDS = 0.3
ROUNDS = 10


@dataclass(frozen=True)
class Attached:
    """The token-exchange permission of a client: its id, name, strategy and the policies on it (id to name)."""

    id: str
    name: str
    strategy: str
    policies: Mapping[str, str]
    representation: Mapping[str, Any]


@dataclass(frozen=True)
class Overview:
    """All of a realm's legacy permissions, from one read. ``marks``: each policy's owner's hash by policy name;
    ``permissions``: strategy and policy names by the UUID of the target."""

    marks: Mapping[str, str | None]
    permissions: Mapping[str, tuple[str, tuple[str, ...]]]


def overview(realm: Realm) -> Overview:
    """What the realm's resource server holds; it names policies, not their ids. Empty before the first permission."""
    settings = realm.permissions_server().settings() or {}
    policies = settings.get("policies") or []
    prefix = permission_name("")
    return Overview(
        {str(each["name"]): unmarked(str(each.get("description") or ""))[1] for each in policies},
        {
            str(each["name"]).removeprefix(prefix): (
                str(each["decisionStrategy"]),
                tuple(json.loads((each.get("config") or {}).get("applyPolicies") or "[]")),
            )
            for each in policies
            if each["type"] == "scope" and str(each["name"]).startswith(prefix)
        },
    )


def permission_name(client_uuid: str) -> str:
    """The name by which Keycloak looks up the permission at each exchange; renamed, it grants nothing."""
    return f"{TOKEN_EXCHANGE}.permission.client.{client_uuid}"


def attached(realm: Realm, client_uuid: str) -> Attached | None:
    """What the token-exchange permission of a client holds, or None where there is none."""
    server = realm.permissions_server()
    permission = server.policy_named(permission_name(client_uuid))
    if permission is None:
        return None
    policies = {str(each["id"]): str(each["name"]) for each in server.policies_of(permission["id"])}
    return Attached(
        str(permission["id"]), str(permission["name"]), str(permission["decisionStrategy"]), policies, permission
    )


def attach(
    realm: Realm, client_uuid: str, client_id: str, policies: Iterable[str], before_strategy: Callable[[str], None]
) -> Attached:
    """Adds our policies to the token-exchange permission of a client, until they stay.

    :param before_strategy: called with the strategy found, before an empty permission's is changed to AFFIRMATIVE.
    :raises Refusal: there is no permission, or it holds strangers' policies under another strategy.
    """
    wanted = set(policies)
    with realm.clients.lock(client_uuid):
        settled = False
        for _ in range(ROUNDS):
            now = _must_be_there(realm, client_uuid, client_id)
            if wanted <= set(now.policies) and now.strategy == AFFIRMATIVE:
                if settled:
                    return now
                settled = True
                time.sleep(SETTLE_SECONDS)
                continue
            settled = False
            if now.strategy != AFFIRMATIVE:
                _refuse_strangers(realm, client_id, now, wanted)
                before_strategy(now.strategy)
            _write(realm.permissions_server(), now, set(now.policies) | wanted, AFFIRMATIVE)
    raise Refusal(
        sentence(
            "permission",
            permission_name(client_uuid),
            realm.name,
            f"{ROUNDS} writes of our policies for target '{client_id}' did not stay",
            "find who else writes it, and run again",
        )
    )


def detach(
    realm: Realm,
    client_uuid: str,
    policies: Iterable[str],
    *,
    soon_deleted: Callable[[], bool],
    restore_strategy: str | None,
) -> None:
    """Takes our policies out of the token-exchange permission of a client.

    :param soon_deleted: the policies are deleted next, which takes them out atomically; then only a list that would become
        empty is written, since the server deletes a permission with its last policy.
    :param restore_strategy: the strategy to give back to a permission that we leave empty.
    """
    ours = set(policies)
    with realm.clients.lock(client_uuid):
        for _ in range(ROUNDS):
            now = attached(realm, client_uuid)
            if now is None or not ours & set(now.policies):
                return
            left = set(now.policies) - ours
            if left and soon_deleted():
                return
            _write(realm.permissions_server(), now, left, now.strategy if left else restore_strategy or now.strategy)
            again = attached(realm, client_uuid)
            if again is not None and not left <= set(again.policies):
                _write(realm.permissions_server(), again, set(again.policies) | left, again.strategy)


def delete_policy(server: ResourceServer, policy_id: str) -> None:
    """Deletes a policy, and keeps each permission whose last one it is: emptied first, the server lets it live."""
    for user in server.users_of(policy_id):
        if user.get("type") == "scope" and len(server.policies_of(user["id"])) == 1:
            permission = server.permission(user["id"])
            if permission is not None:
                server.update_permission(user["id"], _body(permission, str(permission["decisionStrategy"]), ()))
    server.delete_policy(policy_id)


def _must_be_there(realm: Realm, client_uuid: str, client_id: str) -> Attached:
    now = attached(realm, client_uuid)
    if now is None and management(realm, client_uuid) is not None:
        set_management(realm, client_uuid, True)  # its last policy was deleted, and the permission with it
        now = attached(realm, client_uuid)
    if now is None:
        raise Refusal(
            sentence(
                "client",
                client_id,
                realm.name,
                "has no token-exchange permission",
                "switch its management permissions on, with the resource ManagementPermissions",
            )
        )
    return now


def _refuse_strangers(realm: Realm, client_id: str, now: Attached, wanted: set[str]) -> None:
    strangers = sorted(name for policy_id, name in now.policies.items() if policy_id not in wanted)
    if strangers:
        raise Refusal(
            sentence(
                "permission",
                now.name,
                realm.name,
                f"holds the policies {', '.join(strangers)} under {now.strategy}, beside which a grant for target "
                f"'{client_id}' would deny or open more than it says",
                "set its decision strategy to AFFIRMATIVE if each of them alone may allow the exchange, or take them out",
            )
        )


def _write(server: ResourceServer, now: Attached, policies: set[str], strategy: str) -> None:
    server.update_permission(now.id, _body(now.representation, strategy, policies))


def _body(permission: Mapping[str, Any], strategy: str, policies: Iterable[str]) -> dict[str, Any]:
    """What a permission's PUT takes: lists left out stay, and a search's field ``config`` would be an error 500."""
    kept = {key: permission[key] for key in ("name", "description", "logic") if key in permission}
    return {**kept, "type": "scope", "decisionStrategy": strategy, "policies": sorted(policies)}


def is_ours(server: ResourceServer, policy_id: str, owner_hash: str) -> bool:
    """Whether a policy bears an owner's mark."""
    policy = server.policy("client", policy_id)
    return policy is not None and unmarked(str(policy.get("description") or ""))[1] == owner_hash
