"""What a realm's token-exchange permissions let through in the legacy exchange: for each client yes, no, or under conditions.

Keycloak judges the client that asks. What depends on a time, a script, the subject token's scopes or the roles of the client's
service account is not computed: it passes under a condition. https://www.keycloak.org/docs/latest/authorization_services/#_policy_overview
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kcadmin.exchange_policies import cannot_match
from kcadmin.ownership import unmarked
from kcadmin.permissions import TOKEN_EXCHANGE, permission_name
from kcadmin.survey import Json, Permission, Survey, names_in
from kcadmin.ways import PERMISSION, Way

AFFIRMATIVE, CONSENSUS = "AFFIRMATIVE", "CONSENSUS"
_CONDITIONS = {
    "role": "its service account has the roles of role policy '{}'",
    "group": "its service account is in a group of group policy '{}'",
    "time": "in the time of time policy '{}'",
    "client-scope": "the subject token has the scopes of client-scope policy '{}'",
    "regex": "the subject token's scopes match regex policy '{}'",
}


@dataclass(frozen=True)
class Answer:
    """yes: True, False, or None for under conditions. by: the policies that said so. when: the conditions."""

    yes: bool | None
    by: tuple[str, ...] = ()
    when: tuple[str, ...] = ()


def permitted(survey: Survey) -> dict[str, dict[str, tuple[Way, ...]]]:
    """By target and requester, the permission that lets it through; all are client ids. One in vain is left out."""
    if not survey.features.fine_grained_permissions:
        return {}
    beside = _beside(survey)
    found: dict[str, dict[str, tuple[Way, ...]]] = {}
    for target, permission in survey.permissions.items():
        named = _clients_in(survey.policies, permission.policies)
        other = _way(survey, permission, None, beside.get(target, ()))
        ways = dict.fromkeys(survey.clients, other) if other else {}
        for name in named & survey.clients.keys():
            way = _way(survey, permission, name, beside.get(target, ()))
            ways = {**ways, name: way} if way else {key: each for key, each in ways.items() if key != name}
        if ways:
            found[target] = {name: (way,) for name, way in ways.items()}
    return found


def answer(policies: Mapping[str, Json], name: str, client: str | None, within: Collection[str] = ()) -> Answer:
    """What a policy says of a client; None is any client that no policy names."""
    policy = policies.get(name)
    if policy is None or name in within:
        return Answer(None, (name,), (f"policy '{name}' grants, which cannot be read",))
    kind, negative = str(policy["type"]), policy.get("logic") == "NEGATIVE"
    if kind == "client":
        said = Answer(client in names_in(policy, "clients"), (name,))
    elif kind == "aggregate":
        members = [answer(policies, each, client, (*within, name)) for each in names_in(policy, "applyPolicies")]
        said = combined(str(policy.get("decisionStrategy")), members)
        said = Answer(said.yes, (name, *said.by), said.when)
    elif cannot_match(policy):
        said = Answer(False, (name,))
    else:
        phrase = _CONDITIONS.get(kind, f"{kind} policy '{{}}' grants").format(name)
        return Answer(None, (name,), (f"not: {phrase}" if negative else phrase,))
    if not negative:
        return said
    turned = None if said.yes is None else not said.yes
    return Answer(turned, said.by, tuple(f"not: {phrase}" for phrase in said.when))


def combined(strategy: str, answers: Sequence[Answer]) -> Answer:
    """What several policies say together; nothing grants where there are none."""
    yes = [each for each in answers if each.yes]
    maybe = [each for each in answers if each.yes is None]
    no = len(answers) - len(yes) - len(maybe)
    if strategy == AFFIRMATIVE:
        sure, never = bool(yes), not yes and not maybe
    elif strategy == CONSENSUS:
        sure, never = len(yes) > no + len(maybe), len(yes) + len(maybe) <= no
    else:
        sure, never = bool(answers) and len(yes) == len(answers), no > 0 or not answers
    by = tuple(dict.fromkeys(name for each in (yes if sure else yes + maybe) for name in each.by))
    when = tuple(dict.fromkeys(phrase for each in maybe for phrase in each.when))
    if strategy == AFFIRMATIVE and len(when) > 1:
        when = (" or ".join(when),)
    return Answer(True, by) if sure else Answer(False) if never else Answer(None, by, when)


def _way(survey: Survey, permission: Permission, client: str | None, beside: Sequence[str]) -> Way | None:
    said = combined(permission.strategy, [answer(survey.policies, each, client) for each in permission.policies])
    if said.yes is False:
        return None
    when = (
        *said.when,
        *(f"permission '{each}' grants too, which covers the same and is not judged" for each in beside),
    )
    owners = [unmarked(str((survey.policies.get(name) or {}).get("description") or ""))[1] for name in said.by]
    by = f"the token-exchange permission of '{permission.target}', {_policies(said.by)}"
    return Way(PERMISSION, by, next((owner for owner in owners if owner), None), when)


def _policies(names: Sequence[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"{'policy' if len(names) == 1 else 'policies'} {quoted}"


def _clients_in(policies: Mapping[str, Json], names: Sequence[str], seen: Collection[str] = ()) -> frozenset[str]:
    """Every client that the policies name, also within aggregate ones."""
    found: frozenset[str] = frozenset()
    for name in names:
        policy: Mapping[str, Any] = policies.get(name) or {}
        if policy.get("type") == "client":
            found |= frozenset(names_in(policy, "clients"))
        elif policy.get("type") == "aggregate" and name not in seen:
            found |= _clients_in(policies, names_in(policy, "applyPolicies"), (*seen, name))
    return found


def _beside(survey: Survey) -> dict[str, list[str]]:
    """By target, other permissions on its exchange: Keycloak evaluates all that cover a client's resource and the scope."""
    by_resource = {f"client.resource.{client.uuid}": name for name, client in survey.clients.items()}
    found: dict[str, list[str]] = {}
    for name, each in survey.policies.items():
        for resource in _covered(each):
            target = by_resource.get(resource)
            if target and target in survey.permissions and name != permission_name(survey.clients[target].uuid):
                found.setdefault(target, []).append(name)
    return found


def _covered(policy: Json) -> Iterator[str]:
    config: Mapping[str, str] = policy.get("config") or {}
    if policy["type"] == "resource" or (
        policy["type"] == "scope" and TOKEN_EXCHANGE in json.loads(config.get("scopes") or "[]")
    ):
        yield from names_in(policy, "resources")
