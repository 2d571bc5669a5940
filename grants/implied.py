"""What grants together allow that none of them declares: what their realm newly allows once they are made."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from grants.plan import GrantPlan
from grants.planned_realm import holds_scope_of, planned_realm
from grants.spec import RECIPIENT
from kcadmin.objects.features import SWITCH
from kcadmin.rest.texts import named, quoted
from reach.allowed import RealmReach, realm_reach
from reach.exchanges import Exchange
from reach.newly_allowed import NewlyAllowed, newly_allowed
from reach.reasons import ANY_CLIENT, Reasoning
from reach.surroundings import Surroundings

NAMES_TOLD, SENTENCES_TOLD = 10, 100
TELLS_ALL = "`pulumi preview --debug` lists all of them"


@dataclass(frozen=True)
class Notice:
    """A sentence for people. whole: the same with all names."""

    short: str
    whole: str


def declared_exchanges(grants: Iterable[GrantPlan]) -> set[Exchange]:
    """The exchanges that grants name."""
    return {
        Exchange(flow.requester, flow.source, None if flow.flow == RECIPIENT else grant.spec.target)
        for grant in grants
        for flow in grant.flows
    }


def undeclared(
    grants: Sequence[GrantPlan], new: Iterable[GrantPlan], around: Surroundings, guards: Collection[str] = ()
) -> list[NewlyAllowed]:
    """What the grants of one realm allow without naming it.

    Left out: a requester's exchange of its own tokens for itself, which gives it nothing new, and a legacy requester's
    exchange of any client's token, which has its own warning.
    :param new: those of the grants that do not exist completely. around: the realm before them.
    """
    return _undeclared(grants, new, *_sides(grants, around, guards))


def _sides(
    grants: Sequence[GrantPlan], around: Surroundings, guards: Collection[str], *, guards_go: bool = False
) -> tuple[RealmReach, RealmReach]:
    """What the realm allows before and after."""
    planned = planned_realm(around.survey, around.roles, grants, guards, around.composites, guards_go=guards_go)
    return realm_reach(around.survey, around.roles), realm_reach(planned.survey, planned.roles)


def _undeclared(
    grants: Sequence[GrantPlan], new: Iterable[GrantPlan], before: RealmReach, after: RealmReach
) -> list[NewlyAllowed]:
    warned = {Exchange(name, ANY_CLIENT, grant.spec.target) for grant in grants for name in grant.policy_clients}
    new = list(new)
    changed = {client for grant in new for client in grant.uuids} | _guarded_anew(before, after)
    changed |= {name for name, client in after.clients.items() if holds_scope_of(new, client)}
    return list(newly_allowed(before, after, changed, declared_exchanges(grants) | warned))


def implied(
    grants: Sequence[GrantPlan],
    new: Iterable[GrantPlan],
    around: Surroundings,
    guards: Collection[str] = (),
    *,
    guards_go: bool = False,
) -> list[Notice]:
    """A sentence for each requester and audience that the grants of one realm allow without naming it: see ``undeclared``.

    Before them come exchanges that a grant names and that lose a condition. guards_go: see ``planned_realm``.
    """
    before, after = _sides(grants, around, guards, guards_go=guards_go)
    found = _undeclared(grants, new, before, after)
    sentences = _Sentences(grants)
    switched = {name for name, client in around.survey.clients.items() if client.is_on(SWITCH)}
    carried = [each.requester for each in found if each.carried and each.requester not in switched]
    told = [
        sentences.of(each, to)
        for each in found
        if not (each.carried and each.requester in carried)
        for to in _halves(each)
    ]
    return [*_loosened(grants, before, after), *told, *([sentences.of_carried(carried)] if carried else [])]


def shortened(told: Sequence[Notice], realm: str) -> tuple[list[str], list[str]]:
    """The first sentences; and, in full, all that these leave out or shorten."""
    kept = [each.short for each in told[:SENTENCES_TOLD]]
    more = len(told) - len(kept)
    if more:
        kept.append(f"implied in realm {named(realm)}: {more} more of these sentences; {TELLS_ALL}.")
    return kept, [
        each.whole for number, each in enumerate(told) if number >= SENTENCES_TOLD or each.whole != each.short
    ]


def _guarded_anew(before: RealmReach, after: RealmReach) -> set[str]:
    """The requesters whose guards change."""
    was, now = before.guards, after.guards
    found = {name for name, sources in was.sources.items() if now.sources.get(name) != sources}
    found |= {name for name, asked in was.asked.items() if now.asked.get(name) != asked}
    found |= was.no_wider_scopes - now.no_wider_scopes
    if was.requesters is not None and now.requesters != was.requesters:
        found |= (now.requesters if now.requesters is not None else frozenset(after.clients)) - was.requesters
    return found


def _loosened(grants: Sequence[GrantPlan], before: RealmReach, after: RealmReach) -> Iterator[Notice]:
    """Exchanges that grants name, that passed before, and that pass under fewer conditions, or for more people."""
    seen: set[Exchange] = set()
    for grant in grants:
        for exchange in sorted(declared_exchanges([grant]) - seen, key=str):
            seen.add(exchange)
            was, now = before.verdict(*exchange), after.verdict(*exchange)
            if was.allowed and now.opens_more_than(was):
                yield _told_loosened(grant, exchange, was, now)


def _told_loosened(grant: GrantPlan, exchange: Exchange, was: Reasoning, now: Reasoning) -> Notice:
    to = f"for {named(exchange.audience)}" if exchange.audience else "for itself"
    when = (
        f"if {' and '.join(now.conditions)}"
        if now.conditions
        else "whatever roles the user has and scopes are requested"
    )
    text = (
        f"loosened by grant {named(grant.spec.name)} in realm {named(grant.spec.realm)}: {named(exchange.requester)} may "
        f"exchange tokens of {named(exchange.source)} {to} {when}; before, only if {' and '.join(was.conditions)}."
    )
    return Notice(text, text)


def _halves(each: NewlyAllowed) -> list[tuple[str | None, ...]]:
    """The audiences without the requester itself, which has other words."""
    others = tuple(audience for audience in each.audiences if audience is not None)
    return [*([(None,)] if None in each.audiences else []), *([others] if others or each.carried else [])]


class _Sentences:
    """The grants that want something: by pairs of client and audience, and by requester."""

    def __init__(self, grants: Sequence[GrantPlan]) -> None:
        self._realm = grants[0].spec.realm
        self._all = [grant.spec.name for grant in grants]
        self._naming: dict[tuple[str, str], str] = {}
        self._asking: dict[str, list[str]] = defaultdict(list)
        for grant in grants:
            for pair in grant.audiences:
                self._naming.setdefault(pair, grant.spec.name)
            for requester in dict.fromkeys(flow.requester for flow in grant.flows):
                self._asking[requester].append(grant.spec.name)

    def of(self, each: NewlyAllowed, audiences: Sequence[str | None]) -> Notice:
        """What else a requester may do."""
        carriers = [self._naming.get((source, each.requester)) for source in sorted(each.sources)]
        carriers += [self._naming.get((each.requester, str(audience))) for audience in audiences]
        grants = list(dict.fromkeys(name for name in carriers if name)) or self._asking[each.requester]
        grants = (
            grants
            or list(dict.fromkeys(name for (_, to), name in self._naming.items() if to in audiences))
            or self._all
        )
        return self._told(grants, lambda at_most: f"{named(each.requester)} may also {_what(each, audiences, at_most)}")

    def of_carried(self, requesters: Sequence[str]) -> Notice:
        """What the requesters may do for any client of which the user has a role."""
        grants = list(dict.fromkeys(name for requester in requesters for name in self._asking[requester]))
        return self._told(
            grants or self._all,
            lambda at_most: (
                f"{_names(requesters, at_most, 'and')} may also turn the tokens that they may exchange into tokens for any "
                "client of which the user has a role"
            ),
        )

    def _told(self, grants: Sequence[str], what: Callable[[int | None], str]) -> Notice:
        def sentence(at_most: int | None) -> str:
            by = f"grant{'s' if len(grants) > 1 else ''} {_names(grants, at_most, 'and')}"
            return f"implied by {by} in realm {named(self._realm)}: {what(at_most)}"

        short, whole = sentence(NAMES_TOLD), sentence(None)
        return Notice(f"{short}." if short == whole else f"{short}; {TELLS_ALL}.", f"{whole}.")


def _what(each: NewlyAllowed, audiences: Sequence[str | None], at_most: int | None) -> str:
    whose = []
    if each.sources:
        whose.append(
            "any client's tokens"
            if ANY_CLIENT in each.sources
            else f"tokens of {_names(sorted(each.sources), at_most)}"
        )
    if each.carriers:
        whose.append(
            f"tokens of every client with full scope, or with roles of {named(each.requester)} mapped to it, whose user has "
            f"a role of {named(each.requester)}"
        )
    tokens = ", and ".join(whose)
    others = sorted(audience for audience in audiences if audience)
    to = [f"tokens for {_names(others, at_most)}"] if others else []
    to += ["tokens for any client of which the user has a role"] if each.carried else []
    comma = "," if each.carriers else ""
    itself = f"exchange for itself {tokens}" if each.carriers else f"exchange {tokens} for itself"
    what = f"turn {tokens}{comma} into {', and '.join(to)}" if to else itself
    beyond = ", beyond the pairs that grants name" if each.joined else ""
    return what + beyond + (f", if {' and '.join(each.when)}" if each.when else "")


def _names(names: Sequence[str], at_most: int | None, last: str = "") -> str:
    more = len(names) - at_most if at_most else 0
    return f"{quoted(names[:at_most])} and {more} others" if more > 0 else quoted(names, last)
