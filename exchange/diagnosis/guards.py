"""The realm's client policies, which Keycloak evaluates at every exchange: guards of stacks, and what others wrote."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from exchange.diagnosis.finding import Finding, Question
from kcadmin.audiences import added
from kcadmin.client_policies import Entry
from kcadmin.clients import Client
from kcadmin.guard_marks import MARKED, is_borrowed, is_own
from kcadmin.guard_parts import PREFIX, REQUESTERS
from kcadmin.guards import CLAIM_ENFORCER, CLIENT_ATTRIBUTES, DOWNSCOPE, GRANT_TYPE, NOTHING
from kcadmin.texts import quoted
from kcadmin.tokens import EXCHANGE_GRANT

REJECT, ROLES, ANY, ACCESS_TYPE = "reject-request", "client-roles", "any-client", "client-access-type"
WHERE = "Realm settings → Client policies"
Config = Mapping[str, Any]


def client_policies(q: Question) -> Iterator[Finding]:
    """Each client policy that holds for the requester, and what its executors do to this exchange."""
    client = q.requester
    if client is None:
        return
    yield from _mark(q, client)
    for policy in q.look.client_policies():
        if not policy.get("enabled"):
            continue
        holds = _holds(q, client, policy)
        if holds is False:
            continue
        profiles = q.look.client_profiles()
        for name in policy.get("profiles") or ():
            for executor in profiles.get(str(name), {}).get("executors") or ():
                yield from _does(q, client, policy, executor, sure=holds is True)


def _mark(q: Question, client: Client) -> Iterator[Finding]:
    """A mark that guards of this project ask for, and that is not the client's own or can be computed."""
    mark, management = client.value(MARKED), q.look.realm.management_uuid()
    if mark is None or is_own(mark, client.uuid):
        return
    if is_borrowed(client, management):
        cause, wrong = (
            "guard-mark-borrowed",
            "bears a mark that was made for another client, so guards take it for that one",
        )
    else:
        cause, wrong = "guard-mark-computed", "bears a mark of an earlier version, which who knows its UUID can compute"
    remedy = "run `pulumi up --refresh` of the stack that has the guards"
    yield q.found(cause, "client", client.client_id, wrong, remedy, field=MARKED, sure=False)


def _holds(q: Question, client: Client, policy: Entry) -> bool | None:
    """Conditions are joined by AND; None where one cannot be judged."""
    held = [_condition(q, client, each) for each in policy.get("conditions") or ()]
    if not held or False in held:
        return False
    return None if None in held else True


def _condition(q: Question, client: Client, condition: Mapping[str, Any]) -> bool | None:
    config: Config = condition.get("configuration") or {}
    found = _matches(q, client, str(condition.get("condition")), config)
    return None if found is None else found != (config.get("is-negative-logic") in (True, "true"))


def _matches(q: Question, client: Client, kind: str, config: Config) -> bool | None:
    if kind == ANY:
        return True
    if kind == GRANT_TYPE:
        return EXCHANGE_GRANT in (config.get("grant_types") or ())
    if kind == CLIENT_ATTRIBUTES:
        wanted = json.loads(str(config.get("attributes") or "[]"))
        return all(client.attributes.get(str(each["key"])) == each["value"] for each in wanted)
    if kind == ROLES:
        return any(q.look.realm.clients.has_role(client.uuid, str(role)) for role in config.get("roles") or ())
    if kind == ACCESS_TYPE:
        now = (
            "public"
            if client.is_on("publicClient")
            else "bearer-only"
            if client.is_on("bearerOnly")
            else "confidential"
        )
        return now in (config.get("type") or ())
    return None


def _does(q: Question, client: Client, policy: Entry, executor: Mapping[str, Any], *, sure: bool) -> Iterator[Finding]:
    kind, config = str(executor.get("executor")), executor.get("configuration") or {}
    name = str(policy["name"])
    if kind == REJECT:
        wrong = f"rejects each exchange of '{client.client_id}'"
        remedy = f"take '{client.client_id}' out of its conditions under {WHERE}, or disable it"
        yield _found(q, "guard-rejects", name, wrong, remedy, kind, "on", sure=sure)
    elif kind == CLAIM_ENFORCER:
        yield from _enforces(q, client, name, config, sure=sure)
    elif kind == DOWNSCOPE:
        yield from _drops(q, client, name, sure=sure)


def _enforces(q: Question, client: Client, name: str, config: Config, *, sure: bool) -> Iterator[Finding]:
    claim, allowed = str(config.get("claim-name") or ""), str(config.get("allowed-value") or "")
    if claim == f"{PREFIX}{REQUESTERS}" and allowed == NOTHING:
        wrong = f"lets only declared requesters exchange, and '{client.client_id}' is none"
        remedy = q.declared("take it into requesters of the ExchangeGuards of the realm")
        yield _found(q, "guard-requester", name, wrong, remedy, claim, allowed, sure=sure)
    elif claim == "azp":
        if not _fits(allowed, q.case.source):
            wrong = f"lets '{client.client_id}' exchange tokens of '{allowed}' only, and not of '{q.case.source}'"
            remedy = q.declared(f"take '{q.case.source}' into it under {WHERE}")
            yield _found(q, "guard-source", name, wrong, remedy, claim, allowed, sure=sure)
    else:
        wrong = f"lets '{client.client_id}' exchange only tokens whose claim '{claim}' is like '{allowed}'"
        remedy = f"look at that claim of the subject token; change user_claims of the ExchangeGuards, or the policy under {WHERE}"
        said = _claim_of_user(q, claim)
        if said is None or not _fits(allowed, said):
            more = "" if said is None else f", and for the user it is '{said}'"
            yield _found(q, "guard-user", name, wrong + more, remedy, claim, allowed, sure=sure and said is not None)


def _claim_of_user(q: Question, claim: str) -> str | None:
    """What is known of the claim: the username's and the address's, where the user is known."""
    user = q.look.user(q.as_user) if q.as_user else None
    known = {"preferred_username": "username", "email": "email"}
    return str(user.get(known[claim]) or "") if user and claim in known else None


def _drops(q: Question, client: Client, name: str, *, sure: bool) -> Iterator[Finding]:
    """The executor leaves the mappers of the client itself out; those of client scopes stay."""
    if not q.standard or not (q.asks or q.case.audience):
        return
    found = added(client, {str(scope["name"]): scope for scope in q.look.scopes()})
    naming = [str(each.mapper["name"]) for each in found if not each.scopes and each.audience == q.case.target]
    if naming and not any(each.scopes and not each.on_request and each.may_add(q.case.target) for each in found):
        wrong = (
            f"leaves out the mappers of '{client.client_id}' itself, and only {quoted(naming)} there names "
            f"'{q.case.target}'"
        )
        remedy = "put the audience mapper into a default client scope, or take noWiderScopes out of the guards"
        yield _found(q, "guard-scopes", name, wrong, remedy, DOWNSCOPE, "on", sure=sure)


def _fits(pattern: str, value: str) -> bool:
    """Whether a value matches; a pattern that Python cannot read is taken to match, since nothing is known."""
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True


def _found(
    q: Question, cause: str, name: str, wrong: str, remedy: str, field: str, value: str, *, sure: bool
) -> Finding:
    return q.found(cause, "client policy", name, wrong, remedy, field=field, value=value, sure=sure)
