"""Mappers at which Keycloak fails: it answers 500 where it would make a token. Proven on Keycloak 26.7.3."""

from collections.abc import Iterator, Sequence

from kcadmin.objects.clients import Client
from kcadmin.rest.texts import named
from reach.audiences import acts_at_issue
from reach.held_mappers import Scopes, held_mappers
from reach.lightweight import lighteners
from reach.reasons import MAPPER, SCOPE, Way, Ways
from reach.roles import RoleFacts, scope_conditions
from reach.survey import Survey
from reach.written_audiences import lacks


def failing_in(survey: Survey, roles: RoleFacts, client: Client) -> Ways:
    """The mappers at which Keycloak fails to make a client's access token; ``when``: where it does."""
    policies = lighteners(client, survey.client_policies, survey.client_profiles)
    return tuple(failing(client, survey.scopes, policies, roles))


def failing(client: Client, scopes: Scopes, policies: Sequence[str] | None, roles: RoleFacts) -> Iterator[Way]:
    """The same. policies: those that may make the client's tokens lightweight."""
    for mapper, by, held, owner in held_mappers(client, scopes):
        setting = lacks(mapper)
        on, when = acts_at_issue(mapper, client, policies)
        if setting and on:
            where = (*(scope_conditions(roles, held.name, held.kind) if held else ()), *((when,) if when else ()))
            yield Way(SCOPE if held else MAPPER, f"{by} has no {named(setting)}", owner, where)


def failure(way: Way, client: str) -> str:
    """What comes of such a mapper, a phrase."""
    where = f" where {' and '.join(way.when)}" if way.when else ""
    return f"Keycloak fails (500) to make tokens of {named(client)}{where}: {way.by}"


def no_failure(way: Way, client: str) -> str:
    """What must hold for it not to matter, a phrase."""
    return f"no token of {named(client)} is made where {' and '.join(way.when)}, at which Keycloak fails: {way.by}"
