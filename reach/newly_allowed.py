"""What a realm allows after a change and did not allow before: computed per requester, never per exchange.

Both sides are rules of ``RealmReach``, so 1,000 sources and 1,000 audiences of one requester are two lists. An exchange under
conditions is new if it was not allowed before under the same conditions, or under fewer.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from kcadmin.objects.features import STANDARD
from kcadmin.rest import texts
from reach.allowed import RealmReach
from reach.exchanges import Exchange
from reach.reasons import (
    ANY_CLIENT,
    AllowedExchanges,
    Way,
    Ways,
    always,
    conditions,
    is_of_sources,
    within,
    written_audience,
)

When = tuple[str, ...]
Sources = Mapping[When, frozenset[str]]
NOBODY: frozenset[str] = frozenset()
APART = 10
"""So many lists of sources, by audience, are kept apart."""


@dataclass(frozen=True)
class NewlyAllowed:
    """A requester may exchange tokens of any of the sources for one for any of the audiences.

    None: for itself. sources: client ids, or ``ANY_CLIENT`` alone. carriers: also tokens of every client that contain a
    role of the requester. carried: also for every client of which the requester's token would contain a role. when: further
    conditions. joined: some of it is left out, because it is declared.
    """

    requester: str
    sources: frozenset[str]
    audiences: tuple[str | None, ...] = ()
    when: When = ()
    joined: bool = False
    carriers: bool = False
    carried: bool = False


def newly_allowed(
    before: RealmReach, after: RealmReach, requesters: Collection[str], named: Iterable[Exchange] = ()
) -> Iterator[NewlyAllowed]:
    """What these requesters may do after the change, and could not before. A client's own token for itself is left out.

    :param requesters: their roles and scope mappings are known to both sides, as ``read_roles(of=requesters)`` reads them.
    :param named: exchanges that are left out, too. ``ANY_CLIENT`` as source leaves out the rule for any client's token.
    """
    was, then = _by_requester(before.rules(requesters)), _by_requester(after.rules(requesters))
    known: dict[str, dict[str | None, set[str]]] = {}
    for exchange in named:
        known.setdefault(exchange.requester, {}).setdefault(exchange.audience, set()).add(exchange.source)
    for requester in sorted(then):
        for rule in then[requester]:
            yield from _Change(before, after, rule, was.get(requester, ()), known.get(requester, {})).found()


def _by_requester(rules: Iterable[AllowedExchanges]) -> dict[str, list[AllowedExchanges]]:
    found: dict[str, list[AllowedExchanges]] = {}
    for rule in rules:
        found.setdefault(rule.requester, []).append(rule)
    return found


@dataclass(frozen=True)
class _Change:
    """A rule after the change, and all rules of its requester before. named: by audience, the sources that are left out."""

    before: RealmReach
    after: RealmReach
    rule: AllowedExchanges
    was: Sequence[AllowedExchanges]
    named: Mapping[str | None, set[str]]
    _beyond: dict[tuple[tuple[int, ...], frozenset[str] | None], Sources] = field(default_factory=dict)

    def found(self) -> Iterator[NewlyAllowed]:
        rule = self.rule
        yield from self._blocks(rule.audiences, self._new_sources)
        if not _looks_at_tokens(rule):
            return
        yield from self._blocks(rule.audiences, self._new_by_roles)
        for each in self._blocks(rule.audiences, self._new_carriers):
            yield replace(each, sources=NOBODY, carriers=True)
        if rule.exchange == STANDARD and rule.requester in self.after.roles_at_exchange(rule.requester).carriers:
            yield from self._carried()

    def _blocks(
        self, audiences: Mapping[str | None, Ways], sources_for: Callable[[str | None], Sources]
    ) -> Iterator[NewlyAllowed]:
        """Groups audiences with the same sources; if there are many groups, all are one, with what is left out."""
        blocks: dict[When, dict[frozenset[str], list[str | None]]] = {}
        joined: dict[When, frozenset[str]] = {}
        for audience, ways in audiences.items():
            of_audience = tuple(written_audience(phrase, audience) for phrase in _conditions(ways))
            for of_source, sources in sources_for(audience).items():
                when = tuple(dict.fromkeys((*self.rule.when, *of_source, *of_audience)))
                found = blocks.setdefault(when, {})
                found.setdefault(sources, []).append(audience)
                if len(found) > APART and self.rule.requester not in self.after.guards.asked:
                    joined[when] = NOBODY.union(*found)
                    blocks[when] = {joined[when]: [each for together in found.values() for each in together]}
        for when, found in blocks.items():
            for sources, together in found.items():
                is_joined = joined.get(when) is sources
                yield NewlyAllowed(self.rule.requester, sources, tuple(together), when, is_joined)

    def _new_sources(self, audience: str | None) -> Sources:
        """By the conditions on their tokens, the sources whose tokens could not be exchanged for an audience before."""
        covering = self._covering(audience)
        guarded = self.before.sources_asking(self.rule.requester, audience) if covering else None
        return self._without_named(self._sources_beyond(covering, guarded), audience)

    def _without_named(self, found: Sources, audience: str | None) -> Sources:
        guarded = self.after.sources_asking(self.rule.requester, audience)
        left_out = self.named.get(audience, NOBODY) | ({self.rule.requester} if audience is None else NOBODY)
        kept: dict[When, frozenset[str]] = {}
        for when, sources in found.items():
            left = sources if guarded is None or ANY_CLIENT in sources else sources & guarded
            left = left if left.isdisjoint(left_out) else left - left_out
            if left:
                kept[when] = left
        return kept

    def _covering(self, audience: str | None) -> tuple[int, ...]:
        """The numbers of the former rules that allowed an audience wherever the new rule does."""
        ways = self.rule.audiences[audience]
        return tuple(
            number
            for number, rule in enumerate(self.was)
            if within(self.rule.when, rule.when)
            and audience in rule.audiences
            and _covered(ways, rule.audiences[audience])
        )

    def _sources_beyond(self, covering: tuple[int, ...], guarded: frozenset[str] | None = None) -> Sources:
        """guarded: the only clients whose tokens counted before, None for all."""
        if (covering, guarded) not in self._beyond:
            found: dict[When, set[str]] = {}
            for source, ways in self.rule.sources.items():
                known = guarded is None or source in guarded
                if not (known and any(_covered(ways, _ways_of(self.was[each], source)) for each in covering)):
                    found.setdefault(conditions(ways), set()).add(source)
            self._beyond[covering, guarded] = {when: frozenset(sources) for when, sources in found.items()}
        return self._beyond[covering, guarded]

    @cached_property
    def _carriers(self) -> frozenset[str]:
        """The clients whose tokens may contain a role of the requester, without those that have it in aud anyway."""
        rule, roles = self.rule, self.after.roles
        if not roles.defined.get(rule.requester) or self.after.clients[rule.requester].is_on("publicClient"):
            return NOBODY
        anyway = {source for source, ways in rule.sources.items() if always(ways)}
        return self.after.issuing.intersection(roles.carriers) - anyway - {rule.requester}

    @property
    def _of_role(self) -> str:
        return f"the user has a role of {texts.named(self.rule.requester)}"

    @property
    def _carriers_by_name(self) -> frozenset[str]:
        """Those that a guard on sources lets pass; without a guard they are reported together."""
        allowed = self.after.guards.sources.get(self.rule.requester, NOBODY)
        return self._carriers & self.after.roles.naming(self.rule.requester) & allowed

    def _carriers_before(self, audience: str | None) -> frozenset[str]:
        """Those that a requester could exchange for an audience before; ``ANY_CLIENT`` without a guard."""
        rules = [self.was[number] for number in self._covering(audience)]
        if any(ANY_CLIENT in rule.sources for rule in rules):
            return frozenset({ANY_CLIENT})
        if not any(_looks_at_tokens(rule) for rule in rules):
            return NOBODY
        return self.before.guards.sources.get(self.rule.requester, frozenset({ANY_CLIENT}))

    def _new_carriers(self, audience: str | None) -> Sources:
        """The conditions under which tokens with a role of the requester could not be exchanged for an audience before."""
        guarded = self.rule.requester in self.after.guards.sources
        told = guarded or not self._carriers or ANY_CLIENT in self._carriers_before(audience)
        return {} if told else {(): self._carriers}

    def _new_by_roles(self, audience: str | None) -> Sources:
        """Those that are reported by name: their tokens contain more roles than before, or a guard on sources lets them pass."""
        requester, before = self.rule.requester, self._carriers_before(audience)
        allowed = self.after.guards.sources.get(requester)
        if allowed is None and ANY_CLIENT not in before:
            return {}  # reported together
        was = self.before.roles.naming(requester)
        new = (self._carriers & self.after.roles.naming(requester)) - (was if ANY_CLIENT in before else was & before)
        return self._without_named({(self._of_role,): new if allowed is None else new & allowed}, audience)

    def _carried(self) -> Iterator[NewlyAllowed]:
        """Audiences of which the user has a role that the requester's own tokens contain."""
        requester, roles = self.rule.requester, self.after.roles_at_exchange(self.rule.requester)
        standard = tuple(
            number
            for number, rule in enumerate(self.was)
            if rule.exchange == STANDARD and {*rule.when} <= {*self.rule.when}
        )
        now = roles.carriers[requester]
        was = self.before.roles_at_exchange(requester).carriers.get(requester, NOBODY) if standard else NOBODY
        when = tuple(dict.fromkeys((*self.rule.when, *roles.why[requester].when)))
        new = NOBODY.union(*self._sources_beyond(standard).values())
        everybody, by_name = frozenset(self.rule.sources), self._carriers_by_name
        groups: list[tuple[tuple[str, ...], When, bool, frozenset[str], bool]]
        if now is None:
            groups = [((), when, True, new if was is None else everybody, was is not None)]
        else:
            known = [self.rule, *(rule for rule in self.was if ANY_CLIENT in rule.sources and not rule.when)]
            told = {audience for rule in known for audience, ways in rule.audiences.items() if always(ways)}
            reached = (now & self.after.enabled) - told - {requester}
            before = reached if was is None else reached & was
            held = (*when, "the user has a role of the audience")
            groups = [
                (tuple(sorted(reached - before)), held, False, everybody, True),
                (tuple(sorted(before)), held, False, new, False),
            ]
        for audiences, must, carried, sources, is_new in groups:
            if not (carried or audiences):
                continue
            carriers = is_new and requester not in self.after.guards.sources and bool(self._carriers)
            if sources or carriers:
                yield NewlyAllowed(requester, sources, audiences, must, carriers=carriers, carried=carried)
            if is_new and by_name:
                yield NewlyAllowed(requester, by_name, audiences, (*must, self._of_role), carried=carried)


def _looks_at_tokens(rule: AllowedExchanges) -> bool:
    """Whether the requester must be in the token's audience; a legacy permission does not ask for that."""
    return rule.exchange == STANDARD or None in rule.audiences


def _ways_of(rule: AllowedExchanges, source: str) -> Ways:
    return rule.sources.get(source) or rule.sources.get(ANY_CLIENT) or ()


def _covered(ways: Ways, by: Ways) -> bool:
    """Whether one of the other ways was open wherever one of the ways is open. No ways at all mean no condition."""
    return all(any(within(_when(way), _when(other)) for other in by) for way in ways)


def _when(way: Way) -> set[str]:
    """The conditions without those on the token's source, which the guard itself decides."""
    return {phrase for phrase in way.when if not is_of_sources(phrase)}


def _conditions(ways: Ways) -> When:
    return conditions(tuple(replace(way, when=tuple(each for each in way.when if each in _when(way))) for way in ways))
