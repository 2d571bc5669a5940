"""What an authorization policy means at a legacy exchange, in words.

https://www.keycloak.org/docs/latest/authorization_services/#_policy_overview
"""

from collections.abc import Collection, Mapping
from typing import Any

from kcadmin.authz.exchange_policies import cannot_match
from kcadmin.authz.policies import TIME_FIELDS
from kcadmin.objects.resource_server import is_negative, names_in
from kcadmin.rest.texts import harmless, named, quoted
from reach.existing_policies import EXPORTED

Json = Mapping[str, Any]
_JOINED = {"UNANIMOUS": "all of", "AFFIRMATIVE": "any of", "CONSENSUS": "most of"}


def meaning(policies: Mapping[str, Json], name: str, within: Collection[str] = ()) -> str:
    """The clients that a policy lets through: ``lets 'a' and 'b' through``."""
    policy = policies.get(name)
    if policy is None or name in within:
        return f"policy {named(name)} cannot be read"
    kind, negative = str(policy["type"]), is_negative(policy)
    if never := cannot_match(policy):
        return f"{named(name)} {never}"
    if kind == "aggregate":
        members = [meaning(policies, each, (*within, name)) for each in _texts(policy, "applyPolicies")]
        which = _JOINED.get(str(policy.get("decisionStrategy")), "some of")
        what = f"{'everything but ' if negative else ''}what {which} its policies let through ({'; '.join(members)})"
        return f"aggregate policy {named(name)} lets through {what}"
    if kind == "client" and not _texts(policy, "clients"):
        whom = "every client through, since those that it excepts" if negative else "nobody through, since its clients"
        return f"client policy {named(name)} {'(NEGATIVE) ' if negative else ''}lets {whom} were deleted"
    what = _matched(policy, kind)
    many = "every client but" if kind == "client" else "every client, but not"
    through = f"lets {many} {what} through" if negative else f"lets {what} through"
    return f"{kind} policy {named(name)} {'(NEGATIVE) ' if negative else ''}{through}"


def grants_nothing(policies: Mapping[str, Json], name: str) -> bool:
    """Whether a policy in its present form lets nobody through."""
    policy = policies.get(name)
    if policy is None or is_negative(policy):
        return False
    empty = policy["type"] == "client" and not _texts(policy, "clients")
    return empty or cannot_match(policy) is not None


def _matched(policy: Json, kind: str) -> str:
    config: Mapping[str, str] = policy.get("config") or {}
    if kind == "client":
        return quoted(_texts(policy, "clients"), "and")
    if kind == "role":
        return f"clients whose service account has the role {quoted(_texts(policy, 'roles'), 'or')}"
    if kind == "group":
        return f"clients whose service account is in the group {quoted(_texts(policy, 'groups'), 'or')}"
    if kind == "client-scope":
        return f"any client with a token of the scope {quoted(_texts(policy, 'clientScopes'), 'or')}"
    if kind == "time":
        when = [f"{TIME_FIELDS[ours]} {config[theirs]}" for ours, theirs in EXPORTED.items() if config.get(theirs)]
        return f"every client at {', '.join(when)}" if when else "every client at any time"
    if kind == "regex":
        return f"any client with a token whose scope matches '{harmless(str(config.get('pattern')))}'"
    return f"whom its {kind} says"


def _texts(policy: Json, key: str) -> list[str]:
    """A list in a policy, of names or of objects with a name, sorted, since an export has no order."""
    found: tuple[object, ...] = names_in(policy, key)
    return sorted(
        str(each.get("path") or each.get("id") or each) if isinstance(each, dict) else str(each) for each in found
    )
