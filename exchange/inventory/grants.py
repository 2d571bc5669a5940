"""A hand-made realm as grants: what its mappers, switches and permissions allow, grouped and named; and what is left over."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from exchange.inventory.audiences import Namings, Roles, has_exact, namings, of_any_client
from exchange.inventory.exchanges import (
    RECIPIENT,
    REQUESTER,
    THIRD,
    ExistingExchange,
    existing_exchanges,
)
from exchange.inventory.failing import failing_tokens, fails, lost
from exchange.inventory.permissions import existing_permissions
from exchange.inventory.refused_names import refused_name
from exchange.inventory.remarks import Level, Remark, few
from exchange.inventory.shared_scopes import remarks, split
from kcadmin.marks.ownership import hash16, stack_of
from kcadmin.marks.whose import owner_remedy
from kcadmin.objects.features import LEGACY, STANDARD
from kcadmin.objects.realm import management_client_id
from kcadmin.rest import texts
from kcadmin.rest.texts import camel, shown
from reach.existing_policies import Window
from reach.guards import GuardReach, guard_reach
from reach.leftovers import crowds, leftovers
from reach.roles import RoleFacts
from reach.survey import Survey

NAME_LENGTH = 60
_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class ExistingGrant:
    """A grant for what a realm already allows. sources, target, requester: client ids; flows: none with a requester."""

    name: str
    exchange: str
    sources: tuple[str, ...]
    target: str
    flows: tuple[str, ...]
    requester: str | None
    allow_refresh: bool
    scope: str | None = None
    roles: Roles = ()
    on_request: bool = False
    window: Window | None = None
    policy: str | None = None
    public_source: bool = False

    def config(self) -> dict[str, Any]:
        """The grant as in a stack's config, without defaults."""
        window = {camel(key): value for key, value in asdict(self.window).items() if value} if self.window else None
        roles = [{"client": client, "role": role} if client else role for client, role in self.roles]
        entries = {
            "name": self.name,
            "sources": list(self.sources),
            "target": self.target,
            "flows": list(self.flows) or None,
            "requester": self.requester,
            "exchange": self.exchange,
            "requiredRoles": roles or None,
            "audience": "optionalScope" if self.on_request else None,
            "scope": self.scope,
            "timeWindow": window,
            "allowRefresh": self.allow_refresh or None,
            "allowPublicSource": self.public_source or None,
        }
        return {key: value for key, value in entries.items() if value is not None}


@dataclass(frozen=True)
class Inventory:
    """The grants of a realm, and remarks for people."""

    realm: str
    grants: tuple[ExistingGrant, ...]
    findings: tuple[Remark, ...]
    owners: int = 0

    @property
    def lost(self) -> bool:
        """Whether something could not be carried over."""
        return any(finding.level == Level.LOST for finding in self.findings)


def inventory(
    survey: Survey, facts: RoleFacts, providers: Mapping[str, str], of_all: Collection[str] = ()
) -> Inventory:
    """A realm as grants. facts: from ``reach.roles.read_roles``; providers: aliases of identity providers, by id.

    :param of_all: the client scopes that each new client gets.
    """
    names, shared = split(survey, namings(survey, facts), of_all)
    exchanges, findings = existing_exchanges(
        survey, names, {name for each in shared for name in (each.audience, *each.holders)}
    )
    permitted, more = existing_permissions(survey, providers)
    guards = guard_reach(survey, facts)
    failing = failing_tokens(survey, facts)
    refused = {
        each: why
        for each in (*exchanges, *permitted)
        if (why := refused_name(each) or guards.refusal_of(each.requester, each.source)) or fails(each, failing)
    }
    grants = _named(_merged(_grouped(survey, [each for each in (*exchanges, *permitted) if each not in refused])))
    refusals = {each: why for each, why in refused.items() if why}
    owners = [*_of_owners(survey)]
    added = [*_added(survey, names, grants), *_refused(refusals), *lost(failing), *remarks(survey, shared)]
    return Inventory(
        survey.realm,
        tuple(grants),
        tuple(few({*findings, *more, *added, *_refusing(survey, guards), *_of_any_client(survey), *owners})),
        len(owners),
    )


def _refusing(survey: Survey, guards: GuardReach) -> Iterator[Remark]:
    """Client policies, which grants do not contain: they may refuse what the grants allow."""
    if survey.client_policies is None or survey.client_profiles is None:
        says = "this login may not read them, and they may refuse what these grants say"
        yield Remark(Level.LOST, "client policies of the realm", says, "give it the role view-realm")
        return
    for each in guards.unjudged:
        about, _, says = each.partition(": ")
        yield Remark(Level.NOTE, about, says)
    for requester, phrases in guards.when.items():
        yield Remark(Level.NOTE, f"exchanges of {texts.named(requester)}", f"work only if {' and '.join(phrases)}")


def _refused(refused: Mapping[ExistingExchange, str]) -> Iterator[Remark]:
    for each, why in refused.items():
        third = [each.requester] if each.flow == THIRD else []
        about = " → ".join([each.source, *third, each.target])
        yield Remark(Level.LOST, about, why, "change that, and run inventory again")


def _of_any_client(survey: Survey) -> Iterator[Remark]:
    for client, by in of_any_client(survey):
        says = f"may contain any client, since {by} may write a value that the realm's settings do not show"
        about = f"aud in tokens of {texts.named(client)}"
        yield Remark(Level.LOST, about, says, "put an audience mapper in its place", about)


