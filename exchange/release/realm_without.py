"""A realm as it will be when an owner's things are removed, computed from what was read. Makes no request."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from exchange.release.giving_back import MAPPERS
from kcadmin.authz.policies import ClientPolicy, ScriptPolicy
from kcadmin.authz.policy_stores import STORES
from kcadmin.authz.scopes_and_permissions import ScopePermission
from kcadmin.guards.client_policies import POLICIES, PROFILES, Entry
from kcadmin.guards.entries import merged
from kcadmin.guards.marks import KIND as GUARD_MARK
from kcadmin.guards.marks import MARKED
from kcadmin.objects.audience_scopes import AudienceScope, given_back, read_scope
from kcadmin.objects.claims import Kind, adopted_note, claims, may_be_true
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.clients import Client
from kcadmin.objects.features import SWITCH_CLAIM
from kcadmin.objects.realm import management_client_id
from kcadmin.objects.setting_claims import FULL_SCOPE_CLAIM
from reach.leftovers import Leftover, LeftoverKind
from reach.survey import Survey

LISTS = tuple(f"{kind}ClientScopes" for kind in (DEFAULT, OPTIONAL))


def without(found: Survey, left: Sequence[Leftover]) -> Survey:
    """The realm as it will be without these objects. An object that others also claim stays."""
    kept = _scopes_given_back(found, left)
    scopes = {each.name for each in left if each.what == LeftoverKind.SCOPE} - {*kept}
    adopted = policies_given_back(found, left)
    policies = {each.name for each in _own_policies(found, left)} - {*adopted}
    owners = {each.owner for each in left if each.what == LeftoverKind.GUARD}
    clients = {
        name: _client(client, [each for each in left if each.client == name], scopes)
        for name, client in found.clients.items()
    }
    return replace(
        found,
        clients=clients,
        scopes={name: kept.get(name, scope) for name, scope in found.scopes.items() if name not in scopes},
        policies={name: adopted.get(name) or policy for name, policy in found.policies.items() if name not in policies},
        permissions={
            target: replace(each, policies=tuple(name for name in each.policies if name not in policies))
            for target, each in found.permissions.items()
        },
        client_policies=_entries(POLICIES, found.client_policies, owners),
        client_profiles=_entries(PROFILES, found.client_profiles, owners),
    )


def policies_given_back(found: Survey, left: Sequence[Leftover]) -> dict[str, Mapping[str, Any] | None]:
    """The realm's adopted policies as they will be then, by name; None if only Keycloak can tell what a note means."""
    given: dict[str, Mapping[str, Any] | None] = {}
    for each in _own_policies(found, left):
        policy, kind = found.policies.get(each.name), _kind(each)
        note = adopted_note(found.clients.get(each.client), each.owner, each.id, each.name, kind)
        if policy and note:
            given[each.name] = _client_policy(found, policy, note.was) if kind is ClientPolicy else None
    return given


def _kind(left: Leftover) -> type:
    """The dataclass that describes a policy or permission."""
    if left.what == LeftoverKind.PERMISSION:
        return ScopePermission
    return STORES[left.type].POLICY if left.type in STORES else ScriptPolicy


def _own_policies(found: Survey, left: Sequence[Leftover]) -> list[Leftover]:
    server = management_client_id(found.realm)  # a survey knows the policies of this one only
    return [
        each for each in left if each.what in (LeftoverKind.PERMISSION, LeftoverKind.POLICY) and each.client == server
    ]


def _client_policy(found: Survey, policy: Mapping[str, Any], was: Mapping[str, Any]) -> Mapping[str, Any]:
    names = {client.uuid: name for name, client in found.clients.items()}
    clients = json.dumps([names[uuid] for uuid in was["clients"] if uuid in names])
    return {**policy, "logic": was["logic"], "config": {**(policy.get("config") or {}), "clients": clients}}


def _entries(kind: str, now: tuple[Entry, ...] | None, owners: set[str]) -> tuple[Entry, ...] | None:
    then = now
    for owner in owners if then is not None else ():
        then = tuple(merged(kind, then or (), {}, owner, leaving={owner}))
    return then


def _client(client: Client, mine: Sequence[Leftover], scopes: set[str]) -> Client:
    mappers = {each.id: each for each in mine if each.what in MAPPERS}
    unassigned = scopes | {each.name for each in mine if each.what == LeftoverKind.ASSIGNMENT}
    values: dict[str, Any] = {}
    for what, kind in ((LeftoverKind.SWITCH, SWITCH_CLAIM), (LeftoverKind.FULL_SCOPE, FULL_SCOPE_CLAIM)):
        values |= _given_back(client, kind, {each.owner for each in mine if each.what == what})
    values |= _given_back(
        client, GUARD_MARK, {each.owner for each in mine if each.what == LeftoverKind.GUARD_MARK}, {MARKED: None}
    )
    lists = {
        key: [name for name in client.value(key) or () if name not in unassigned] for key in LISTS if client.value(key)
    }
    kept = (_mapper(client, each, mappers.get(str(each.get("id")))) for each in client.mappers)
    return replace(client.with_values({**values, **lists}), mappers=tuple(each for each in kept if each))


def _mapper(client: Client, raw: Mapping[str, Any], left: Leftover | None) -> Mapping[str, Any] | None:
    """A mapper as it will be then: an adopted one is restored, unless its note cannot be true."""
    if left is None:
        return raw
    now = MAPPERS[left.what].READ(raw)
    note = adopted_note(client, left.owner, str(now.id), now.name, type(now))
    if note is None:
        return None
    if not may_be_true(now, note.was):
        return raw
    back = replace(now, owner=None, **{"stored": (), **note.was})
    return {**raw, "name": back.name, "config": dict(back.stored) or back.config()}


def _scopes_given_back(found: Survey, left: Sequence[Leftover]) -> dict[str, Mapping[str, Any]]:
    """The adopted client scopes as they will be then, by name."""
    given: dict[str, Mapping[str, Any]] = {}
    for each in left:
        scope = found.scopes.get(each.name) if each.what == LeftoverKind.SCOPE else None
        now = read_scope(scope, ()) if scope else None
        holder = found.clients.get(now.included_client or "") if now else None
        note = adopted_note(holder, each.owner, each.id, each.name, AudienceScope)
        if scope and now and note:
            back = replace(now, owner=None, **{"stored": (), **note.was})
            may = may_be_true(replace(now, roles=back.roles), note.was)
            given[each.name] = given_back(scope, back) if may else scope
    return given


def _given_back(client: Client, kind: Kind, owners: set[str], off: Mapping[str, Any] | None = None) -> dict[str, Any]:
    held = claims(client, kind)
    if not owners or any(claim.owner not in owners for claim in held):
        return {}
    return dict(off or {}) or {key: value for claim in held for key, value in claim.was.items() if key in claim.set}
