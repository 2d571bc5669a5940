"""What one policy decides at a legacy exchange: Keycloak checks the requester, its service account, and the clock."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from exchange.doctor.finding import REFRESH, Finding, Question
from kcadmin.authz.exchange_policies import cannot_match
from kcadmin.authz.policies import TIME_DATES, TIME_FIELDS
from kcadmin.authz.time_windows import matches, time_faults
from kcadmin.marks.ownership import mark_of
from kcadmin.objects.resource_server import NEGATIVE, ResourceServer, is_negative
from kcadmin.rest.texts import named
from kcadmin.writes.votes import is_true
from reach.permissions import decided

ZONES = [
    timedelta(minutes=30 * half) for half in range(-24, 29)
]  # hours between all time zones: the server's is not known
Config = Mapping[str, str]


@dataclass(frozen=True)
class PolicyOutcome:
    """passes: whether the policy lets the requester through; None if that cannot be read. breaks: each exchange is a 500."""

    name: str
    passes: bool | None
    findings: tuple[Finding, ...] = ()
    breaks: bool = False


@dataclass(frozen=True)
class _Match:
    """Whether a policy's own condition holds, before its logic; why it does not, and what to do."""

    holds: bool | None
    cause: str = ""
    why: str = ""
    remedy: str = ""
    field: str = ""
    value: str = ""
    breaks: bool = False


def judged(q: Question, server: ResourceServer, policy_id: str) -> PolicyOutcome:
    """What one policy decides. For an aggregate each member is evaluated."""
    policy = server.policy_of_any_type(policy_id)
    if policy is None:
        return PolicyOutcome(policy_id, None)
    if policy["type"] == "aggregate":
        return _aggregate(q, server, policy)
    found = _match(q, policy)
    name = str(policy["name"])
    negative = is_negative(policy)
    passes = None if found.holds is None else found.holds != negative
    if found.breaks:
        return PolicyOutcome(name, False, (_told(q, policy, found),), breaks=True)
    if passes:
        return PolicyOutcome(name, passes)
    if passes is None:
        return PolicyOutcome(name, passes, (replace(_told(q, policy, found), sure=False),))
    if negative:
        wrong = f"has the logic {NEGATIVE} and matches {named(q.case.requester)}, so it refuses exactly that client"
        found = _Match(True, "policy-negative", wrong, "set its logic to POSITIVE", "logic", NEGATIVE)
    return PolicyOutcome(name, False, (_told(q, policy, found),))


def _told(q: Question, policy: Mapping[str, Any], found: _Match) -> Finding:
    ours = q.grant and mark_of(policy) is not None
    remedy = REFRESH if ours and found.cause not in ("policy-scope", "policy-time-closed") else found.remedy
    kind = f"{policy['type']} policy"
    return q.found(found.cause, kind, str(policy["name"]), found.why, remedy, field=found.field, value=found.value)


def _aggregate(q: Question, server: ResourceServer, policy: Mapping[str, Any]) -> PolicyOutcome:
    name = str(policy["name"])
    members = [judged(q, server, str(each["id"])) for each in server.policies_of(str(policy["id"]))]
    passes = decided(str(policy.get("decisionStrategy")), [each.passes for each in members])
    negative = is_negative(policy)
    if passes is not None and negative:
        passes = not passes
    broken = any(each.breaks for each in members)
    findings = tuple(each for member in members if not member.passes for each in member.findings)
    if passes is False and (negative or not members):
        wrong = f"has the logic {NEGATIVE} and its policies match" if negative else "holds no policy"
        field, value = ("logic", NEGATIVE) if negative else ("policies", "none")
        cause = "policy-negative" if negative else "policy-no-client"
        told = q.found(cause, "aggregate policy", name, wrong, q.mend("correct it"), field=field, value=value)
        findings = (told,)
    return PolicyOutcome(name, passes, () if passes else findings, broken)


def _match(q: Question, policy: Mapping[str, Any]) -> _Match:
    never = cannot_match(policy)
    if never:
        remedy = "take it out, and name the requester in a client policy"
        kind = str(policy["type"])
        return _Match(False, "policy-never-matches", never.split(", so it ")[0], remedy, "type", kind)
    if policy["type"] == "time":  # the fields have other names in ``config``
        return _time(q.reader.permissions_server().policy("time", str(policy["id"])) or {})
    judge = _JUDGES.get(str(policy["type"]))
    if judge:
        return judge(q, policy.get("config") or {})
    # A regex on the claim scope goes by Java's rules, and a script by its own.
    why = f"decides by rules of its own ({policy['type']}), which this command cannot evaluate"
    return _Match(None, "policy-script", why, "read it, or the server's log", "type", str(policy["type"]))


def _client(q: Question, config: Config) -> _Match:
    uuids = json.loads(config.get("clients") or "[]")
    if q.requester and q.requester.uuid in uuids:
        return _Match(True)
    if not uuids:
        why = "has no client left, so it lets nobody through"
        return _Match(False, "policy-no-client", why, f"add {named(q.case.requester)}", "clients", "none")
    known = [q.reader.client_of(str(each)) for each in uuids]
    names = ", ".join(client.client_id for client in known if client) or "none that exists"
    why = f"lets {names} through, and not {named(q.case.requester)}"
    return _Match(False, "policy-other-client", why, f"add {named(q.case.requester)} to it", "clients", names)


