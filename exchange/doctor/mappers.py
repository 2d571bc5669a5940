"""Mappers at which Keycloak fails to make a token, and mappers whose tokens it does not accept."""

from collections.abc import Iterator, Mapping
from typing import Any

from exchange.doctor.finding import Finding, Question
from kcadmin.objects.clients import Client
from kcadmin.rest.texts import named
from reach.failing import EARLY, NOT_MADE, Failure, as_maker, as_source, failing
from reach.held_mappers import held_mappers
from reach.readable_claims import claim_rules, may_fail
from reach.roles import RoleFacts, is_asked


def failing_mappers(q: Question) -> Iterator[Finding]:
    """Checks the client of the subject token, and the client whose mappers make the exchanged token."""
    scopes = q.reader.scopes()
    maker = q.target if q.legacy and q.asks else q.requester
    found = [*as_source(_of(q, q.source, scopes), q.case.exchange, foreign=q.foreign)]
    found += as_maker(_of(q, maker, scopes) if maker is not q.source else ())
    for each in found:
        if each.kind == EARLY:  # which the source's own check tells
            continue
        if any(map(is_asked, each.way.when)) and not q.case.exchange_scope and not q.case.login_scope:
            continue
        cause, wrong = (
            ("mapper-fails", "gets no token") if each.kind == NOT_MADE else ("mapper-spoils", "gets no valid token")
        )
        remedy = f"{each.remedy}; then {'fresh ' if each.kind != NOT_MADE else ''}tokens of {named(each.client)} are "
        yield q.found(
            cause,
            "client",
            each.client,
            f"{wrong}: {each.told}",
            remedy + ("made again" if each.kind == NOT_MADE else "taken"),
            field=each.field,
            value=each.way.by,
            sure=each.sure,
        )


def _of(q: Question, client: Client | None, scopes: Mapping[str, Any]) -> list[Failure]:
    if client is None:
        return []
    roles = {
        held.name: _roles(q, str(scopes[held.name]["id"]))
        for _, _, held, _ in held_mappers(client, scopes, may_fail)
        if held
    }
    lighteners, rules = q.reader.shapes(client).lighteners, claim_rules(q.reader.cache.features)
    return [*failing(client, scopes, lighteners, RoleFacts(scope_roles=roles), rules)]


def _roles(q: Question, scope_id: str) -> tuple[str, ...]:
    return tuple(f"{client}/{role}" if client else role for client, role in q.reader.scope_roles(scope_id))
