"""The permission on which Keycloak evaluates the legacy exchange to a client.

``token-exchange.permission.client.<target UUID>`` belongs to ``realm-management``. Several stacks and people add policies to it,
so ours are added and removed one by one. Its strategy is never changed while it has an unmanaged policy, since AFFIRMATIVE beside
such a policy allowed exchanges that UNANIMOUS had refused.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kcadmin.authz.management_permissions import KIND as MANAGEMENT
from kcadmin.authz.management_permissions import management, set_management
from kcadmin.authz.noted_strategy import forget_strategy, note_strategy, noted_strategy
from kcadmin.marks.ownership import hash16, mark_of, same_stack
from kcadmin.objects.claims import claims
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer, names_in, permission_name
from kcadmin.rest.errors import KeycloakError, NotImplementedHere, Refusal, sentence
from kcadmin.rest.session import worth_repeating
from kcadmin.rest.texts import named
from kcadmin.rest.waiting import settle

AFFIRMATIVE, UNANIMOUS, CONSENSUS = "AFFIRMATIVE", "UNANIMOUS", "CONSENSUS"
ENFORCING, DISABLED = "ENFORCING", "DISABLED"
ROUNDS = 10


@dataclass(frozen=True)
class Attached:
    """The token-exchange permission of a client: its id, name, strategy and the policies on it (id to name).

    ``marks``: by id, the owner's hash of policies with a stack's mark. ``before``: our policies that were on it before
    ``attach``.
    """

    id: str
    name: str
    strategy: str
    policies: Mapping[str, str]
    marks: Mapping[str, str]
    representation: Mapping[str, Any]
    before: frozenset[str] = frozenset()

    @property
    def marked(self) -> frozenset[str]:
        """The ids of the policies that bear a stack's mark."""
        return frozenset(self.marks)

    def is_of(self, owner: str, policies: Collection[str]) -> bool:
        """Whether an owner made all of the policies on it."""
        return all(self.marks.get(each) == hash16(owner) for each in policies if each in self.policies)

    def is_alone(self, policies: Collection[str]) -> bool:
        """Whether its only policy is one that no stack made. Then its strategy decides nothing."""
        return len(self.policies) == 1 and set(policies) == set(self.policies) - self.marked


@dataclass(frozen=True)
class Overview:
    """All of a realm's legacy permissions, from one read. ``marks``: each policy's owner's hash by policy name;
    ``permissions``: strategy and policy names by the UUID of the target; ``policies``: as exported, by name.

    enforcement: the resource server's policy enforcement mode; with ``DISABLED`` a permission with a policy permits everybody.
    strategy: how it decides between permissions on the same resource and scope."""

    marks: Mapping[str, str | None]
    permissions: Mapping[str, tuple[str, tuple[str, ...]]]
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    enforcement: str = ENFORCING
    strategy: str = UNANIMOUS


def overview(realm: Realm) -> Overview:
    """What the realm's resource server holds; it names policies, not their ids. Empty before the first permission, and where
    the server's authorization is switched off, so that it evaluates none."""
    try:
        settings = realm.permissions_server().settings() or {}
    except NotImplementedHere:
        settings = {}
    policies = settings.get("policies") or []
    prefix = permission_name("")
    return Overview(
        {str(each["name"]): mark_of(each) for each in policies},
        {
            str(each["name"]).removeprefix(prefix): (
                str(each["decisionStrategy"]),
                names_in(each, "applyPolicies"),
            )
            for each in policies
            if each["type"] == "scope" and str(each["name"]).startswith(prefix)
        },
        {str(each["name"]): each for each in policies},
        str(settings.get("policyEnforcementMode") or ENFORCING),
        str(settings.get("decisionStrategy") or UNANIMOUS),
    )


def attached(realm: Realm, client_uuid: str) -> Attached | None:
    """What the token-exchange permission of a client holds, or None where there is none."""
    return _attached(realm.permissions_server(), client_uuid)


