"""Grants whose target is in some tokens only: questions about their clients, and the mappers that a run removes for them."""

from grants.spec import OPTIONAL_SCOPE, RECIPIENT, GrantSpec
from kcadmin.marks.ownership import stack_of
from reach.facts import Facts, Gate
from reach.gates import Opening, Openings


def is_gated(spec: GrantSpec) -> bool:
    """Whether only some tokens of the source may have the target. Then only a client scope may add it."""
    return bool(spec.required_roles) or spec.audience == OPTIONAL_SCOPE


def gate(spec: GrantSpec, client: str) -> Gate:
    """The question about a client that will get the grant's scope."""
    on_request = spec.audience == OPTIONAL_SCOPE
    goes, received = spec.restrict_full_scope and is_gated(spec), RECIPIENT in spec.flows
    return Gate(spec.realm, client, spec.target, goes, on_request, received)


def ways_of(spec: GrantSpec, client: str, facts: Facts) -> tuple[Opening, ...]:
    """What adds the grant's target to a client's tokens."""
    return facts.openings.get(gate(spec, client), Openings()).ways


def is_ours(way: Opening, spec: GrantSpec) -> bool:
    """Whether a mapper's mark has the grant's owner."""
    return way.mapper is not None and stack_of(way.owner or "") == spec.owner


def goes_away(way: Opening, spec: GrantSpec, client: str, facts: Facts) -> bool:
    """Whether a run removes a mapper: the one that the stack's grant had while it had no condition."""
    return is_ours(way, spec) and _is_held(way, spec, client, facts)


def goes_next(way: Opening, spec: GrantSpec, client: str, facts: Facts) -> bool:
    """Whether a run would remove it once it has the stack's present owner."""
    return stack_of(way.owner or "") in facts.own.owners and _is_held(way, spec, client, facts)


def going(spec: GrantSpec, client: str, facts: Facts) -> tuple[str, ...]:
    """The ids of the mappers of a client that a run takes away."""
    ways = ways_of(spec, client, facts)
    return tuple(sorted(str(way.mapper) for way in ways if goes_away(way, spec, client, facts)))


def _is_held(way: Opening, spec: GrantSpec, client: str, facts: Facts) -> bool:
    """Whether the stack's state contains a mapper. Of several with its number at most one is, and which is not known."""
    known = facts.clients.get((spec.realm, client))
    if way.mapper is None or way.adopted or known is None:
        return False
    alike = [each for each in ways_of(spec, client, facts) if each.mapper and each.number == way.number]
    return len(alike) == 1 and (spec.realm, known.uuid, spec.target, way.number) in facts.own.mappers
