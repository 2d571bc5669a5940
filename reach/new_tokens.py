"""The audiences of a requester's new token at a standard exchange, if the executor of the guard on wider scopes acts.

It keeps the client scopes that the subject token's ``scope`` lists, and the default ones that no token lists. The client
itself
counts as a scope of its display name: otherwise its own mappers and scope mappings are left out. Proven on Keycloak 26.7.3.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from kcadmin.objects.audience_scopes import IN_TOKEN_SCOPE
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.clients import Client
from kcadmin.rest.texts import named
from kcadmin.writes.votes import is_true
from reach.audiences import Added
from reach.held_mappers import Scopes, held_scopes
from reach.mappers import named_by
from reach.reasons import Ways
from reach.roles import RoleFacts, RoleReach, role_reach
from reach.survey import Survey

OPENID = "openid"


@dataclass(frozen=True)
class NewTokens:
    """For the requesters for which the executor acts. names: by requester and audience, what mappers add to its new token."""

    names: Mapping[str, Mapping[str, Ways]] = field(default_factory=dict)
    roles: RoleReach = field(default_factory=lambda: RoleReach({}, {}, {}))

    def ways(self, requester: str, audience: str) -> Ways:
        """All that puts an audience into a requester's new token."""
        by_role = self.roles.names(requester, audience)
        return (*self.names.get(requester, {}).get(audience, ()), *((by_role,) if by_role else ()))


def new_tokens(
    survey: Survey, roles: RoleFacts, requesters: Iterable[str], token: Collection[str] | None = None
) -> NewTokens:
    """Requesters with what the executor leaves.

    :param token: the subject token's scopes; None if not known, so each may be among them.
    """
    asking = {name: survey.clients[name] for name in requesters}
    clients = {name: narrowed(client, survey.scopes, token) for name, client in asking.items()}
    without = {name for name, client in asking.items() if not _may_count_itself(client, survey.scopes, token)}
    facts = replace(roles, client_clients={**roles.client_clients, **_own_roles(without, roles)})
    here = replace(survey, clients={**survey.clients, **clients})
    names = {
        name: named_by(here, facts, client, partial(_needs, asking[name], survey.scopes, token))
        for name, client in clients.items()
    }
    return NewTokens(names, role_reach(replace(survey, clients=clients), facts))


def narrowed(client: Client, scopes: Scopes, token: Collection[str] | None) -> Client:
    """A requester with what counts, or may count, for its new token.

    token: the scopes of the subject token, None if not known.
    """
    untold = _untold(client, scopes)

    def kept(kind: str) -> list[str]:
        held = client.value(f"{kind}ClientScopes") or ()
        return [name for name in held if token is None or name in token or name in untold]

    left = {f"{kind}ClientScopes": kept(kind) for kind in (DEFAULT, OPTIONAL)}
    own = _may_count_itself(client, scopes, token)
    return replace(client, representation={**client.representation, **left}, mappers=client.mappers if own else ())


def _needs(client: Client, scopes: Scopes, token: Collection[str] | None, each: Added) -> tuple[str, ...]:
    """The scopes that the subject token must have so that a mapper acts, a phrase each."""
    if token is not None:
        return ()
    untold = _untold(client, scopes)
    needed = [scope.name for scope in each.scopes if scope.name not in untold]
    if any(mapper is each.mapper for mapper in client.mappers) and not _counts_itself(client, scopes, ()):
        needed.append(str(client.value("name")))
    return tuple(f"the subject token has scope {named(name)}" for name in dict.fromkeys(needed))


def _may_count_itself(client: Client, scopes: Scopes, token: Collection[str] | None) -> bool:
    return _counts_itself(client, scopes, {*scopes, OPENID} if token is None else token)


def _counts_itself(client: Client, scopes: Scopes, token: Collection[str]) -> bool:
    """Whether the client's own mappers count for a subject token with these scopes."""
    return client.value("name") in {*_untold(client, scopes), *token}


def _untold(client: Client, scopes: Scopes) -> frozenset[str]:
    """The default client scopes that no token lists in its ``scope``."""
    told = {name: is_true((each.get("attributes") or {}).get(IN_TOKEN_SCOPE, "true")) for name, each in scopes.items()}
    return frozenset(name for name, kind in held_scopes(client).items() if kind == DEFAULT and not told.get(name, True))


def _own_roles(requesters: Iterable[str], roles: RoleFacts) -> dict[str, frozenset[str] | None]:
    """Without the roles that are mapped to the client itself; but a composite role of its own may contain any."""
    held = {name: roles.client_clients.get(name, frozenset()) for name in requesters}
    return {name: None if each is None else frozenset() for name, each in held.items()}
