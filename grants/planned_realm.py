"""A realm as it will be once a program's grants are made: a survey with what they need added. Without any request."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grants.plan import GrantPlan, in_token_scope, list_of_scope, policy_name, scope_name
from grants.planned_guards import guards_of
from kcadmin.authz.exchange_permission import AFFIRMATIVE, UNANIMOUS, Overview
from kcadmin.guards.client_policies import POLICIES, PROFILES
from kcadmin.guards.entries import MARK_FORM, Guards, guard_parts, merged
from kcadmin.guards.marks import MARKED, mark_for, renewed
from kcadmin.marks.ownership import marked
from kcadmin.objects.audience_scopes import AudienceScope, with_audience
from kcadmin.objects.claims import claim_of
from kcadmin.objects.clients import FULL_SCOPE, Client
from kcadmin.objects.features import SWITCH
from kcadmin.objects.mappers import AudienceMapper
from kcadmin.objects.resource_server import names_in
from kcadmin.objects.setting_claims import FULL_SCOPE_CLAIM
from reach.audiences import names_by_itself
from reach.existing_policies import CLIENTS, CONDITIONS
from reach.held_mappers import held_scopes
from reach.roles import RoleFacts
from reach.survey import Json, Permission, Survey

ON = "true"


@dataclass(frozen=True)
class PlannedRealm:
    """What ``realm_reach`` takes."""

    survey: Survey
    roles: RoleFacts


def exists(
    grant: GrantPlan, clients: Mapping[str, Client], held: Overview | None, former: Collection[str] = ()
) -> bool:
    """Whether all that allows a grant's exchanges is in the realm.

    :param held: the legacy permissions, None if not read. former: other owners that the stack's state has.
    """
    owners = (grant.spec.owner, *former)
    return (
        all(names_by_itself(clients[client], audience) for client, audience in grant.mappers)
        and all(scope_name(grant.spec) in held_scopes(clients[client]) for client in grant.scope_clients)
        and (grant.scope is None or grant.scope.included_client == grant.spec.target)
        and all(clients[client].is_on(SWITCH) for client in grant.switches)
        and (
            not grant.policy_clients or (held is not None and any(_is_permitted(grant, held, each) for each in owners))
        )
    )


def regains_full_scope(grants: Sequence[GrantPlan], clients: Mapping[str, Client]) -> frozenset[str]:
    """The clients whose full scope the stack switched off, and no grant wants off any more."""
    owners = {name: grant.spec.shared_owner for grant in grants for name in grant.uuids if name in clients}
    held = {name for name, owner in owners.items() if claim_of(clients[name], owner, FULL_SCOPE_CLAIM)}
    return frozenset(held.difference(*(grant.full_scope_off for grant in grants)))


def holds_scope_of(grants: Iterable[GrantPlan], client: Client) -> bool:
    """Whether a client has the scope of a grant that does not name it. Then the scope changes its tokens, too."""
    return any(grant.scope_clients and scope_name(grant.spec) in held_scopes(client) for grant in grants)


def _is_permitted(grant: GrantPlan, held: Overview, owner: str) -> bool:
    if grant.standing:
        return True
    spec = replace(grant.spec, owner=owner)
    clients, attached = policy_name(spec, CLIENTS), policy_name(spec, _last_part(grant))
    _, names = held.permissions.get(grant.uuids[grant.spec.target], ("", ()))
    listed = names_in(held.policies.get(clients) or {}, "clients")
    return attached in names and set(grant.policy_clients) <= set(listed)


def _last_part(grant: GrantPlan) -> str:
    """The policy that the permission gets."""
    return CONDITIONS if grant.spec.required_roles or grant.spec.time_window else CLIENTS


def planned_realm(
    survey: Survey,
    roles: RoleFacts,
    grants: Sequence[GrantPlan],
    guards: Collection[str],
    composites: Collection[str] = (),
    *,
    guards_go: bool = False,
) -> PlannedRealm:
    """The realm with everything that these grants, and the stack's guards for them, add.

    :param grants: all of the program's in this realm. composites: of the required realm roles, those that bring others.
    :param guards_go: the stack had guards and makes none any more.
    """
    scopes, scope_roles, scope_clients = {**survey.scopes}, {**roles.scope_roles}, {**roles.scope_clients}
    for grant in grants:
        if grant.scope_clients:
            name = scope_name(grant.spec)
            required = grant.spec.required_roles
            scopes[name] = _scope(grant, survey.scopes.get(name) or {})
            scope_roles[name] = tuple(map(str, required))
            any_role = any(not role.client and role.role in composites for role in required)
            scope_clients[name] = None if any_role else frozenset(role.client for role in required if role.client)
    found = replace(survey, clients=_clients(survey, grants), scopes=scopes)
    if survey.features.legacy_exchange:
        found = _permitted(found, grants)
    if (guards or guards_go) and survey.client_policies is not None and survey.client_profiles is not None:
        found = _guarded(found, grants, guards)
    return PlannedRealm(found, replace(roles, scope_roles=scope_roles, scope_clients=scope_clients))


def _clients(survey: Survey, grants: Sequence[GrantPlan]) -> dict[str, Client]:
    values: dict[str, dict[str, Any]] = defaultdict(dict)
    mappers: dict[str, dict[str, Json]] = defaultdict(dict)
    going: dict[str, set[str]] = defaultdict(set)
    for grant in grants:
        for client, audience in grant.mappers:
            wanted = AudienceMapper(f"audience-{audience}", audience, None, True, False, True, grant.spec.owner)
            mappers[client][audience] = {"id": "", **wanted.described()}
        for client in grant.switches if grant.spec.manage_switch else ():
            values[client][SWITCH] = ON
        for client, ids in grant.takes_away.items():
            going[client] |= {*ids}
        for client in grant.full_scope_off:
            values[client][FULL_SCOPE] = False
        for client in grant.scope_clients:
            key, name = f"{list_of_scope(grant, client)}ClientScopes", scope_name(grant.spec)
            if client in survey.clients and name not in held_scopes(survey.clients[client]):
                values[client].setdefault(key, list(survey.clients[client].value(key) or ())).append(name)
    for client in regains_full_scope(grants, survey.clients):
        values[client][FULL_SCOPE] = True
    clients = {**survey.clients}
    for name in (values.keys() | mappers.keys() | going.keys()) & clients.keys():
        more = tuple(
            mapper for audience, mapper in mappers[name].items() if not names_by_itself(clients[name], audience)
        )
        changed = clients[name].with_values(values[name])
        left = (each for each in changed.mappers if each.get("id") not in going[name])
        clients[name] = replace(changed, mappers=(*left, *more))
    return clients


def _scope(grant: GrantPlan, there: Json) -> Json:
    """The client scope of a grant, with what an existing one of that name contains besides."""
    spec = grant.spec
    roles = tuple((role.client, role.role) for role in spec.required_roles)
    wanted = AudienceScope(scope_name(spec), "", spec.target, roles, in_token_scope(grant), owner=spec.grant_owner)
    return with_audience(there, wanted)


def _permitted(survey: Survey, grants: Sequence[GrantPlan]) -> Survey:
    policies, permissions = {**survey.policies}, {**survey.permissions}
    for grant in grants:
        target = grant.spec.target
        if not grant.policy_clients or grant.standing or target not in survey.clients:
            continue
        policies.update((str(each["name"]), each) for each in _policies(grant))
        known = permissions.get(target) or Permission(target, AFFIRMATIVE, ())
        attached = policy_name(grant.spec, _last_part(grant))
        permissions[target] = replace(
            known, strategy=AFFIRMATIVE, policies=tuple(dict.fromkeys((*known.policies, attached)))
        )
    return replace(survey, policies=policies, permissions=permissions)


def _policies(grant: GrantPlan) -> Iterator[Json]:
    """A grant's policies, without parts that decide nothing."""
    spec = grant.spec

    def policy(type_: str, part: str, **config: str) -> Json:
        text = {"description": marked("", spec.grant_owner), "logic": "POSITIVE", "config": config}
        return {"name": policy_name(spec, part), "type": type_, "decisionStrategy": UNANIMOUS, **text}

    yield policy("client", CLIENTS, clients=json.dumps(grant.policy_clients))
    members = [CLIENTS]
    for type_, part in (("client-scope", "roles"), ("time", "time 1")):
        if spec.required_roles if part == "roles" else spec.time_window:
            yield policy(type_, part)
            members.append(part)
    if len(members) > 1:
        applied = json.dumps([policy_name(spec, part) for part in members])
        yield policy("aggregate", CONDITIONS, applyPolicies=applied)


def _guarded(survey: Survey, grants: Sequence[GrantPlan], guards: Collection[str]) -> Survey:
    """With the guards as ``ExchangeGuards`` of the stack's owner makes them, and the marks that it gives."""
    declared, owner = Guards.read(guards_of(grants, guards)), grants[0].spec.owner
    bearing = {name: survey.clients[name] for name in declared.marked if name in survey.clients}
    marks = {name: mark_for(client, survey.client_policies or ()) for name, client in bearing.items()}
    old = {str(client.value(MARKED)): marks[name] for name, client in bearing.items() if client.value(MARKED)}
    computed = {mark: new for mark, new in old.items() if not MARK_FORM.fullmatch(mark)}
    mine = guard_parts(declared, marks)
    policies, profiles = (
        tuple(merged(kind, renewed(kind, entries or (), computed, keep=False), mine, owner, leaving={owner}))
        for kind, entries in ((POLICIES, survey.client_policies), (PROFILES, survey.client_profiles))
    )
    clients = {**survey.clients, **{name: each.with_values({MARKED: marks[name]}) for name, each in bearing.items()}}
    return replace(survey, clients=clients, client_policies=policies, client_profiles=profiles)
