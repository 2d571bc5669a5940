"""What mappers allow in a realm: the audiences of a client's access tokens, and the clients for whose tokens they pass."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from kcadmin.objects.clients import Client
from kcadmin.rest.texts import named
from reach.audiences import Added, Introspected
from reach.lightweight import added_in, issued_in
from reach.reasons import MAPPER, SCOPE, Way, Ways, logged_in, writes
from reach.roles import RoleFacts, conditions_of
from reach.survey import Survey


def named_by(
    survey: Survey, roles: RoleFacts, client: Client, also: Callable[[Added], tuple[str, ...]] = lambda each: ()
) -> dict[str, Ways]:
    """The audiences that mappers add to a client's access tokens.

    A mapper that may write anything counts for each client, under a condition.
    :param also: further conditions for what a mapper adds, a phrase each.
    """
    everything = added_in(survey, client)
    return _by_audience(survey, roles, everything, everything, also)


def issued_by(survey: Survey, roles: RoleFacts, client: Client) -> dict[str, Ways]:
    """By other clients, what lets them exchange a client's tokens as their own."""
    found = _by_audience(survey, roles, issued_in(survey, client), ())
    return {
        name: tuple(replace(way, when=(*way.when, logged_in(named(name)))) for way in ways)
        for name, ways in found.items()
        if name != client.client_id
    }


def _by_audience(
    survey: Survey,
    roles: RoleFacts,
    mappers: Iterable[Added],
    everything: Iterable[Added],
    also: Callable[[Added], tuple[str, ...]] = lambda each: (),
) -> dict[str, Ways]:
    found: dict[str, Ways] = {}
    for each in mappers:
        when = (*conditions_of(roles, each, everything), *also(each))
        way = Way(SCOPE if each.scopes else MAPPER, each.by, each.owner, when)
        if each.audience is not None:
            found[each.audience] = (*found.get(each.audience, ()), way)
        for name in survey.clients if each.audience is None else ():
            written = replace(way, when=(*way.when, writes(each.by, name)))
            found[name] = (*found.get(name, ()), written)
    return found


def of_new_tokens(ways: Ways) -> Ways:
    """Those of a token that an exchange makes, which cannot come from introspection."""
    return tuple(way for way in ways if not any(isinstance(each, Introspected) for each in way.when))
