"""What a stack's grants allow by themselves: what they declare, and what they allow together without declaring it.

It is computed only from the stack's outputs. So whatever else the server allows comes from others.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from kcadmin.guards.entries import sources_by_requester
from kcadmin.objects.features import LEGACY
from reach.exchanges import Exchange, Reach
from reach.verdict import RECIPIENT, Case

GUARD_REQUESTERS, GUARD_SOURCES = "requesters", "sources"


def declared(cases: Iterable[Case]) -> set[Exchange]:
    """The exchanges that grants name."""
    return set(map(exchange_of, cases))


def exchange_of(case: Case) -> Exchange:
    """The exchange that a case is; a recipient asks for no audience, or for itself."""
    return Exchange(case.requester, case.source, None if case.audience == case.requester else case.audience)


def opened_by(cases: Sequence[Case], guards: Collection[str] = (), *, legacy: bool = False) -> Reach:
    """All that the grants of one realm allow. guards: of ``requesters`` and ``sources``; legacy: the server has that exchange."""
    audiences: dict[str, set[str]] = defaultdict(set)
    permissions: dict[str, set[str]] = defaultdict(set)
    standard: set[str] = set()
    for case in cases:
        for client, audience in mappers_of(case):
            audiences[client].add(audience)
        if case.exchange != LEGACY:
            standard.add(case.requester)
        elif needs_permission(case):
            permissions[case.target].add(case.requester)
    flows = [(case.requester, case.source) for case in cases]
    return Reach(
        {name: frozenset(named) for name, named in audiences.items()},
        frozenset(standard),
        legacy or any(case.exchange == LEGACY for case in cases),
        {target: frozenset(names) for target, names in permissions.items()},
        frozenset(requester for requester, _ in flows) if GUARD_REQUESTERS in guards else None,
        {name: frozenset(sources) for name, sources in sources_by_requester(flows).items()}
        if GUARD_SOURCES in guards
        else {},
    )


def needs_permission(case: Case) -> bool:
    """Whether the target's legacy permission must let the requester through."""
    return case.exchange == LEGACY and case.flow != RECIPIENT


def mappers_of(case: Case) -> list[tuple[str, str]]:
    """Pairs (client, audience): whose tokens must have which audience, for all users or some."""
    asks, legacy = case.flow != RECIPIENT, case.exchange == LEGACY
    found = []
    if asks and not legacy:
        found += [(case.requester, case.target)]
        found += [(case.source, case.requester)] if case.requester != case.source else []
    if not asks or (legacy and case.roles):
        found.append((case.source, case.target))
    if not asks or (legacy and case.exact):
        found.append((case.target, case.target))
    return found
