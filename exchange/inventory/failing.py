"""Clients whose tokens no exchange accepts, or makes."""

from collections.abc import Iterator, Mapping

from exchange.inventory.exchanges import ExistingExchange
from exchange.inventory.remarks import Level, Remark
from kcadmin.objects.features import LEGACY
from kcadmin.rest.texts import named
from reach.failing import Failure, as_maker, as_source, failing_in
from reach.roles import RoleFacts
from reach.survey import Survey


def failing_tokens(survey: Survey, facts: RoleFacts) -> dict[str, list[Failure]]:
    """By client, the mappers by which no token of it can be exchanged."""
    found = {name: failing_in(survey, facts, client) for name, client in survey.clients.items()}
    return {name: sure for name, each in found.items() if (sure := [failure for failure in each if failure.sure])}


def lost(failing: Mapping[str, list[Failure]]) -> Iterator[Remark]:
    """What no grant can give."""
    for name, found in failing.items():
        for each in found:
            yield Remark(Level.LOST, f"tokens of {named(name)}", each.told, each.remedy, f"tokens of {named(name)}")


def fails(each: ExistingExchange, failing: Mapping[str, list[Failure]]) -> bool:
    """Whether mappers keep an exchange from its subject token, or from the token that it makes."""
    maker = each.target if each.exchange == LEGACY else each.requester
    foreign = each.source != each.requester
    found = as_source(failing.get(each.source, ()), each.exchange, foreign=foreign)
    return any(failure.sure for failure in (*found, *as_maker(failing.get(maker, ()))))
