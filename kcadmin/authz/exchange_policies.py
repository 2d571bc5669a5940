"""What a policy can decide about a legacy exchange: Keycloak judges the requester, never the user of the token.

The identity is the requesting client with its service account's roles and groups; its only attribute is ``scope``, the scopes of
the subject token. So some policies never match, and with logic NEGATIVE they permit everybody.
https://www.keycloak.org/securing-apps/token-exchange#_client-to-client-permission
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import ResourceServer, is_negative
from kcadmin.rest.errors import Refusal, sentence
from kcadmin.rest.texts import UUID, named, shown
from kcadmin.writes.votes import is_true

_GATE_USERS = "map the users' role to a client scope and use that in a ClientScopePolicy"
_REMEDIES = {
    "user": f"{_GATE_USERS}, or name the requester in a ClientPolicy",
    "regex": "aim it at 'scope', for clients use a ClientPolicy, for addresses a script or a proxy before Keycloak",
}


@dataclass(frozen=True)
class Judgement:
    """``faults``: why policies must not be attached. ``notes``: what people may misunderstand. A sentence each."""

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def cannot_match(policy: Mapping[str, Any]) -> str | None:
    """Why a policy matches no exchange, or None. ``policy``: Keycloak's representation with its ``config``."""
    config: Mapping[str, str] = policy.get("config") or {}
    if policy["type"] == "user":
        why = "is a user policy, but at an exchange Keycloak checks the requester, not the token's user"
    elif policy["type"] == "regex" and is_true(config.get("targetContextAttributes")):
        why = "is a regex policy on attributes of the request, none of which it finds at an exchange"
    elif policy["type"] == "regex" and config.get("targetClaim") != "scope":
        why = f"is a regex policy on {named(config.get('targetClaim'))}, but the only claim at an exchange is 'scope'"
    else:
        return None
    return f"{why}, so it {'lets everybody through' if is_negative(policy) else 'never matches'}"


def judges_the_requester(policy: Mapping[str, Any]) -> bool:
    """Whether a policy checks the service account of the requester, although people may mean the token's user."""
    return policy["type"] in ("role", "group")


def id_faults(policies: Collection[str]) -> Iterator[str]:
    """What is wrong with policies as given."""
    if not policies:
        yield "policies is empty; give the id of at least one policy"
    for policy in policies:
        if not UUID.fullmatch(policy):
            yield f"policies holds {shown(policy)}, which is not an id; give the id of a policy, such as policy.id"


def require_matching(realm: Realm, policies: Iterable[str]) -> tuple[str, ...]:
    """The notes of ``judge``. :raises Refusal: it finds faults."""
    judgement = judge_policies(realm.permissions_server(), realm.name, policies)
    if judgement.faults:
        raise Refusal(*judgement.faults)
    return judgement.notes


def judge_policies(server: ResourceServer, realm: str, policies: Iterable[str]) -> Judgement:
    """What policies would do on a token-exchange permission, also those within aggregate policies; one GET each."""
    faults: list[str] = []
    notes: list[str] = []
    seen: set[str] = set()

    def visit(policy_id: str, within: str) -> None:
        if policy_id in seen:
            return
        seen.add(policy_id)
        policy = server.policy_of_any_type(policy_id)
        if policy is None:
            if not within:
                remedy = "give the id of a policy on the resource server of the realm's own permissions"
                faults.append(sentence("policy", policy_id, realm, "does not exist", remedy))
            return
        name = str(policy["name"])
        kind, place = f"{policy['type']} policy", f" (in aggregate policy {named(within)})" if within else ""
        reason = cannot_match(policy)
        if reason:
            faults.append(sentence(kind, name, realm, f"{reason}{place}", _REMEDIES[policy["type"]]))
        elif judges_the_requester(policy):
            wrong = f"checks the requester's service account, not the token's user{place}"
            notes.append(sentence(kind, name, realm, wrong, f"for users {_GATE_USERS}"))
        elif policy["type"] == "aggregate":
            for member in server.policies_of(policy_id):
                visit(str(member["id"]), name)

    for each in policies:
        visit(each, "")
    return Judgement(tuple(faults), tuple(notes))