def _of_owners(survey: Survey) -> Iterator[Remark]:
    """What owners have here, whether or not their stacks are still in use."""
    held: dict[str, Counter[str]] = {}
    found = leftovers(survey, {management_client_id(survey.realm): survey.policies.values()})
    for each in found:
        held.setdefault(stack_of(each.owner), Counter())[each.what.value] += 1
    places = crowds(found)
    for owner, kinds in held.items():
        says = f"has objects here: {', '.join(f'{number} × {kind}' for kind, number in kinds.items())}"
        about = f"owner {shown(owner)}"
        yield Remark(Level.STACKS, about, says, owner_remedy(owner, survey.realm), f"owners at {places[owner]}")


def _grouped(survey: Survey, exchanges: Iterable[ExistingExchange]) -> list[ExistingGrant]:
    """Exchanges that differ in their source alone are one grant; a legacy policy is one grant of all of its clients."""
    sources: dict[ExistingGrant, set[str]] = {}
    for each in exchanges:
        third = each.flow == THIRD
        key = ExistingGrant(
            "",
            each.exchange,
            (),
            each.target,
            () if third else (each.flow,),
            each.requester if third else None,
            each.allow_refresh,
            each.naming.scope,
            each.naming.roles,
            each.naming.on_request,
            each.window,
            each.policy,
        )
        sources.setdefault(key, set()).add(each.source)
    return [
        replace(
            grant,
            sources=tuple(sorted(names)),
            public_source=any(survey.clients[name].is_on("publicClient") for name in names),
        )
        for grant, names in sources.items()
    ]


def _merged(grants: Sequence[ExistingGrant]) -> list[ExistingGrant]:
    """Both flows of the same sources to the same target, under the same settings, are one grant."""
    left = dict.fromkeys(grants)
    for grant in grants:
        if grant.flows != (REQUESTER,) or grant.window:
            continue
        twin = replace(grant, flows=(RECIPIENT,), policy=None)
        if twin in left and (grant.exchange == STANDARD or not twin.scope):
            del left[twin], left[grant]
            left[replace(grant, flows=(RECIPIENT, REQUESTER))] = None
    return list(left)


def _named(grants: Sequence[ExistingGrant]) -> list[ExistingGrant]:
    """Gives each a name from its client ids, and a suffix that distinguishes grants between the same clients."""
    named = [replace(grant, name=_short(_base(grant))) for grant in grants]
    for tell in _TELLING:
        times = Counter(grant.name for grant in named)
        named = [
            replace(grant, name=_short(f"{grant.name}-{tell(grant)}"))
            if times[grant.name] > 1 and tell(grant)
            else grant
            for grant in named
        ]
    return sorted(named, key=lambda grant: grant.name)


def _base(grant: ExistingGrant) -> str:
    first = [grant.sources[0]] if len(grant.sources) == 1 else []
    by = ["by", grant.requester] if grant.requester else []
    return "-".join([*first, *by, "to", grant.target])


def _identity(grant: ExistingGrant) -> str:
    """A text that distinguishes a grant from all others, and stays the same as long as the grant does."""
    return hash16(repr(replace(grant, name="")))[:8]


_TELLING: tuple[Callable[[ExistingGrant], str], ...] = (
    lambda grant: "-".join(grant.flows),
    lambda grant: grant.exchange,
    lambda grant: grant.scope or grant.policy or "",
    _identity,
)


def _short(name: str) -> str:
    """A name that resources and owners can have: short and without '#'. A hash replaces what is cut off."""
    clean = _NOT_IN_A_NAME.sub("-", name).strip("-")
    if clean == name and len(name) <= NAME_LENGTH:
        return name
    return f"{clean[: NAME_LENGTH - 9]}-{hash16(name)[:8]}".strip("-")


def _added(survey: Survey, names: Namings, grants: Iterable[ExistingGrant]) -> Iterator[Remark]:
    """The mappers that ``pulumi up`` adds to the existing ones; it writes nothing else of such a grant."""
    for grant in grants:
        for client, audience in _mappers(grant):
            if has_exact(survey, client, audience):
                continue
            beside = names.get(client, {}).get(audience)
            if client == audience:
                says = "one of its own, so that exchanged tokens name it"
            elif beside and beside.beside:
                says = f"one beside {beside.beside}, which is not as a grant makes it"
            else:
                says = "one of its own, beside the client scope that carries it"
            yield Remark(
                Level.ADDED, f"audience mapper for {texts.named(audience)} to client {texts.named(client)}", says
            )


def _mappers(grant: ExistingGrant) -> Iterator[tuple[str, str]]:
    """(client, audience) of the mappers that a grant needs on clients themselves."""
    if grant.requester:
        yield from ((source, grant.requester) for source in grant.sources)
    holders = [grant.requester] if grant.requester else list(grant.sources)
    if not grant.scope and (grant.exchange == STANDARD or RECIPIENT in grant.flows):
        yield from ((holder, grant.target) for holder in holders)
    if RECIPIENT in grant.flows:
        yield grant.target, grant.target


__all__ = ["LEGACY", "STANDARD", "ExistingGrant", "Inventory", "inventory"]