def cached_attached(realm: Realm, client_uuid: str) -> Attached | None:
    """The same from a snapshot; no write is based on it."""
    return _attached(realm.cached_permissions_server(), client_uuid) or attached(realm, client_uuid)


def _attached(server: ResourceServer, client_uuid: str) -> Attached | None:
    permission = server.policy_named(permission_name(client_uuid))
    if permission is None:
        return None
    found = server.policies_of(permission["id"])
    return Attached(
        str(permission["id"]),
        str(permission["name"]),
        str(permission["decisionStrategy"]),
        {str(each["id"]): str(each["name"]) for each in found},
        {str(each["id"]): mark for each in found if (mark := mark_of(each))},
        permission,
    )


def attach(realm: Realm, client_uuid: str, client_id: str, policies: Iterable[str], owner: str) -> Attached:
    """Adds our policies to the token-exchange permission of a client, and repeats that until they stay.

    The strategy of a permission that was there before us, and was empty, is noted on the client before it is changed.
    Another writer's older list may overwrite ours, later on a slower server. So we read again after three times the
    duration of our write, unless no other stack uses the permission.

    :raises Refusal: there is no permission, or it holds unmanaged policies under another strategy.
    """
    wanted = set(policies)
    with realm.clients.lock(client_uuid):
        settled, found, slowest, problem = False, None, 0.0, None
        before: frozenset[str] | None = None
        for _ in range(ROUNDS):
            began = time.monotonic()
            now = _must_be_there(realm, client_uuid, client_id)
            before = frozenset(wanted & set(now.policies)) if before is None else before
            if wanted <= set(now.policies) and (now.strategy == AFFIRMATIVE or now.is_alone(wanted)):
                if settled or _is_ours_alone(realm, client_uuid, owner):
                    if found:  # a stack that released its claim at that moment dropped every note
                        note_strategy(realm, client_uuid, owner, found)
                    return replace(now, before=before)
                settled = True
                settle(slowest)
                continue
            settled = False
            if now.strategy != AFFIRMATIVE:
                if now.policies and _must_be_there(realm, client_uuid, client_id).strategy != now.strategy:
                    continue  # another stack wrote between the read of the strategy and that of the policies
                _refuse_unmanaged(realm, client_id, now)
                found = now.strategy
                note_strategy(realm, client_uuid, owner, found)
            problem = _write(realm, now, set(now.policies) | wanted, AFFIRMATIVE)
            slowest = max(slowest, time.monotonic() - began)
    raise _unstable(realm, client_uuid, f"our policies for target {named(client_id)}", problem)


def _is_ours_alone(realm: Realm, client_uuid: str, owner: str) -> bool:
    """Whether no other stack can hold an older list than the one just read.

    A stack claims management permissions before it reads their policies, and drops its claim after it has written them.
    A stack that used permissions which were on has no claim.
    """
    client = realm.clients.get(client_uuid, max_age=0)
    held = claims(client, MANAGEMENT)
    return bool(held) and all(same_stack(claim.owner, owner) for claim in held)


def detach(
    realm: Realm,
    client_uuid: str,
    client_id: str,
    policies: Iterable[str],
    *,
    soon_deleted: Callable[[Attached], bool] = lambda now: False,
) -> None:
    """Takes our policies out of the token-exchange permission of a client; an empty one gets its strategy back.

    :param soon_deleted: whether our policies are deleted next, given what the permission holds now. The deletion removes
        them atomically, so only a list that would become empty is written: the server deletes a permission with its last
        policy.
    :raises Refusal: somebody adds them again.
    """
    ours = set(policies)
    with realm.clients.lock(client_uuid):
        problem = None
        for _ in range(ROUNDS):
            now = attached(realm, client_uuid)
            if now is None or not now.policies:
                leave_empty(realm, client_uuid, now)
                return
            left = set(now.policies) - ours
            go_next = soon_deleted(now)
            if left == set(now.policies) or (left and go_next):
                return
            noted = None if left else noted_strategy(realm, client_uuid)
            problem = _write(realm, now, left, noted or now.strategy)
            if not problem and not left and go_next:  # what somebody's older list adds again is removed by its deletion
                forget_strategy(realm, client_uuid)
                return
            again = attached(realm, client_uuid) if left else None
            lost = left - set(again.policies) - now.marked if again else set()
            if again and lost:  # an unmanaged one that was added in between; stacks restore their own
                problem = _write(realm, again, set(again.policies) | lost, again.strategy)
    raise _unstable(realm, client_uuid, f"our policies for target {named(client_id)}", problem)


