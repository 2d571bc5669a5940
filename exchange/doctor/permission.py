"""The legacy exchange's permission on ``realm-management``: it exists, has the expected name, and its policies grant."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from exchange.doctor.finding import Finding, Question
from exchange.doctor.policies import judged
from kcadmin.authz.exchange_permission import AFFIRMATIVE, DISABLED, UNANIMOUS
from kcadmin.objects.clients import Client
from kcadmin.objects.resource_server import TOKEN_EXCHANGE, ResourceServer, names_in, permission_name, resource_name
from kcadmin.rest.errors import NotFound
from kcadmin.rest.texts import named, quoted
from kcadmin.writes.partial_put import AUTHORIZATION_SERVICES
from reach.permissions import decided

ADMIN_TAB = "Clients → {0} → Permissions"


def asks_permission(q: Question) -> bool:
    """Whether it is the legacy exchange to another client, which a permission must allow."""
    return q.legacy and q.asks and q.target is not None and q.requester is not None


def permission(q: Question) -> Iterator[Finding]:
    """Checks the permission; if it is right, its policies."""
    target = q.target
    if target is None:
        return
    resource = q.reader.permission_resource(target)
    if resource is None:
        yield from guide_objects(q, target)
        wrong = "has its management permissions switched off, so no permission lets anybody exchange for it"
        by_hand = f"switch them on under {ADMIN_TAB.format(target.client_id)}, and put a policy on token-exchange"
        yield q.found(
            "permission-off",
            "client",
            target.client_id,
            wrong,
            q.declared(by_hand),
            field="management.enabled",
            value="false",
        )
        return
    server = q.reader.permissions_server()
    wanted = permission_name(target.uuid)
    found = server.policy_named(wanted)
    beside = _others(target, server, resource)
    if found is None:
        yield from _not_found(q, target, beside, wanted)
        return
    enforcement, strategy = q.reader.permissions_rules()
    if enforcement == DISABLED and server.policies_of(str(found["id"])):
        return  # then Keycloak evaluates none of them, and lets every client through
    yield from _lost_parts(q, target, server, found)
    if beside and strategy == AFFIRMATIVE:  # one that grants is enough
        yield from (replace(each, sure=False) for each in _policies(q, target, server, found))
        return
    yield from _beside(q, target, beside)
    yield from _policies(q, target, server, found)


def guide_objects(q: Question, target: Client) -> Iterator[Finding]:
    """Policies on the target's own resource server, which Keycloak never uses for an exchange."""
    if not target.is_on(AUTHORIZATION_SERVICES):
        return
    settings = q.reader.own_server(target) or {}
    for each in settings.get("policies") or ():
        if each.get("type") == "scope" and TOKEN_EXCHANGE in names_in(each, "scopes"):
            wrong = (
                f"is on the resource server of {named(target.client_id)} itself, which no exchange uses; the "
                "permission that counts is on realm-management"
            )
            by_hand = f"put the policy on token-exchange under {ADMIN_TAB.format(target.client_id)}"
            place = f"clients[{target.client_id}].authorizationSettings.policies"
            yield q.found(
                "guide-objects",
                "permission",
                str(each["name"]),
                wrong,
                q.declared(by_hand),
                field=place,
                value=str(each["name"]),
            )


def has_a_server_of_its_own(q: Question) -> bool:
    """Whether the target may hold the guide's objects although no permission is needed."""
    return not asks_permission(q) and q.target is not None and q.target.is_on(AUTHORIZATION_SERVICES)


def objects_for_nothing(q: Question) -> Iterator[Finding]:
    """The guide's objects at an exchange that needs no permission: they neither help nor harm."""
    for each in guide_objects(q, q.target) if q.target else ():
        remedy = "leave it or delete it: this exchange asks for the audience of tokens" + (
            ", and for the switch of the requester" if q.standard else ""
        )
        yield replace(each, remedy=remedy, sure=False)


