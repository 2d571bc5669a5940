"""Grants whose target stands in some tokens only: what is asked about their clients, and what a run takes out of the way."""

from dataclasses import replace

from components.grant_spec import OPTIONAL_SCOPE, GrantSpec
from kcadmin.gates import Opening
from providers.facts import Facts, Gate


def is_gated(spec: GrantSpec) -> bool:
    """Whether the target may stand in some tokens of the source only: then a scope carries it, and nothing else may."""
    return bool(spec.required_roles) or spec.audience == OPTIONAL_SCOPE


def gate(spec: GrantSpec, client: str) -> Gate:
    """What is asked about a client that is to hold the grant's scope."""
    on_request = spec.audience == OPTIONAL_SCOPE
    return Gate(spec.realm, client, spec.target, spec.restrict_full_scope and is_gated(spec), on_request)


def goes_away(way: Opening, spec: GrantSpec) -> bool:
    """Whether a run takes a mapper away: the one that the same stack's grant had while it had no condition."""
    ours = (way.owner or "").split("#")[0] == spec.owner
    return way.mapper is not None and ours and not way.adopted


def goes_next(way: Opening, spec: GrantSpec, facts: Facts) -> bool:
    """Whether a run would take it away once it has the owner that the stack has now."""
    former = (way.owner or "").split("#")[0]
    return former in facts.own.owners and goes_away(replace(way, owner=spec.owner), spec)


def going(spec: GrantSpec, client: str, facts: Facts) -> tuple[str, ...]:
    """The ids of the mappers of a client that a run takes away."""
    there = facts.openings.get(gate(spec, client))
    return tuple(sorted(str(way.mapper) for way in there.ways if goes_away(way, spec))) if there else ()