def leave_empty(realm: Realm, client_uuid: str, now: Attached | None) -> None:
    """Restores the former strategy of a permission without policies."""
    noted = noted_strategy(realm, client_uuid)
    for _ in range(ROUNDS):
        if now and now.policies:  # another stack attached policies meanwhile, and needs the note
            return
        problem = None
        if now and noted and now.strategy == AFFIRMATIVE:  # somebody else chose a third one
            problem = _write(realm, now, None, noted)
        if not problem:
            forget_strategy(realm, client_uuid)
            return
        now = attached(realm, client_uuid)
    raise _unstable(realm, client_uuid, "its decision strategy", problem)


def _must_be_there(realm: Realm, client_uuid: str, client_id: str) -> Attached:
    now = attached(realm, client_uuid)
    if now is None:
        there, client = management(realm, client_uuid), realm.clients.get(client_uuid, max_age=0)
        if there and (there.enabled or claims(client, MANAGEMENT)):
            set_management(realm, client_uuid, True)  # its last policy was deleted, and the permission with it
            now = attached(realm, client_uuid)
    if now is None:
        remedy = "switch its management permissions on, with the resource ManagementPermissions"
        raise Refusal(sentence("client", client_id, realm.name, "has no token-exchange permission", remedy))
    return now


def _refuse_unmanaged(realm: Realm, client_id: str, now: Attached) -> None:
    unmanaged = sorted(name for policy_id, name in now.policies.items() if policy_id not in now.marked)
    if unmanaged:
        wrong = (
            f"holds the policies {', '.join(unmanaged)} under {now.strategy}, with which a grant for target "
            f"{named(client_id)} would be denied or would allow more than it declares"
        )
        remedy = (
            "set its decision strategy to AFFIRMATIVE if each of them alone may allow the exchange, or take them out"
        )
        raise Refusal(sentence("permission", now.name, realm.name, wrong, remedy))


def _unstable(realm: Realm, client_uuid: str, what: str, problem: KeycloakError | None) -> Refusal:
    why = f", the last answer was: {problem.clause}" if problem else ""
    wrong = f"{ROUNDS} writes of {what} did not stay{why}"
    remedy = "find who else writes it, and run again"
    return Refusal(sentence("permission", permission_name(client_uuid), realm.name, wrong, remedy))


def _write(realm: Realm, now: Attached, policies: set[str] | None, strategy: str) -> KeycloakError | None:
    """``write_once`` of what was just read; None leaves the list."""
    return write_once(realm.permissions_server(), now.id, permission_body(now.representation, strategy, policies))


def write_once(server: ResourceServer, permission_id: str, body: Mapping[str, Any]) -> KeycloakError | None:
    """One write of a list that was just read. An answer of a busy server is returned, so that the next round reads again."""
    try:
        server.update_permission(permission_id, body, once=True)
    except KeycloakError as problem:
        if not worth_repeating(problem):
            raise
        settle()
        return problem
    return None


def permission_body(permission: Mapping[str, Any], strategy: str, policies: Iterable[str] | None) -> dict[str, Any]:
    """What a permission's PUT takes: lists left out stay, and a search's field ``config`` would be an error 500."""
    kept = {key: permission[key] for key in ("name", "description", "logic") if key in permission}
    listed = {} if policies is None else {"policies": sorted(policies)}
    return {**kept, "type": "scope", "decisionStrategy": strategy, **listed}
