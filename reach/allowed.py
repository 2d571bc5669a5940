"""Every exchange that a realm's state allows, and why. ``realm_reach`` makes it from a ``Survey`` and ``read_roles``.

* ``verdict(requester, source, audience)``: whether that one exchange is allowed, under which conditions, by what, or why not;
* ``rules()``: for each requester, the sources and audiences of its exchanges. An exchange is allowed for every source with
  every audience of a rule, so a realm of 1,000 clients stays small. What only users' roles allow is separate;

What Keycloak decides at the moment of an exchange is never left out: it is a condition in words (a user's role, a requested
scope, a time, a consent). What only the server knows of client policies is a condition, too, or is in ``guards.unjudged``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from kcadmin.authz.authorization_services import SERVICES
from kcadmin.authz.tickets import unjudged
from kcadmin.objects.clients import Client
from kcadmin.objects.features import LEGACY, STANDARD, SWITCH
from kcadmin.rest import texts
from reach.failing import Failure, as_maker, as_source, failing_in, no_token
from reach.fitness import Position, Unfit, bound_by, proofs, unfit_for, worded
from reach.guards import NO_WIDER_SCOPES, GuardReach, guard_reach
from reach.mappers import issued_by, named_by, of_new_tokens
from reach.new_tokens import NewTokens, new_tokens
from reach.permissions import permitted
from reach.reasons import (
    ANY_CLIENT,
    OWN,
    PERMISSION,
    AllowedExchanges,
    Reasoning,
    Way,
    Ways,
    of_sources,
)
from reach.roles import RoleFacts, RoleReach, asked_for, role_reach
from reach.survey import Survey

ANY_TOKEN = Way(PERMISSION, "any client's token: the legacy exchange does not check its client")
OWN_TOKEN = Way(OWN, "its own token")


@dataclass(frozen=True)
class RealmReach:
    """names: by client and audience, the mappers that add the audience. permissions: by target and requester.

    standard: clients whose switch is on, where the server has that exchange. legacy: whether the server has that exchange.
    disabled_targets: whether that exchange gives tokens for disabled clients, too.
    issued: by client and another, what lets the other exchange the client's tokens as its own. new: the audiences of new
    tokens of requesters under a guard on wider scopes. failing: by client, the mappers because of which its tokens cannot
    be exchanged. lacks: for exchanges that the server does not offer, what it lacks and what to do.
    """

    clients: Mapping[str, Client]
    names: Mapping[str, Mapping[str, Ways]]
    roles: RoleReach
    permissions: Mapping[str, Mapping[str, Ways]]
    standard: frozenset[str]
    legacy: bool
    guards: GuardReach = field(default_factory=GuardReach)
    disabled_targets: bool = False
    issued: Mapping[str, Mapping[str, Ways]] = field(default_factory=dict)
    new: NewTokens = field(default_factory=NewTokens)
    failing: Mapping[str, tuple[Failure, ...]] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)

    def exchange_of(self, requester: str) -> str | None:
        """Which exchange serves a requester."""
        return STANDARD if requester in self.standard else LEGACY if self.legacy else None

    def verdict(self, requester: str, source: str, audience: str | None, meant: str | None = None) -> Reasoning:
        """Whether a requester may exchange a source's token for one for an audience; None is itself. meant: by which exchange."""
        exchange = self.exchange_of(requester)
        target = None if exchange == LEGACY and audience == requester else audience
        if exchange is None and meant in self.lacks:
            return Reasoning(None, why_not=(self.why_off(requester, meant),))
        faults = [*self._no_requester(requester), *self._no_source(requester, source)]
        to: Ways = ()
        if exchange == LEGACY and target is not None:
            holds: Ways = (OWN_TOKEN if source == requester else ANY_TOKEN,)
            to = self.permissions.get(target, {}).get(requester, ())
            if not to:
                none = f"no token-exchange permission of {texts.named(target)} lets {texts.named(requester)} through"
                faults.append(self.lacks.get(LEGACY) or none)
        else:
            holds = self._holds(requester, source)
            if not holds:
                faults.append(f"tokens of {texts.named(source)} do not have {texts.named(requester)} in aud")
            if target is not None:
                to = self._named(requester, target, source)
                refused = (
                    f"the guard on scopes does not let {texts.named(requester)} ask for {texts.named(target)} with tokens "
                    f"of {texts.named(source)}"
                )
                unnamed = f"tokens of {texts.named(requester)} do not have {texts.named(target)} in aud"
                faults += [] if to else [refused if self._named(requester, target) else unnamed]
        faults += self._no_audience(exchange, requester, target)
        maker = requester if exchange == STANDARD or target is None else target
        failing = (*self.failing_source(requester, source), *as_maker(self.failing.get(maker, ())))
        may_fail = dict.fromkeys(each.unless for each in failing if not each.sure)
        return Reasoning(exchange, holds, to, (*self._when(requester), *may_fail), tuple(dict.fromkeys(faults)))

    def rules(self, of: Collection[str] | None = None) -> Iterator[AllowedExchanges]:
        """What each requester may do, in order, with exchanges of its own tokens. of: these requesters, None for all."""
        naming: dict[str, list[str]] = {}
        for client, others in (*self.names.items(), *self.issued.items()):
            for audience in others:
                naming.setdefault(audience, []).append(client)
        permitted_to: dict[str, list[str]] = {}
        for target, requesters in self.permissions.items():
            for requester in requesters:
                permitted_to.setdefault(requester, []).append(target)
        for requester in sorted(self.clients if of is None else self.clients.keys() & {*of}):
            exchange = self.exchange_of(requester)
            if exchange is None or any(self._no_requester(requester)):
                continue
            near = {
                source: self._holds(requester, source)
                for source in sorted({requester, *naming.get(requester, ())})
                if self._is_source(requester, source)
            }
            by_roles = self._role_sources(requester, near)
            when = self._when(requester)
            if exchange == STANDARD:
                audiences: dict[str | None, Ways] = {None: ()}
                for target in sorted(self.names_at_exchange(requester)):
                    if target != requester and not self._no_audience(exchange, requester, target):
                        audiences[target] = self._named(requester, target)
                yield AllowedExchanges(
                    requester, exchange, near, audiences, by_roles, self._role_audiences(requester, audiences), when
                )
                continue
            if not self._no_audience(exchange, requester, None):
                yield AllowedExchanges(requester, exchange, near, {None: ()}, by_roles, when=when)
            targets: dict[str | None, Ways] = {
                target: self.permissions[target][requester]
                for target in sorted(permitted_to.get(requester, ()))
                if target != requester and not self._no_audience(exchange, requester, target)
            }
            if targets:
                yield AllowedExchanges(requester, exchange, self._any_source(requester), targets, when=when)

    def sources_asking(self, requester: str, audience: str | None) -> frozenset[str] | None:
        """The sources with whose tokens a guard on scopes lets a requester ask for an audience; None for all."""
        asked = {asked_for(scope): names for scope, names in self.guards.asked.get(requester, {}).items()}
        if not asked or audience is None or requester not in self.standard:
            return None
        by_role = self.roles_at_exchange(requester).names(requester, audience)
        found: frozenset[str] = frozenset()
        for way in (*self.names_at_exchange(requester).get(audience, ()), *([by_role] if by_role else [])):
            guarded = [asked[when] for when in way.when if when in asked]
            if not guarded:
                return None
            found |= frozenset.intersection(*guarded)
        return found

    def _holds(self, requester: str, source: str) -> Ways:
        if source == requester:
            return (replace(OWN_TOKEN, when=self._proofs(requester, own=True)),)
        by_role = self.roles.names(source, requester)
        by_mapper = (*self.names.get(source, {}).get(requester, ()), *self.issued.get(source, {}).get(requester, ()))
        return (*by_mapper, *([by_role] if by_role else []))

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Why more or less may be allowed than was computed, a sentence each."""
        able = (each for each in sorted(self.clients) if self.exchange_of(each) and not any(self._no_requester(each)))
        asking = [each for each in able if self.clients[each].is_on(SERVICES)]
        return (*self.guards.unjudged, *map(unjudged, asking))

    def names_at_exchange(self, requester: str) -> Mapping[str, Ways]:
        """The audiences that mappers add to the token that a standard exchange makes for a requester."""
        of = self.new.names if requester in self.guards.no_wider_scopes else self.names
        named = {each: of_new_tokens(ways) for each, ways in of.get(requester, {}).items()}
        return {each: ways for each, ways in named.items() if ways}

    def roles_at_exchange(self, requester: str) -> RoleReach:
        """The audiences that users' roles add to it."""
        return self.new.roles if requester in self.guards.no_wider_scopes else self.roles

    def _named(self, requester: str, audience: str, source: str | None = None) -> Ways:
        """source: whose token it is, for a guard on scopes; None to give that as a condition."""
        by_role = self.roles_at_exchange(requester).names(requester, audience)
        ways = (*self.names_at_exchange(requester).get(audience, ()), *of_new_tokens((by_role,) if by_role else ()))
        asked = {asked_for(scope): names for scope, names in self.guards.asked.get(requester, {}).items()}
        found = [(way, [asked[when] for when in way.when if when in asked]) for way in ways]
        if source is not None:
            return tuple(way for way, guarded in found if all(source in names for names in guarded))
        return tuple(
            replace(way, when=(*way.when, *(of_sources(names) for names in guarded))) for way, guarded in found
        )

    def _role_sources(self, requester: str, beside: Iterable[str]) -> frozenset[str]:
        if self.clients[requester].is_on("publicClient"):
            return frozenset()
        found = (self.roles.naming(requester) & self.issuing) - {*beside}
        free = found - self._bound if requester in self.standard else found
        return free & self.guards.sources.get(requester, free)

    def _role_audiences(self, requester: str, beside: Iterable[str | None]) -> frozenset[str]:
        roles = self.roles_at_exchange(requester)
        named = roles.named_by(requester) if of_new_tokens((roles.why.get(requester, OWN_TOKEN),)) else ()
        return (self.enabled & {*named}) - {*beside}

    @cached_property
    def enabled(self) -> frozenset[str]:
        """The clients that a token may be for."""
        return frozenset(name for name, each in self.clients.items() if not unfit_for(each, Position.TARGET, STANDARD))

    @cached_property
    def _bound(self) -> frozenset[str]:
        return frozenset(name for name, client in self.clients.items() if bound_by(client))

    def _proofs(self, requester: str, *, own: bool) -> tuple[str, ...]:
        client = self.clients.get(requester)
        return proofs(requester, bound_by(client), own=own) if client else ()

    @cached_property
    def issuing(self) -> frozenset[str]:
        """The clients for which tokens are issued."""
        return frozenset(name for name in self.enabled if not self.clients[name].is_on("bearerOnly"))

    def _any_source(self, requester: str) -> dict[str, Ways]:
        if self.clients[requester].is_on("publicClient"):
            return {requester: (OWN_TOKEN,)}
        if requester not in self.guards.sources:
            return {ANY_CLIENT: (ANY_TOKEN,)}
        listed = sorted(self.guards.sources[requester])
        return {each: (ANY_TOKEN,) for each in listed if self._is_source(requester, each)}

    def _when(self, requester: str) -> tuple[str, ...]:
        consent = requester in self.standard and self.clients[requester].is_on("consentRequired")
        asked = (f"the user has consented to {texts.named(requester)}",) if consent else ()
        narrow = (NO_WIDER_SCOPES,) if requester in self.guards.no_wider_scopes else ()
        return (*asked, *narrow, *self._proofs(requester, own=False), *self.guards.when.get(requester, ()))

    def why_off(self, requester: str, meant: str | None = None) -> str:
        """Why the standard exchange does not serve a requester: its switch, or the server. meant: as for ``verdict``."""
        client = self.clients.get(requester)
        meant = meant or (STANDARD if client and client.is_on(SWITCH) else None)
        return self.lacks.get(meant or "") or f"the standard exchange of {texts.named(requester)} is switched off"

    def _no_requester(self, requester: str) -> Iterator[str]:
        client = self.clients.get(requester)
        for why in unfit_for(client, Position.REQUESTER, self.exchange_of(requester), foreign=False):
            yield worded(why, requester)
        if not self.exchange_of(requester):
            yield self.why_off(requester)
        if requester in self.guards.refused:
            yield self.guards.refused[requester]
        if requester in self.standard:
            yield from no_token(self.failing.get(requester, ()))

    def _no_source(self, requester: str, source: str) -> Iterator[str]:
        client = self.clients.get(source)
        exchange = self.exchange_of(requester)
        for why in unfit_for(client, Position.SOURCE, exchange, foreign=source != requester):
            yield worded(why, source) + (", so no token is issued for it" if why is Unfit.BEARER_ONLY else "")
        if source != requester and Unfit.PUBLIC in unfit_for(self.clients.get(requester), Position.REQUESTER, exchange):
            yield f"{texts.named(requester)} is a public client, which may exchange only its own tokens"
        yield from (each.told for each in self.failing_source(requester, source) if each.sure)
        if requester not in self.guards.refused and (refused := self.guards.refusal_of(requester, source)):
            yield refused

    def _is_source(self, requester: str, source: str) -> bool:
        return not any(self._no_source(requester, source))

    def _no_audience(self, exchange: str | None, requester: str, audience: str | None) -> list[str]:
        target = requester if audience is None else audience
        client = self.clients.get(target)
        found = unfit_for(client, Position.TARGET, exchange, disabled_targets=self.disabled_targets)
        fails = no_token(self.failing.get(target, ())) if exchange == LEGACY else ()
        return [*(worded(why, target) for why in found if audience or why is Unfit.CONSENT), *fails]

    def failing_source(self, requester: str, source: str) -> tuple[Failure, ...]:
        """What may prevent a requester from exchanging a source's tokens, among the mappers that write into them."""
        return tuple(as_source(self.failing.get(source, ()), self.exchange_of(requester), foreign=source != requester))


def realm_reach(survey: Survey, roles: RoleFacts) -> RealmReach:
    """What a realm allows. roles: from ``reach.roles.read_roles``."""
    features = survey.features
    names = {name: named for name, client in survey.clients.items() if (named := named_by(survey, roles, client))}
    guards = guard_reach(survey, roles)
    return RealmReach(
        survey.clients,
        names,
        role_reach(survey, roles),
        permitted(survey) if features.legacy_exchange else {},
        frozenset(name for name, each in survey.clients.items() if features.standard_exchange and each.is_on(SWITCH)),
        features.legacy_exchange,
        guards,
        not features.refuses_disabled_targets,
        {name: said for name, client in survey.clients.items() if (said := issued_by(survey, roles, client))},
        new_tokens(survey, roles, guards.no_wider_scopes),
        {name: fails for name, client in survey.clients.items() if (fails := failing_in(survey, roles, client))},
        {each: features.lack_in_words(each) for each in (STANDARD, LEGACY) if not features.offers(each)},
    )
