"""What grants open together beyond what each declares, computed from all that decides an exchange in their realm."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from components.grant_spec import RECIPIENT
from components.settings import REQUESTERS, SOURCES
from components.wiring import EXCHANGE, GrantPlan
from kcadmin.guards import sources_by_requester
from kcadmin.reach import Exchange, Reach
from kcadmin.texts import quoted
from providers.facts import Facts


def reach_of(grants: Sequence[GrantPlan], facts: Facts, guards: Collection[str] = (), *, legacy: bool = False) -> Reach:
    """What the grants of one realm allow there, with what its clients had before. legacy: the server has that exchange."""
    realm = grants[0].spec.realm
    audiences: dict[str, set[str]] = defaultdict(set)
    permissions: dict[str, set[str]] = defaultdict(set)
    standard: set[str] = set()
    for (where, name), client in facts.clients.items():
        if where == realm:
            audiences[name] |= set(client.audiences)
            standard |= {name} if client.switch_on else set()
    for grant in grants:
        standard |= set(grant.switches)
        permissions[grant.spec.target] |= set(grant.policy_clients)
        for name, audience in grant.audiences:
            audiences[name].add(audience)
    flows = [(flow.requester, flow.source) for grant in grants for flow in grant.flows]
    return Reach(
        {name: frozenset(named) for name, named in audiences.items()},
        frozenset(standard),
        legacy or any(grant.policy_clients for grant in grants),
        {target: frozenset(names) for target, names in permissions.items() if names},
        frozenset(requester for requester, _ in flows) if REQUESTERS in guards else None,
        {name: frozenset(sources) for name, sources in sources_by_requester(flows).items()}
        if SOURCES in guards
        else {},
        _asked(grants, facts) if SOURCES in guards else {},
    )


def _asked(grants: Sequence[GrantPlan], facts: Facts) -> dict[tuple[str, str], frozenset[str]]:
    """By requester and audience that nothing but scopes on request brings into its tokens: the sources of those grants."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    always = {
        (name, audience)
        for (where, name), client in facts.clients.items()
        if where == grants[0].spec.realm
        for audience in client.audiences
    }
    for grant in grants:
        asking = {(flow.requester, flow.source) for flow in grant.flows if flow.scope_at == EXCHANGE}
        for requester, source in asking:
            found[requester, grant.spec.target].add(source)
        always |= {*grant.audiences} - {(requester, grant.spec.target) for requester, _ in asking}
    return {pair: frozenset(sources) for pair, sources in found.items() if pair not in always}


def declared(grants: Iterable[GrantPlan]) -> set[Exchange]:
    """The exchanges that grants name."""
    return {
        Exchange(flow.requester, flow.source, None if flow.flow == RECIPIENT else grant.spec.target)
        for grant in grants
        for flow in grant.flows
    }


def implied(grants: Sequence[GrantPlan], facts: Facts, guards: Collection[str] = ()) -> Iterator[str]:
    """A line for each requester and audience that the grants open without naming it.

    What a requester does with its own tokens for itself gives it nothing new, and a legacy requester's way to any client's
    token has a warning of its own.
    """
    for realm in sorted({grant.spec.realm for grant in grants}):
        here = [grant for grant in grants if grant.spec.realm == realm]
        by = _carriers(here)
        features = facts.features
        certain = _undeclared(here, reach_of(here, facts, guards, legacy=bool(features and features.legacy_exchange)))
        possible = _undeclared(here, reach_of(here, facts, guards, legacy=features is None or features.legacy_exchange))
        for where, found in (("", certain), ("where the server has the legacy exchange, ", possible - certain)):
            sources: dict[tuple[str, str | None], list[str]] = defaultdict(list)
            for requester, source, audience in sorted(found, key=str):
                sources[requester, audience].append(source)
            for (requester, audience), names in sources.items():
                carriers = [*(by.get((name, requester)) for name in names), by.get((requester, str(audience)))]
                opened = list(dict.fromkeys(carrier for carrier in carriers if carrier))
                what = (
                    f"turn tokens of {quoted(names)} into tokens for '{audience}'"
                    if audience
                    else (f"exchange tokens of {quoted(names)} for itself")
                )
                if opened:
                    yield (
                        f"implied by grant{'s' if len(opened) > 1 else ''} {quoted(opened, 'and')} in realm '{realm}': "
                        f"{where}'{requester}' may also {what}."
                    )


def _undeclared(grants: Sequence[GrantPlan], reach: Reach) -> set[Exchange]:
    named = declared(grants)
    clients = {client for grant in grants for client in grant.uuids}
    unguarded = {
        (requester, target)
        for target, names in reach.permissions.items()
        for requester in names
        if requester not in reach.sources and requester not in reach.standard
    }
    found = {_for_itself(each) for each in reach.exchanges(clients) if (each.requester, each.audience) not in unguarded}
    return {each for each in found - named if (each.source, each.audience) != (each.requester, None)}


def _for_itself(exchange: Exchange) -> Exchange:
    """A requester that names itself as audience asks for what it gets without one."""
    return exchange._replace(audience=None) if exchange.audience == exchange.requester else exchange


def _carriers(grants: Iterable[GrantPlan]) -> dict[tuple[str, str], str]:
    """By whose tokens name whom: the first grant that lets them."""
    found: dict[tuple[str, str], str] = {}
    for grant in grants:
        for pair in grant.audiences:
            found.setdefault(pair, grant.spec.name)
    return found
