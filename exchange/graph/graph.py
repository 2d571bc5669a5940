"""Every exchange that a realm allows, compared with what a stack declares: declared, implied, undeclared, dead, by roles.

Exchanges are grouped into edges. An edge is a requester with all sources and audiences that are alike. So a realm of 1,000
clients has hundreds of edges instead of a million exchanges. A client's own token for itself gives it nothing new and is
left out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from kcadmin.marks.ownership import hash16, stack_of
from kcadmin.objects.claims import claims
from kcadmin.objects.features import STANDARD, SWITCH_CLAIM
from kcadmin.rest import texts
from kcadmin.rest.texts import some
from reach.allowed import RealmReach
from reach.declared import exchange_of, mappers_of, needs_permission, opened_by
from reach.exchanges import Audiences, Exchange
from reach.proof import Case
from reach.reasons import ANY_CLIENT, AllowedExchanges, Way, Ways, conditions

UNDECLARED, DEAD, IMPLIED, DECLARED, ALLOWED, BY_ROLES = "undeclared", "dead", "implied", "declared", "allowed", "roles"
KINDS = (UNDECLARED, DEAD, IMPLIED, DECLARED, ALLOWED, BY_ROLES)


@dataclass(frozen=True)
class Edge:
    """A requester may exchange tokens of any of the sources for one for any of the audiences.

    Audience None: for itself. sources: client ids, or ``ANY_CLIENT`` alone. grants: that declare or imply it. when: what
    must hold besides, a phrase each.
    why_not: of a dead one, why Keycloak refuses it.
    """

    kind: str
    requester: str
    exchange: str
    sources: tuple[str, ...]
    audiences: tuple[str | None, ...]
    grants: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    why_not: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many exchanges it is."""
        return len(self.sources) * len(self.audiences)

    @cached_property
    def clients(self) -> frozenset[str]:
        """The clients that it names."""
        return frozenset({self.requester, *self.sources, *(to for to in self.audiences if to)} - {ANY_CLIENT})


@dataclass(frozen=True)
class Graph:
    """The edges of a realm, worst first. compared: with a stack. clients: all of the realm's.

    source_ways: by (requester, source); audience_ways: by (requester, audience). owners: hash → ``<owner>#<grant>``.
    switches: whose standard exchange is on, with the stacks that claim it. notes: what was not judged, a sentence each.
    reasons: why grants exist, by their names, as people wrote it.
    """

    realm: str
    url: str
    compared: bool
    clients: frozenset[str]
    edges: tuple[Edge, ...]
    source_ways: Mapping[tuple[str, str], Ways] = field(default_factory=dict)
    audience_ways: Mapping[tuple[str, str], Ways] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def without(self) -> int:
        """How many clients take part in no exchange, apart from exchanges by users' roles."""
        edges = (edge for edge in self.edges if edge.kind not in (DEAD, BY_ROLES))
        return len(self.clients.difference(*(edge.clients for edge in edges)))

    def switch(self, requester: str) -> str | None:
        """That a requester's standard exchange is on, and whose switch it is, in words; None if it is off."""
        if requester not in self.switches:
            return None
        owners = some(self.switches[requester])
        return f"the standard exchange of {texts.named(requester)} is switched on ({f'by {owners}' if owners else 'by no stack'})"

    def count(self, kind: str) -> int:
        """How many exchanges are of a kind."""
        return sum(edge.size for edge in self.edges if edge.kind == kind)

    def why(self, way: Way) -> str:
        """A way in words, with whose it is."""
        owner = self.owners.get(way.owner or "", way.owner)
        whose = f" ({owner})" if owner and "/" in owner else " (a Pulumi stack)" if owner else ""
        return f"{way.by}{whose}" + (f", when {' and '.join(way.when)}" if way.when else "")


