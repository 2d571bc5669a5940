"""Policies on a token-exchange permission that allow the same as a grant's own would, whoever made them and whatever their names.

Such a policy is used, as it is, instead of the grant's own. A client policy decides who may exchange. An aggregate policy
of a client policy and a time policy, both of which must match, also decides when. Everything is read from a resource
server's export, by
names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kcadmin.authz.policies import TIME_DATES, TIME_FIELDS
from kcadmin.authz.time_windows import time_parts, window_faults
from kcadmin.marks.ownership import DESCRIPTION_LIMIT, MARK_LENGTH, unmarked
from kcadmin.objects.resource_server import names_in

POSITIVE = "POSITIVE"
CLIENTS, TIME, CONDITIONS = "", "time 1", "conditions"
EXPORTED = {**TIME_FIELDS, "not_before": "nbf", "not_on_or_after": "noa"}
"""Our name of a time policy's field → the name under which an export's ``config`` holds it."""
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Window:
    """A time window as a grant's ``timeWindow`` says it: ``HH:MM``, and dates as Keycloak takes them."""

    start: str | None = None
    end: str | None = None
    not_before: str | None = None
    not_on_or_after: str | None = None


@dataclass(frozen=True)
class ExistingPolicy:
    """What a policy on a permission lets through: clients by their ids, always or in a window.

    parts: the names of its policies, by their role in a grant.
    """

    name: str
    clients: frozenset[str]
    window: Window | None
    parts: Mapping[str, str]


def existing_policy(policies: Mapping[str, Json], name: str) -> ExistingPolicy | None:
    """What the policy of that name allows, in a grant's words; None if no grant can declare it, or a stack made it."""
    policy = policies.get(name)
    if policy is None or not _is_plain(policy):
        return None
    if policy["type"] == "client":
        clients = frozenset(names_in(policy, "clients"))
        return ExistingPolicy(name, clients, None, {CLIENTS: name}) if clients else None
    members = names_in(policy, "applyPolicies")
    by_type = {str((policies.get(each) or {}).get("type")): each for each in members}
    is_pair = policy["type"] == "aggregate" and len(members) == 2 and set(by_type) == {"client", "time"}
    if not is_pair or policy.get("decisionStrategy") != "UNANIMOUS":
        return None
    said, times = existing_policy(policies, by_type["client"]), policies[by_type["time"]]
    window = window_of(times) if _is_plain(times) else None
    if said is None or window is None:
        return None
    return ExistingPolicy(name, said.clients, window, {CLIENTS: said.name, TIME: by_type["time"], CONDITIONS: name})


def existing_policy_for(
    policies: Mapping[str, Json], names: Sequence[str], clients: frozenset[str], window: Window | None
) -> ExistingPolicy | None:
    """The first of the named policies that lets exactly these clients through, in exactly that window."""
    found = (existing_policy(policies, name) for name in sorted(names))
    return next((each for each in found if each and each.clients == clients and each.window == window), None)


def window_of(policy: Json) -> Window | None:
    """A time policy as a window that would make exactly this policy; None if there is none."""
    config: Mapping[str, str] = policy.get("config") or {}
    given = {ours: config[theirs] for ours, theirs in EXPORTED.items() if config.get(theirs)}
    try:
        fields = {key: value if key in TIME_DATES else int(value) for key, value in given.items()}
    except ValueError:
        return None
    for window in _windows(fields):
        dates = {"not_before": window.not_before, "not_on_or_after": window.not_on_or_after}
        if not list(window_faults(window.start, window.end, **dates)):
            parts = time_parts(window.start, window.end, **dates).policies
            if len(parts) == 1 and parts[0].logic == POSITIVE and dict(parts[0].fields) == fields:
                return window
    return None


def description_of(policies: Mapping[str, Json], name: str) -> str:
    """A policy's description."""
    return str((policies.get(name) or {}).get("description") or "")


def _windows(fields: Mapping[str, Any]) -> Iterator[Window]:
    dates = {key: fields.get(key) for key in TIME_DATES}
    hour, hour_end = fields.get("hour"), fields.get("hour_end")
    if hour is None or hour_end is None:
        yield Window(**dates)
        return
    minute, minute_end = fields.get("minute", 0), fields.get("minute_end", 59)
    end = hour_end * 60 + minute_end + 1
    yield Window(f"{hour:02}:{minute:02}", f"{end // 60 % 24:02}:{end % 60:02}", **dates)


def _is_plain(policy: Json) -> bool:
    """Whether it has no mark, and a name short enough for a resource."""
    text = str(policy.get("description") or "")
    return (
        policy.get("logic", POSITIVE) == POSITIVE
        and unmarked(text)[1] is None
        and len(text) <= DESCRIPTION_LIMIT - MARK_LENGTH
    )
