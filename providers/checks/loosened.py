"""Which conditions of a program's grants have changed since the last run, by the stack's own state."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from grants.conditions import TimeWindow
from grants.plan import GrantPlan
from grants.planned_guards import guards_of
from kcadmin.authz.policies import TIME_FIELDS
from kcadmin.authz.time_windows import time_parts
from kcadmin.guards.entries import Guards
from kcadmin.guards.parts import MARK
from kcadmin.marks.packed import as_int
from kcadmin.objects.clients import Client
from kcadmin.rest.texts import named, quoted
from providers.base.own_state import OwnObject


def has_conditions(grants: Sequence[GrantPlan], guards: Collection[str], clients: Mapping[str, Client]) -> bool:
    """Whether a grant has or had conditions that may be loosened. clients: the grants' clients as they are in the realm."""
    return bool(guards) or any(
        [
            *(grant.spec.required_roles or grant.spec.time_window for grant in grants),
            *(client.attributes.get(MARK) for client in clients.values()),
        ]
    )


def asks_other_roles(grant: GrantPlan, state: Sequence[OwnObject]) -> bool:
    """Whether the client scope of a grant requires other roles than in the last run."""
    spec = grant.spec
    place = f"{spec.realm}/{spec.target}/{spec.name}/scope"
    scopes = (each.outputs for each in state if each.kind == "AudienceScope" and each.place == place)
    return any(_roles(said) != {(role.client, role.role) for role in spec.required_roles} for said in scopes)


def other_guards(realm: str, grants: Sequence[GrantPlan], guards: Collection[str], state: Sequence[OwnObject]) -> bool:
    """Whether the stack's guards for its grants have changed since the last run."""
    place = f"{realm}/exchange-guards"
    there = (each.outputs for each in state if each.kind == "ExchangeGuards" and each.place == place)
    return any(Guards.read(said) != Guards.read(guards_of(grants, guards)) for said in there)


def other_times(grants: Sequence[GrantPlan], state: Sequence[OwnObject]) -> Iterator[str]:
    """A sentence for each grant whose exchanges pass at other times than before."""
    for grant in grants:
        spec = grant.spec
        place = f"{spec.realm}/{spec.target}/{spec.name}-time-"
        held = [each.outputs for each in state if each.kind == "TimePolicy" and each.place.startswith(place)]
        window = spec.time_window
        if held and window and _said(held) != _planned(window):
            yield (
                f"loosened or tightened by grant {named(spec.name)} in realm {named(spec.realm)}: "
                f"{quoted(grant.policy_clients)} may "
                f"exchange for {named(spec.target)} at other times than before: {_times(window)}."
            )


def _roles(said: Mapping[str, Any]) -> set[tuple[str, str]]:
    of_clients = (said.get("client_roles") or {}).items()
    return {("", str(role)) for role in said.get("realm_roles") or ()} | {
        (str(client), str(role)) for client, roles in of_clients for role in roles
    }


def _said(held: Sequence[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    return {_fields(each, str(each.get("logic"))) for each in held}


def _planned(window: TimeWindow) -> set[tuple[Any, ...]]:
    parts = time_parts(window.start, window.end, **window.dates()).policies
    return {_fields(part.fields, part.logic) for part in parts}


def _fields(fields: Mapping[str, Any], logic: str) -> tuple[Any, ...]:
    """Numbers are floats in the state."""
    return (logic, *(str(as_int(fields.get(name))) for name in TIME_FIELDS))


def _times(window: TimeWindow) -> str:
    parts = {
        "from": window.start,
        "to": window.end,
        "not before": window.not_before,
        "not on or after": window.not_on_or_after,
    }
    return ", ".join(f"{word} {said}" for word, said in parts.items() if said)