def graph_of(
    reach: RealmReach, realm: str, url: str, cases: Sequence[Case] | None, reasons: Mapping[str, str] = {}
) -> Graph:
    """Compares what a realm allows with the cases that a stack declares in it; None: there is no stack to compare with.

    reasons: why grants exist, by their names.
    """
    plan = _Plan(cases or (), reach)
    edges = list(_declared(reach, plan))
    source_ways: dict[tuple[str, str], Ways] = {}
    audience_ways: dict[tuple[str, str], Ways] = {}
    for edge in edges:
        verdict = reach.verdict(edge.requester, edge.sources[0], edge.audiences[0])
        source_ways[edge.requester, edge.sources[0]] = verdict.source_ways
        if edge.audiences[0] is not None:
            audience_ways[edge.requester, edge.audiences[0]] = verdict.audience_ways
    blocks: dict[Edge, list[str]] = defaultdict(list)
    in_order = sorted(reach.clients)
    for rule in reach.rules():
        source_ways.update({(rule.requester, source): ways for source, ways in rule.sources.items()})
        audience_ways.update({(rule.requester, to): ways for to, ways in rule.audiences.items() if to is not None})
        for source, audience in _pairs(rule):
            exchange = Exchange(rule.requester, source, audience)
            if (exchange, rule.exchange) not in plan.grants:
                kind = ALLOWED if cases is None else plan.kind(exchange, rule.exchange)
                grants = plan.carriers(exchange) if kind == IMPLIED else ()
                when = _when(rule, source, audience)
                blocks[Edge(kind, rule.requester, rule.exchange, (), (audience,), grants, when)].append(source)
        edges += _by_roles(rule, plan, in_order)
    edges += [replace(edge, sources=tuple(sources)) for edge, sources in blocks.items()]
    order = {kind: number for number, kind in enumerate(KINDS)}
    edges.sort(key=lambda edge: (order[edge.kind], edge.requester, str(edge.audiences[0]), edge.sources[0]))
    return Graph(
        realm,
        url,
        cases is not None,
        frozenset(reach.clients),
        tuple(edges),
        source_ways,
        audience_ways,
        _owners([*source_ways.values(), *audience_ways.values()], cases or ()),
        {name: _claimers(reach, name) for name in sorted(reach.standard)},
        reach.unjudged,
        reasons,
    )


class _Plan:
    """What a stack declares in one realm. grants: by exchange and which of the two serves it, the grants that name it."""

    def __init__(self, cases: Sequence[Case], realm: RealmReach) -> None:
        self.grants: dict[tuple[Exchange, str], list[str]] = defaultdict(list)
        self._opened: dict[tuple[str, str], list[str]] = defaultdict(list)
        for case in cases:
            self.grants[exchange_of(case), case.exchange].append(case.grant)
            permitted = [(case.requester, case.target)] if needs_permission(case) else []
            for pair in (*mappers_of(case), *permitted):
                self._opened[pair].append(case.grant)
        self.named: dict[tuple[str, str], dict[str | None, set[str]]] = defaultdict(lambda: defaultdict(set))
        for exchange, served_by in self.grants:
            self.named[exchange.requester, served_by][exchange.audience].add(exchange.source)
        self._reach = replace(
            (plan := opened_by(cases)),
            audiences=self._with_own(realm, plan.audiences),
            legacy=realm.legacy,
            requesters=realm.guards.requesters,
            sources=realm.guards.sources,
        )

    def _with_own(self, realm: RealmReach, audiences: Audiences) -> Audiences:
        """Adds what else the stack's owner put into tokens."""
        names = defaultdict(frozenset, audiences)
        held = {
            (client, to): {stack_of(way.owner): way.owner for way in ways if way.owner}
            for client, named in realm.names.items()
            for to, ways in named.items()
        }
        stacks = {owner for pair in self._opened for owner in held.get(pair, ())}
        for (client, to), owners in held.items():
            for stack in owners.keys() & stacks:
                names[client] |= {to}
                grant = owners[stack].partition("#")[2]
                if grant and not self._opened.get((client, to)):
                    self._opened[client, to].append(grant)
        return names

    def kind(self, exchange: Exchange, served_by: str) -> str:
        """Whether grants together allow an exchange that none of them names."""
        if (exchange.requester in self._reach.standard) != (served_by == STANDARD):
            return UNDECLARED
        return IMPLIED if self._reach.allows(*exchange) else UNDECLARED

    def carriers(self, exchange: Exchange) -> tuple[str, ...]:
        """The grants that open an exchange, each in order once."""
        found = [*self._opened.get((exchange.source, exchange.requester), ())]
        found += self._opened.get((exchange.requester, str(exchange.audience)), ())
        return tuple(dict.fromkeys(found))


