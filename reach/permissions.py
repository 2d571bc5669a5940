"""What a realm's token-exchange permissions allow in the legacy exchange: for each client yes, no, or under conditions.

Keycloak checks the requester. What depends on a time, a script, the subject token's scopes or the roles of the requester's
service account is not computed: it is allowed under a condition.
https://www.keycloak.org/docs/latest/authorization_services/#_policy_overview
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kcadmin.authz.exchange_permission import AFFIRMATIVE, CONSENSUS, DISABLED
from kcadmin.authz.exchange_policies import cannot_match
from kcadmin.marks.ownership import mark_of
from kcadmin.objects.resource_server import TOKEN_EXCHANGE, is_negative, names_in, permission_name, resource_name
from kcadmin.rest import texts
from kcadmin.rest.texts import quoted
from reach.reasons import PERMISSION, Way
from reach.survey import Json, Permission, Survey

_CONDITIONS = {
    "role": "its service account has the roles of role policy '{}'",
    "group": "its service account is in a group of group policy '{}'",
    "time": "within the times of policy '{}'",
    "client-scope": "the subject token has the scopes of client-scope policy '{}'",
    "regex": "the subject token's scopes match regex policy '{}'",
}
CLIENT_RESOURCE = "Client"
"""The type of the resources that Keycloak makes for clients."""
OF_ALL = ""
UNENFORCED = Way(
    PERMISSION, "realm-management, whose policy enforcement mode is DISABLED: it lets every client through"
)


@dataclass(frozen=True)
class Decision:
    """yes: True, False, or None for under conditions. by: the policies that decided. when: the conditions."""

    yes: bool | None
    by: tuple[str, ...] = ()
    when: tuple[str, ...] = ()


def permitted(survey: Survey) -> dict[str, dict[str, tuple[Way, ...]]]:
    """By target and requester, the permission that lets it through; all are client ids. One without effect is left out."""
    if not survey.features.fine_grained_permissions:
        return {}
    beside = permissions_beside(survey)
    found: dict[str, dict[str, tuple[Way, ...]]] = {}
    for target, permission in survey.permissions.items():
        if survey.enforcement == DISABLED:
            found[target] = dict.fromkeys(survey.clients, (UNENFORCED,)) if permission.policies else {}
            continue
        if not survey.features.scope_policies and "client-scope" in _types_in(survey.policies, permission.policies):
            continue  # each exchange that it judges ends in a 500, whatever its other policies say
        named = _clients_in(survey.policies, (*permission.policies, *beside.get(target, ())))
        other = _way(survey, permission, None, beside.get(target, ()))
        ways = dict.fromkeys(survey.clients, other) if other else {}
        for name in named & survey.clients.keys():
            way = _way(survey, permission, name, beside.get(target, ()))
            ways = {**ways, name: way} if way else {key: each for key, each in ways.items() if key != name}
        if ways:
            found[target] = {name: (way,) for name, way in ways.items()}
    return found


def answer(policies: Mapping[str, Json], name: str, client: str | None, within: Collection[str] = ()) -> Decision:
    """What a policy decides about a client; None is any client that no policy lists."""
    policy = policies.get(name)
    if policy is None or name in within:
        return Decision(None, (name,), (f"policy {texts.named(name)} grants, which cannot be read",))
    kind, negative = str(policy["type"]), is_negative(policy)
    if kind == "client":
        said = Decision(client in names_in(policy, "clients"), (name,))
    elif kind == "aggregate":
        members = [answer(policies, each, client, (*within, name)) for each in names_in(policy, "applyPolicies")]
        said = combined(str(policy.get("decisionStrategy")), members)
        said = Decision(said.yes, (name, *said.by), said.when)
    elif cannot_match(policy):
        said = Decision(False, (name,))
    else:
        phrase = _CONDITIONS.get(kind, f"{kind} policy '{{}}' grants").format(name)
        return Decision(None, (name,), (f"not: {phrase}" if negative else phrase,))
    if not negative:
        return said
    turned = None if said.yes is None else not said.yes
    return Decision(turned, said.by, tuple(f"not: {phrase}" for phrase in said.when))


def combined(strategy: str, answers: Sequence[Decision]) -> Decision:
    """What several policies decide together; without any, nothing grants."""
    yes = [each for each in answers if each.yes]
    maybe = [each for each in answers if each.yes is None]
    said = decided(strategy, [each.yes for each in answers])
    by = tuple(dict.fromkeys(name for each in (yes if said else yes + maybe) for name in each.by))
    when = tuple(dict.fromkeys(phrase for each in maybe for phrase in each.when))
    if strategy == AFFIRMATIVE and len(when) > 1:
        when = (" or ".join(when),)
    return Decision(True, by) if said else Decision(None, by, when) if said is None else Decision(False)


def decided(strategy: str, votes: Sequence[bool | None]) -> bool | None:
    """The result of policies under a decision strategy: None if an unknown one decides, False without policies."""
    yes, no = votes.count(True), votes.count(False)
    unknown = len(votes) - yes - no
    if strategy == AFFIRMATIVE:
        return True if yes else None if unknown else False
    if strategy == CONSENSUS:
        return True if yes > no + unknown else None if yes + unknown > no else False
    return False if no or not votes else None if unknown else True


def _way(survey: Survey, permission: Permission, client: str | None, beside: Sequence[str]) -> Way | None:
    said = combined(permission.strategy, [answer(survey.policies, each, client) for each in permission.policies])
    others = [permits(survey.policies, each, client) for each in beside]
    if others and permission.policies:  # without a policy of its own, Keycloak evaluates no other permission
        said = combined(survey.strategy, [said, *others])
    if said.yes is False:
        return None
    owners = [mark_of(survey.policies.get(name) or {}) for name in said.by]
    by = f"the token-exchange permission of {texts.named(permission.target)}, {_policies(said.by or permission.policies)}"
    return Way(PERMISSION, by, next((owner for owner in owners if owner), None), said.when)


def permits(policies: Mapping[str, Json], permission: str, client: str | None) -> Decision:
    """What a permission decides about a client."""
    held = names_in(policies[permission], "applyPolicies")
    return combined(
        str(policies[permission].get("decisionStrategy")), [answer(policies, each, client) for each in held]
    )


def _policies(names: Sequence[str]) -> str:
    return f"{'policy' if len(names) == 1 else 'policies'} {quoted(names)}"


def _clients_in(policies: Mapping[str, Json], names: Sequence[str], seen: Collection[str] = ()) -> frozenset[str]:
    """Every client that the policies list, also within aggregate ones."""
    found: frozenset[str] = frozenset()
    for name in names:
        policy: Mapping[str, Any] = policies.get(name) or {}
        if policy.get("type") == "client":
            found |= frozenset(names_in(policy, "clients"))
        elif policy.get("type") in ("aggregate", "scope", "resource") and name not in seen:
            found |= _clients_in(policies, names_in(policy, "applyPolicies"), (*seen, name))
    return found


def _types_in(policies: Mapping[str, Json], names: Sequence[str], seen: Collection[str] = ()) -> frozenset[str]:
    """The types of the policies, also of those within aggregate ones."""
    found = frozenset(str((policies.get(name) or {}).get("type")) for name in names)
    for name in names:
        if name not in seen and (policies.get(name) or {}).get("type") == "aggregate":
            found |= _types_in(policies, names_in(policies[name], "applyPolicies"), (*seen, name))
    return found


def permissions_beside(survey: Survey) -> dict[str, list[str]]:
    """By target, permissions with other names on its exchange; Keycloak evaluates all that cover the resource and the scope.

    Permissions on all clients count if a target has its own: without that, Keycloak evaluates none.
    """
    covering = _covering(survey.policies)
    found: dict[str, list[str]] = {}
    for name, client in survey.clients.items():
        of_all = covering.get(OF_ALL, ()) if name in survey.permissions else ()
        if beside := _but_its_own([*covering.get(resource_name(client.uuid), ()), *of_all], client.uuid):
            found[name] = beside
    return found


def permissions_on(policies: Mapping[str, Json], target_uuid: str) -> list[str]:
    """The same for one target that has its own. policies: of the realm's own resource server, as exported."""
    covering = _covering(policies)
    return _but_its_own([*covering.get(resource_name(target_uuid), ()), *covering.get(OF_ALL, ())], target_uuid)


def _covering(policies: Mapping[str, Json]) -> dict[str, list[str]]:
    """By resource, the permissions on it that count for an exchange; ``OF_ALL`` has those on every client.

    These are on the type of clients' resources, or on the scope alone.
    """
    found: dict[str, list[str]] = {}
    for name, each in sorted(policies.items()):
        is_scope = each["type"] == "scope" and TOKEN_EXCHANGE in names_in(each, "scopes")
        if not names_in(each, "applyPolicies") or not (is_scope or each["type"] == "resource"):
            continue  # Keycloak ignores one without policies
        resources, type_ = names_in(each, "resources"), (each.get("config") or {}).get("defaultResourceType")
        of_all = type_ == CLIENT_RESOURCE if type_ else is_scope and not resources
        for resource in {*resources, *([OF_ALL] if of_all else [])}:
            found.setdefault(resource, []).append(name)
    return found


def _but_its_own(covering: Sequence[str], uuid: str) -> list[str]:
    return [name for name in covering if name != permission_name(uuid)]