def _role(q: Question, config: Config) -> _Match:
    roles = json.loads(config.get("roles") or "[]")
    found = [q.reader.role(str(each["id"])) or {"name": str(each["id"])} for each in roles]
    names = ", ".join(str(each["name"]) for each in found)
    account = q.reader.service_account(q.requester) if q.requester else None
    if account and not is_true(
        config.get("fetchRoles")
    ):  # with it, Keycloak denies even a service account that has the role
        held: set[str] = set()
        for role in found:
            client = q.reader.client_of(str(role["containerId"])) if role.get("clientRole") else None
            held |= {*q.reader.roles_of(str(account["id"]), client.client_id if client else "")}
        demanded = [str(each["id"]) for each in roles if each.get("required") is True]
        if held.intersection(str(each["id"]) for each in roles) and held.issuperset(demanded):
            return _Match(True)
    return _service_account(q, "role", "has", names, account is not None)


def _group(q: Question, config: Config) -> _Match:
    groups = json.loads(config.get("groups") or "[]")
    account = q.reader.service_account(q.requester) if q.requester else None
    if account is None:
        why = f"is a group policy, and {named(q.case.requester)} has no service account, so each exchange ends in an error 500"
        remedy = f"use a client policy for {named(q.case.requester)}; for users set the grant's requiredRoles"
        return _Match(False, "policy-broken", why, remedy, "type", "group", breaks=True)
    held = q.reader.groups_of(str(account["id"]))
    if any(str(each["id"]) in held for each in groups):
        return _Match(True)
    names = ", ".join(str(each.get("path") or each["id"]) for each in groups)
    outside = _service_account(q, "group", "is in", names, True)
    below = held and any(each.get("extendChildren") for each in groups)
    return replace(outside, holds=None) if below else outside


def _service_account(q: Question, what: str, verb: str, names: str, there: bool) -> _Match:
    state = f"{verb} none of: {names}" if there else "does not exist"
    why = f"checks the service account of {named(q.case.requester)}, which {state}, and never the token's user"
    remedy = f"use a client policy for {named(q.case.requester)}; for users set the grant's requiredRoles"
    return _Match(False, "policy-service-account", why, remedy, f"{what}s", names)


def _scope(q: Question, config: Config) -> _Match:
    if not q.reader.cache.features.scope_policies:
        why = "is a client-scope policy, on which this version of Keycloak fails, so each exchange ends in an error 500"
        remedy = f"use Keycloak 26.0 or later, or use a client policy for {named(q.case.requester)}"
        return _Match(False, "policy-broken", why, remedy, "type", "client-scope", breaks=True)
    items = json.loads(config.get("clientScopes") or "[]")
    by_id = {str(each["id"]): str(each["name"]) for each in q.reader.scopes().values()}
    names = {by_id.get(str(each["id"]), str(each["id"])): each.get("required") is True for each in items}
    token = q.fresh_token(q.source, q.case.login_scope) if q.source else None
    words = ", ".join(names)
    remedy = (
        f"let {named(q.case.source)} hold that client scope, with 'Include in token scope' on, and the user a role of it; then "
        "fetch a new token"
    )
    wants = f"wants the scope {words} in the subject token"
    unknown = _Match(None, "policy-scope", wants, remedy, "clientScopes", words)
    if token is None:
        return unknown
    held = token.scope.split()
    if any(name in held for name in names) and all(name in held for name, needed in names.items() if needed):
        return _Match(True)
    _, meant = q.subject_user()
    if not meant and any(q.reader.scope_roles(uuid) for uuid, name in by_id.items() if name in names):
        return unknown  # it counts for holders of a role, and nobody has said for whom
    why = f"{wants}, and a fresh one of {named(q.case.source)} has: {token.scope}"
    return replace(unknown, holds=False, why=why)


def _time(policy: Mapping[str, Any]) -> _Match:
    fields = {ours: str(policy[theirs]) for ours, theirs in TIME_FIELDS.items() if policy.get(theirs)}
    shown = ", ".join(f"{TIME_FIELDS[key]} {value}" for key, value in fields.items())
    readable = all(value.isdecimal() for key, value in fields.items() if key not in TIME_DATES)
    faults = list(time_faults(fields)) if fields and readable else []
    if not readable or any("error 500" in fault for fault in faults):
        why = f"has a time that Keycloak cannot read ({shown}), so each exchange ends in an error 500"
        remedy = "write dates as YYYY-MM-DD HH:MM:SS, and the rest as numbers"
        return _Match(False, "policy-broken", why, remedy, "time", shown, breaks=True)
    now = datetime.fromtimestamp(time.time(), timezone.utc).replace(tzinfo=None)
    open_in = [matches(fields, now + zone) for zone in ZONES]
    if all(open_in) or (any(open_in) and matches(fields, datetime.now())):
        return _Match(True)
    clock = "" if not any(open_in) else " by this machine's clock; the server's own decides"
    why = f"lets nobody through now{clock} ({shown})" + "".join(f"; {fault.split(';')[0]}" for fault in faults)
    return _Match(False, "policy-time-closed", why, "change its times, or the grant's timeWindow", "time", shown)


_JUDGES: Mapping[str, Callable[[Question, Config], _Match]] = {
    "client": _client,
    "role": _role,
    "group": _group,
    "client-scope": _scope,
}