def _declared(reach: RealmReach, plan: _Plan) -> Iterator[Edge]:
    """An edge for each exchange that a grant names. It is dead if Keycloak refuses it, or if the other exchange answers."""
    for (exchange, served_by), grants in plan.grants.items():
        verdict = reach.verdict(*exchange, served_by)
        why_not = verdict.why_not
        if verdict.exchange not in (served_by, None):
            on = f"the standard exchange of {texts.named(exchange.requester)} is switched on"
            how = on if verdict.exchange == STANDARD else reach.why_off(exchange.requester, served_by)
            then = "answers it" if verdict.allowed else "refuses it"
            why_not = (f"{how}, so the {verdict.exchange} one {then}",)
        yield Edge(
            DEAD if why_not else DECLARED,
            exchange.requester,
            served_by,
            (exchange.source,),
            (exchange.audience,),
            tuple(dict.fromkeys(grants)),
            () if why_not else verdict.conditions,
            why_not,
        )


def _pairs(rule: AllowedExchanges) -> Iterator[tuple[str, str | None]]:
    for source in rule.sources:
        for audience in rule.audiences:
            if (source, audience) != (rule.requester, None):
                yield source, audience


def _when(rule: AllowedExchanges, source: str, audience: str | None) -> tuple[str, ...]:
    held = (*rule.when, *conditions(rule.sources[source]), *conditions(rule.audiences[audience]))
    return tuple(dict.fromkeys(held))


def _by_roles(rule: AllowedExchanges, plan: _Plan, in_order: Sequence[str]) -> Iterator[Edge]:
    """Exchanges that only the roles of a token's user allow: at most two edges, more if grants name some of them.

    in_order: all clients. To sort each requester's anew would take most of the time.
    """
    own = tuple(sorted(rule.sources))
    theirs, more = (tuple(filter(each.__contains__, in_order)) for each in (rule.role_sources, rule.role_audiences))
    requester_role = f"the user has a role of {texts.named(rule.requester)}"
    audience_role = "the user has a role of the audience"
    grants = plan.named.get((rule.requester, rule.exchange), {})
    for sources, audiences, among, when in (
        (own, more, rule.role_audiences, (audience_role,)),
        (theirs, tuple(rule.audiences), rule.audiences, (requester_role,)),
        (theirs, more, rule.role_audiences, (requester_role, audience_role)),
    ):
        apart = [audience for audience in grants if audience in among and grants[audience].intersection(sources)]
        for held in apart:
            left = tuple(source for source in sources if source not in grants[held])
            yield from _role_edge(rule, left, (held,), when)
        together = tuple(audience for audience in audiences if audience not in apart) if apart else audiences
        yield from _role_edge(rule, sources, together, when)


def _role_edge(
    rule: AllowedExchanges, sources: tuple[str, ...], audiences: tuple[str | None, ...], when: tuple[str, ...]
) -> Iterator[Edge]:
    if sources and audiences:
        yield Edge(BY_ROLES, rule.requester, rule.exchange, sources, audiences, (), (*rule.when, *when))


def _claimers(reach: RealmReach, client: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(claim.owner for claim in claims(reach.clients[client], SWITCH_CLAIM)))


def _owners(ways: Iterable[Ways], cases: Collection[Case]) -> dict[str, str]:
    """The grants' owners by the hash in policies' marks."""
    stacks = {stack_of(way.owner) for each in ways for way in each if way.owner and "/" in way.owner}
    names = {f"{stack}#{case.grant}" for stack in stacks for case in cases}
    return {hash16(name): name for name in names}
