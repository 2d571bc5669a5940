"""Which exchanges a realm's client policies still allow, client by client: our guards, and policies of others.

https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from kcadmin.guards.entries import MARK_FORM, NOTHING
from kcadmin.guards.marks import is_own
from kcadmin.guards.parts import MARK, PREFIX, REQUESTERS
from kcadmin.objects.clients import Client
from kcadmin.rest.texts import named
from kcadmin.writes.prediction import RealmPolicies
from kcadmin.writes.votes import ROLES
from reach.policies import Act, ActingPolicies, Asking, Effect, listed
from reach.roles import RoleFacts
from reach.survey import Survey

AUTHORIZED_PARTY = "azp"
NO_WIDER_SCOPES = "no scope is wider than the subject token's"


@dataclass(frozen=True)
class GuardReach:
    """What guards still allow, by client id.

    refused: by requester, why it may not exchange at all. requesters: None for all. sources: a requester that is absent may
    exchange all. no_wider_scopes: requesters whose own mappers do not count. when: by requester, conditions on the user, or
    what only the server can tell. asked: by requester, the only sources with whose tokens it may ask for a client scope.
    unjudged: what may refuse more, a sentence each.
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    requesters: frozenset[str] | None = None
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    no_wider_scopes: frozenset[str] = frozenset()
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    unjudged: tuple[str, ...] = ()

    def refusal_of(self, requester: str, source: str) -> str | None:
        """Why a requester may not exchange tokens of a source; None where it may."""
        if requester in self.refused:
            return self.refused[requester]
        if source in self.sources.get(requester, (source,)):
            return None
        return f"the guard on sources does not let {named(requester)} exchange tokens of {named(source)}"


def guard_reach(survey: Survey, roles: RoleFacts) -> GuardReach:
    """Reads the realm's client policies as Keycloak evaluates them."""
    return RealmGuards(survey, roles).reach()


class RealmGuards:
    """A realm's client policies, for questions about all exchanges or one request."""

    def __init__(self, survey: Survey, roles: RoleFacts) -> None:
        self._survey = survey
        self._unjudged: tuple[str, ...]
        policies = RealmPolicies(survey.client_policies or (), survey.client_profiles or ())
        if survey.client_policies is None or survey.client_profiles is None:
            policies = RealmPolicies()
            self._unjudged = (
                "client policies: the login may not read them (role view-realm), so guards are left out of account",
            )
        else:
            self._unjudged = tuple(_borrowed(survey))
        self._defined = roles.defined if policies.asks_for(ROLES) else {}  # may be read now
        self._acting = ActingPolicies(policies, survey.features.version) if policies.acting else None
        self._found = {name: left for name in survey.clients if (left := self._left(name))}

    def reach(self) -> GuardReach:
        """What they allow of every exchange, whatever it requests."""
        return self._gathered(self._found)

    def asking(self, requester: str, scopes: Collection[str]) -> GuardReach:
        """What guards allow when a requester asks for these scopes."""
        left = self._left(requester, frozenset(scopes))
        return self._gathered({**self._found, requester: left} if left else self._found)

    def _left(self, requester: str, scopes: frozenset[str] | None = None) -> "_Left | None":
        client = self._survey.clients.get(requester)
        return (
            _Left(self._survey, self._acting, client, self._defined.get(requester, ()), scopes)
            if self._acting and client
            else None
        )

    def _gathered(self, found: Mapping[str, "_Left"]) -> GuardReach:
        refused = {name: left.refused for name, left in found.items() if left.refused}
        unjudged = dict.fromkeys(text for left in found.values() for text in left.unjudged)
        return GuardReach(
            refused,
            frozenset(self._survey.clients.keys() - refused) if refused else None,
            {name: left.sources for name, left in found.items() if left.sources is not None},
            frozenset(name for name, left in found.items() if left.narrow),
            {name: tuple(left.when) for name, left in found.items() if left.when},
            {name: left.asked for name, left in found.items() if left.asked},
            (*self._unjudged, *unjudged),
        )


