"""A realm as it is once an owner's things are taken away: what was read, without them. Without any request."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kcadmin.claims import Kind, claims
from kcadmin.client_policies import POLICIES, PROFILES, Entry
from kcadmin.client_scopes import DEFAULT, OPTIONAL
from kcadmin.clients import Client
from kcadmin.features import SWITCH_CLAIM
from kcadmin.guard_marks import KIND as GUARD_MARK
from kcadmin.guard_marks import MARKED
from kcadmin.guards import merged
from kcadmin.leftovers import Leftover, What
from kcadmin.setting_claims import FULL_SCOPE_CLAIM
from kcadmin.survey import Survey

LISTS = tuple(f"{kind}ClientScopes" for kind in (DEFAULT, OPTIONAL))


def without(found: Survey, left: Sequence[Leftover]) -> Survey:
    """The realm without these things. What others claim, too, stays as it is."""
    scopes = {each.name for each in left if each.what == What.SCOPE}
    policies = {each.name for each in left if each.what in (What.PERMISSION, What.POLICY)}
    owners = {each.owner for each in left if each.what == What.GUARD}
    clients = {
        name: _client(client, [each for each in left if each.client == name], scopes)
        for name, client in found.clients.items()
    }
    return replace(
        found,
        clients=clients,
        scopes={name: scope for name, scope in found.scopes.items() if name not in scopes},
        policies={name: policy for name, policy in found.policies.items() if name not in policies},
        permissions={
            target: replace(each, policies=tuple(name for name in each.policies if name not in policies))
            for target, each in found.permissions.items()
        },
        client_policies=_entries(POLICIES, found.client_policies, owners),
        client_profiles=_entries(PROFILES, found.client_profiles, owners),
    )


def _entries(kind: str, now: tuple[Entry, ...] | None, owners: set[str]) -> tuple[Entry, ...] | None:
    then = now
    for owner in owners if then is not None else ():
        then = tuple(merged(kind, then or (), {}, owner, leaving={owner}))
    return then


def _client(client: Client, mine: Sequence[Leftover], scopes: set[str]) -> Client:
    mappers = {each.id for each in mine if each.what == What.MAPPER}
    unassigned = scopes | {each.name for each in mine if each.what == What.ASSIGNMENT}
    values: dict[str, Any] = {}
    for what, kind in ((What.SWITCH, SWITCH_CLAIM), (What.FULL_SCOPE, FULL_SCOPE_CLAIM)):
        values |= _given_back(client, kind, {each.owner for each in mine if each.what == what})
    values |= _given_back(
        client, GUARD_MARK, {each.owner for each in mine if each.what == What.GUARD_MARK}, {MARKED: None}
    )
    lists = {
        key: [name for name in client.value(key) or () if name not in unassigned] for key in LISTS if client.value(key)
    }
    kept = tuple(each for each in client.mappers if str(each.get("id")) not in mappers)
    return replace(client.with_values({**values, **lists}), mappers=kept)


def _given_back(client: Client, kind: Kind, owners: set[str], off: Mapping[str, Any] | None = None) -> dict[str, Any]:
    held = claims(client, kind)
    if not owners or any(claim.owner not in owners for claim in held):
        return {}
    return dict(off or {}) or {key: value for claim in held for key, value in claim.was.items() if key in claim.set}
