"""Mappers at which Keycloak fails, so that it makes no token."""

from collections.abc import Iterator

from exchange.doctor.finding import Finding, Question
from kcadmin.rest.texts import named
from reach.failing import failing, failure
from reach.held_mappers import held_mappers
from reach.roles import RoleFacts, is_asked
from reach.written_audiences import lacks


def failing_mappers(q: Question) -> Iterator[Finding]:
    """Of the client that the subject token is issued for, and of the one that the exchanged token is made of."""
    scopes = {str(each["name"]): each for each in q.reader.scopes()}
    maker = q.target if q.legacy and q.asks else q.requester
    for name, client in {each.client_id: each for each in (q.source, maker) if each}.items():
        roles = {
            held.name: _roles(q, str(scopes[held.name]["id"]))
            for mapper, _, held, _ in held_mappers(client, scopes)
            if held and lacks(mapper)
        }
        for way in failing(client, scopes, q.reader.shapes(client).lighteners, RoleFacts(scope_roles=roles)):
            if any(map(is_asked, way.when)) and not q.case.exchange_scope and not q.case.login_scope:
                continue
            remedy = f"set that in the mapper, or delete the mapper; then tokens of {named(name)} are made again"
            wrong = f"gets no token: {failure(way, name)}"
            yield q.found(
                "mapper-fails",
                "client",
                name,
                wrong,
                remedy,
                field="protocolMappers",
                value=way.by,
                sure=not way.when,
            )


def _roles(q: Question, scope_id: str) -> tuple[str, ...]:
    return tuple(f"{client}/{role}" if client else role for client, role in q.reader.scope_roles(scope_id))