class _Left:
    """What client policies allow of one requester's exchanges. scopes: that it requests, None if not known."""

    def __init__(
        self,
        survey: Survey,
        acting: ActingPolicies,
        client: Client,
        roles: Collection[str],
        scopes: frozenset[str] | None,
    ) -> None:
        self.name, self.clients = client.client_id, survey.clients.keys()
        self.refused = ""
        self.sources: frozenset[str] | None = None
        self.narrow = False
        self.when: dict[str, None] = {}
        self.asked: dict[str, frozenset[str]] = {}
        self.unjudged: list[str] = []
        defined = frozenset(roles)

        def asking(*scopes: str) -> list[Act]:
            return acting.acts(Asking(client, defined, frozenset(scopes)))

        with_scope = {scope: asking(scope) for scope in acting.asked_scopes(client)}
        plain = asking()
        by_scope = [(scope, act) for scope, found in with_scope.items() for act in found if act not in plain]
        for scope, act in by_scope:
            self._take_asked(scope, act, told=scopes is not None)
        if scopes is None:
            for act in plain:
                self._judge(act, always=all(act in found for found in with_scope.values()))
        else:
            told = [act for scope, act in by_scope if scope in scopes and self._by_source(act)]
            for act in asking(*scopes):
                if act not in told:
                    self._judge(act)

    def _judge(self, act: Act, *, always: bool = True) -> None:
        if act.sure and always:
            self._take(act)
        else:
            self._may(act)

    def _take(self, act: Act) -> None:
        if act.effect is Effect.REFUSES or is_of_requesters(act):
            self.refused = self.refused or refusal(act, self.name)
        elif act.effect is Effect.NARROWS:
            self.narrow = True
        elif act.effect is Effect.UNKNOWN or self._passing(act) is None:
            self._may(act)
        elif act.claim == AUTHORIZED_PARTY:
            passing = self._passing(act) or frozenset()
            self.sources = passing if self.sources is None else self.sources & passing
        else:
            self.when[f"the user's claim {act.claim} matches {named(act.pattern)}"] = None

    def _take_asked(self, scope: str, act: Act, *, told: bool) -> None:
        """An act if a scope is requested. told: whether the requested scopes are known."""
        if self._by_source(act):
            passing = frozenset[str]() if act.effect is Effect.REFUSES else self._passing(act) or frozenset()
            self.asked[scope] = passing & self.asked.get(scope, passing)
        elif not told:
            says = f"may refuse an exchange of {named(self.name)} that asks for scope {named(scope)}"
            self.unjudged.append(f"{act.cause}: {says}; only the server can tell")

    def _by_source(self, act: Act) -> bool:
        """Whether it depends on the source alone whether an act refuses an exchange."""
        by_party = act.claim == AUTHORIZED_PARTY and self._passing(act) is not None
        return act.sure and (act.effect is Effect.REFUSES or by_party)

    def _may(self, act: Act) -> None:
        self.when[f"{act.cause} lets it through"] = None

    def _passing(self, act: Act) -> frozenset[str] | None:
        """The clients whose tokens an act on the authorized party lets pass; None if only the server can tell."""
        if act.claim != AUTHORIZED_PARTY:
            return frozenset()
        if (names := listed(act.pattern)) is not None:
            return names
        said = {name: act.lets(name) for name in self.clients}
        return None if None in said.values() else frozenset(name for name, lets in said.items() if lets)


def refusal(act: Act, requester: str) -> str:
    """Why a requester may not exchange at all."""
    if is_of_requesters(act):
        return f"the guard on requesters does not let {named(requester)} exchange"
    return f"{act.cause} refuses each exchange of {named(requester)}"


def is_of_requesters(act: Act) -> bool:
    """Whether it is the act of a guard on requesters, which requires a claim that no token has."""
    return act.claim == f"{PREFIX}{REQUESTERS}" and act.pattern == NOTHING


def _borrowed(survey: Survey) -> Iterator[str]:
    """Clients with a mark that was not made for them; of a mark of earlier versions, all clients that share it."""
    marked: dict[str, set[str]] = {}
    for name, client in survey.clients.items():
        if client.attributes.get(MARK):
            marked.setdefault(client.attributes[MARK], set()).add(name)
    for mark, names in marked.items():
        if len(names) > 1 or MARK_FORM.fullmatch(mark):
            for name in sorted(names):
                if not is_own(mark, survey.clients[name].uuid):
                    yield f"client {named(name)}: has a mark that was made for another client; guards treat it as that one"