def _not_found(q: Question, target: Client, beside: list[str], wanted: str) -> Iterator[Finding]:
    for name in beside:
        wrong = f"is the token-exchange permission of {named(target.client_id)}, but Keycloak expects the name {named(wanted)}"
        remedy = "give it that name back under Clients → realm-management → Authorization → Permissions"
        yield q.found("permission-renamed", "permission", name, wrong, remedy, field="name", value=name)
    if beside:
        return
    yield from guide_objects(q, target)
    wrong = f"does not exist, since it was deleted with its last policy, so nobody may exchange for {named(target.client_id)}"
    by_hand = f"switch {ADMIN_TAB.format(target.client_id)} off and on, and put a policy on token-exchange"
    yield q.found(
        "permission-gone", "permission", wanted, wrong, q.declared(by_hand),
        field="scopePermissions.token-exchange", value="not there",
    )  # fmt: skip


def _lost_parts(q: Question, target: Client, server: ResourceServer, found: Mapping[str, Any]) -> Iterator[Finding]:
    name, permission_id = str(found["name"]), str(found["id"])
    scopes = [str(each["name"]) for each in server.scopes_of(permission_id)]
    resources = [str(each["name"]) for each in server.resources_of(permission_id)]
    resource = resource_name(target.uuid)
    for what, have, needed in (("scope", scopes, TOKEN_EXCHANGE), ("resource", resources, resource)):
        if needed not in have:
            wrong = f"has lost its {what} {named(needed)}, so it counts for no exchange"
            remedy = f"give it the {what} back under Clients → realm-management → Authorization → Permissions"
            value = ", ".join(have) or "none"
            yield q.found("permission-without-scope", "permission", name, wrong, remedy, field=f"{what}s", value=value)


def _others(target: Client, server: ResourceServer, resource: Mapping[str, Any]) -> list[str]:
    """Other permissions on the target's resource and the scope token-exchange."""
    found = server.permissions_of(str(resource["_id"]))
    known = f".permission.client.{target.uuid}"
    unexpected = [each for each in found if not str(each["name"]).endswith(known)]
    return [str(each["name"]) for each in unexpected if _about_exchange(server, str(each["id"]))]


def _beside(q: Question, target: Client, beside: list[str]) -> Iterator[Finding]:
    """Keycloak evaluates all permissions on the resource and scope; one that denies is enough."""
    for name in beside:
        wrong = (
            f"has the same resource and scope as the token-exchange permission of {named(target.client_id)}; Keycloak "
            "evaluates both, and both must grant"
        )
        remedy = "delete it, or put its policies on that permission"
        yield q.found(
            "permission-beside-another", "permission", name, wrong, remedy, field="scopes", value=TOKEN_EXCHANGE
        )


def _about_exchange(server: ResourceServer, permission_id: str) -> bool:
    try:
        return any(each["name"] == TOKEN_EXCHANGE for each in server.scopes_of(permission_id))
    except NotFound:
        return False


def _policies(q: Question, target: Client, server: ResourceServer, found: Mapping[str, Any]) -> Iterator[Finding]:
    name, strategy = str(found["name"]), str(found.get("decisionStrategy") or UNANIMOUS)
    outcomes = [judged(q, server, str(each["id"])) for each in server.policies_of(str(found["id"]))]
    if not outcomes:
        yield from guide_objects(q, target)
        wrong = f"holds no policy, so nobody may exchange for {named(target.client_id)}"
        by_hand = f"put a client policy for {named(q.case.requester)} on it"
        yield q.found(
            "permission-empty", "permission", name, wrong, q.declared(by_hand), field="policies", value="none"
        )
        return
    broken = [each for each in outcomes if each.breaks]
    if broken:
        for each in broken:
            yield from each.findings
        return
    decision = decided(strategy, [each.passes for each in outcomes])
    if decision is None:
        yield from (told for each in outcomes if each.passes is None for told in each.findings)
    if decision is not False:
        return
    passed = [each.name for each in outcomes if each.passes]
    denied = [each for each in outcomes if each.passes is False]
    if passed and strategy != AFFIRMATIVE:
        others = ", ".join(each.name for each in denied)
        wrong = f"is {strategy}: {quoted(passed)} lets {named(q.case.requester)} through, and {named(others)} denies it"
        remedy = f"set its decision strategy to {AFFIRMATIVE} if each policy alone may allow the exchange, or take that one out"
        yield q.found(
            "permission-unanimous", "permission", name, wrong, remedy, field="decisionStrategy", value=strategy
        )
    for each in denied:
        yield from each.findings
