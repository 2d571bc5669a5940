"""Which clients users' roles add to ``aud``: Keycloak adds each client of which the user has a role that the token may contain.

The audience-resolve mapper does that, usually in the client scope ``roles``. Which user has which role is not read: a client of
which users may have a role counts. https://www.keycloak.org/docs/latest/server_admin/#_audience_resolve
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kcadmin.objects.client_scopes import OPTIONAL
from kcadmin.objects.clients import FULL_SCOPE, Client
from kcadmin.objects.features import SWITCH
from kcadmin.objects.realm import realm_for
from kcadmin.rest.errors import NotFound
from kcadmin.rest.session import Session
from kcadmin.rest.texts import named
from reach.audiences import Added, replacing
from reach.held_mappers import held_scopes, of_scope
from reach.lightweight import added_in, resolvers_in
from reach.readable_claims import matters, may_fail
from reach.reasons import ROLES, OneOf, Unordered, Way
from reach.survey import Json, Progress, Survey
from reach.written_audiences import is_by_role, written

THREADS = 8
TOLD_EACH = 50
_ASKED = " is asked for"


@dataclass(frozen=True)
class RoleFacts:
    """What a survey does not contain about roles.

    defined: by client id, its roles. scope_roles: by client scope, the roles of which a user must have one, as ``<client
    id>/<role>`` or ``<role>``. scope_clients, client_clients: by client scope and by client without full scope, the clients
    whose roles are mapped to it; None if a composite role, also one of its own, may contain any.
    """

    defined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scope_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scope_clients: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    client_clients: Mapping[str, frozenset[str] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class RoleReach:
    """carriers: by client whose tokens have the clients of its user's roles in aud: which clients, None for all.

    why: the mapper. defined: by client id, its roles; a client without roles is in no such aud.
    """

    carriers: Mapping[str, frozenset[str] | None]
    why: Mapping[str, Way]
    defined: Mapping[str, tuple[str, ...]]

    def names(self, client: str, audience: str) -> Way | None:
        """Why a client's tokens have another in aud for users with a role of it; None if they never have."""
        if client == audience or client not in self.carriers or not self.defined.get(audience):
            return None
        reached = self.carriers[client]
        return self.way(client, audience) if reached is None or audience in reached else None

    def naming(self, audience: str) -> frozenset[str]:
        """The clients whose tokens have one in aud for users with a role of it."""
        if not self.defined.get(audience):
            return frozenset()
        return (self._everywhere | self._mapped.get(audience, frozenset())) - {audience}

    def named_by(self, client: str) -> frozenset[str]:
        """The clients that a client's tokens have in aud for users with a role of them."""
        if client not in self.carriers:
            return frozenset()
        reached = self.carriers[client]
        defining = frozenset(self.defined)
        return (defining if reached is None else defining & reached) - {client}

    @cached_property
    def _everywhere(self) -> frozenset[str]:
        return frozenset(client for client, reached in self.carriers.items() if reached is None)

    @cached_property
    def _mapped(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for client, reached in self.carriers.items():
            for audience in reached or ():
                found.setdefault(audience, set()).add(client)
        return {audience: frozenset(clients) for audience, clients in found.items()}

    def way(self, client: str, audience: str) -> Way:
        """Why a carrier's token has a client in aud."""
        why = self.why[client]
        return Way(ROLES, why.by, why.owner, (*why.when, f"the user has a role of {named(audience)}"))


class LateRoles(Mapping[str, tuple[str, ...]]):
    """By client id, its roles; a client without any is left out. Each client is asked for when it is first needed."""

    def __init__(
        self, known: dict[str, tuple[str, ...]], left: Collection[str], ask: Callable[[str], tuple[str, ...]]
    ) -> None:
        self._known, self._left, self._ask = known, {*left}, ask

    def __getitem__(self, client: str) -> tuple[str, ...]:
        if client in self._left:
            if found := self._ask(client):
                self._known[client] = found
            self._left.remove(client)
        return self._known[client]

    def __iter__(self) -> Iterator[str]:
        for client in sorted(self._left):
            self.get(client)
        return iter(self._known)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def survey_roles(
    session: Session,
    survey: Survey,
    progress: Progress = lambda what: None,
    *,
    of: Collection[str] | None = None,
    late: bool = False,
) -> RoleFacts:
    """Reads scope mappings if they matter, and each client's roles if some client may exchange.

    :param of: reads only what decides the exchanges of these requesters; roles and mappings of other clients are not read.
    :param late: a client's roles are read when they are first needed, for questions that need few.
    """
    realm = realm_for(session, survey.realm)
    may = survey.features.legacy_exchange or any(client.is_on(SWITCH) for client in survey.clients.values())
    asking = [client for name, client in survey.clients.items() if (may if of is None else name in of)]
    restricted = [client for client in asking if not client.is_on(FULL_SCOPE)]
    held = {name for client in restricted for name in held_scopes(client)}
    if of is not None:
        held |= {
            name for client in asking for name in held_scopes(client) if touches_audience(survey.scopes.get(name) or {})
        }
    used = {name for client in survey.clients.values() for name in held_scopes(client)}
    scopes = [
        each
        for name, each in survey.scopes.items()
        if name in held or (touches_audience(each) if of is None else name in used and may_name(each, of))
    ]
    progress("roles of client scopes")

    def asked(at: str) -> Any:
        try:
            return session.get(at)
        except NotFound:  # deleted since the survey
            return {}

    def roles_of(client: Client) -> Any:
        return asked(realm.clients.path(client.uuid, "roles"))

    now = restricted if late else asking
    with ThreadPoolExecutor(THREADS) as pool:
        of_scopes = pool.map(asked, [realm.client_scopes.path(str(each["id"]), "scope-mappings") for each in scopes])
        by_scope = dict(zip((str(each["name"]) for each in scopes), of_scopes, strict=True))
        of_clients = pool.map(asked, [realm.clients.path(each.uuid, "scope-mappings") for each in restricted])
        by_client = dict(zip((each.client_id for each in restricted), of_clients, strict=True))
        roles = pool.map(roles_of, now)
        defined: dict[str, tuple[str, ...]] = {}
        whole: set[str] = set()
        for number, (client, found) in enumerate(zip(now, roles, strict=True)):
            if found:
                defined[client.client_id] = _names(found)
                whole |= {client.client_id} if any(role.get("composite") for role in found) else set()
            if number % TOLD_EACH == 0:
                progress(f"roles of {number} of {len(now)} clients")
    left = {each.client_id for each in asking} - {each.client_id for each in now}
    return RoleFacts(
        LateRoles(defined, left, lambda name: _names(roles_of(survey.clients[name]))) if left else defined,
        {name: tuple(_roles_in(found)) for name, found in by_scope.items()},
        {name: _clients_in(found) for name, found in by_scope.items()},
        {name: None if name in whole else _clients_in(found) for name, found in by_client.items()},
    )


def touches_audience(scope: Json) -> bool:
    """Whether a client scope holds a mapper that matters."""
    return any(map(matters, of_scope(scope)))


def may_name(scope: Json, audiences: Collection[str]) -> bool:
    """Whether the mappers of a client scope may add one of these clients, may add any by a role, or may fail."""
    return any(
        may_fail(mapper) or is_by_role(mapper) or (by := written(mapper)) is None or not {*audiences}.isdisjoint(by)
        for mapper in of_scope(scope)
    )


def role_reach(survey: Survey, facts: RoleFacts) -> RoleReach:
    """The clients whose tokens have the clients of their users' roles in aud."""
    carriers: dict[str, frozenset[str] | None] = {}
    why: dict[str, Way] = {}
    for name, client in survey.clients.items():
        way = _resolver(survey, facts, client)
        if way:
            why[name] = way
            carriers[name] = None if client.is_on(FULL_SCOPE) else _mapped(facts, client)
    return RoleReach(carriers, why, facts.defined)


def scope_conditions(facts: RoleFacts, scope: str, kind: str) -> tuple[str, ...]:
    """The conditions under which a client scope acts."""
    roles = facts.scope_roles.get(scope) or ()
    gate = (OneOf(roles),) if roles else ()
    return (*gate, *((asked_for(scope),) if kind == OPTIONAL else ()))


def conditions_of(facts: RoleFacts, each: Added, beside: Iterable[Added] = ()) -> tuple[str, ...]:
    """The conditions under which a mapper adds its audience, a phrase each. beside: all that the client's mappers add."""
    return (
        *(phrase for scope in each.scopes for phrase in scope_conditions(facts, scope.name, scope.kind)),
        *((f"the user has the role {named(_spelt(each.renamed))}",) if each.renamed else ()),
        *((each.when,) if each.when else ()),
        *(Unordered(f"{other} does not replace it") for other in replacing(each, beside)),
    )


def asked_for(scope: str) -> str:
    """The condition under which an optional client scope acts."""
    return f"scope {named(scope)}{_ASKED}"


def is_asked(phrase: str) -> bool:
    """Whether a condition is one on the requested scopes."""
    return phrase.endswith(_ASKED)


def _resolver(survey: Survey, facts: RoleFacts, client: Client) -> Way | None:
    """The mapper that resolves roles under the fewest conditions."""
    full = "full scope" if client.is_on(FULL_SCOPE) else "roles mapped to it"
    through = resolvers_in(survey, client)
    late = [each for each in added_in(survey, client) if each.is_late] if through else []
    ways = [Way(ROLES, f"{each.by}, with {full}", None, conditions_of(facts, each, late)) for each in through]
    return min(ways, key=lambda way: len(way.when), default=None)


def _mapped(facts: RoleFacts, client: Client) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for each in (facts.client_clients.get(client.client_id, frozenset()), *_held_by(facts, client)):
        if each is None:
            return None
        found |= each
    return found


def _held_by(facts: RoleFacts, client: Client) -> Iterable[frozenset[str] | None]:
    return (facts.scope_clients.get(name, frozenset()) for name in held_scopes(client))


def _names(roles: Iterable[Json]) -> tuple[str, ...]:
    return tuple(sorted(str(role["name"]) for role in roles))


def _spelt(role: str) -> str:
    """A role of a mapper's configuration, ``<client id>.<role>``, in the spelling of conditions."""
    client, dot, name = role.rpartition(".")
    return f"{client}/{name}" if dot else role


def _roles_in(mappings: Json) -> Iterable[str]:
    yield from (str(role["name"]) for role in mappings.get("realmMappings") or ())
    for client_id, entry in (mappings.get("clientMappings") or {}).items():
        yield from (f"{client_id}/{role['name']}" for role in entry["mappings"])


def _clients_in(mappings: Json) -> frozenset[str] | None:
    of_clients = (role for entry in (mappings.get("clientMappings") or {}).values() for role in entry["mappings"])
    if any(role.get("composite") for role in (*(mappings.get("realmMappings") or ()), *of_clients)):
        return None
    return frozenset(str(client_id) for client_id in mappings.get("clientMappings") or {})
