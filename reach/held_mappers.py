"""The mappers that act on a client's access tokens, and the client scopes that it holds them by."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.marks.ownership import OWNER_KEY
from kcadmin.objects.client_scopes import DEFAULT, OPTIONAL
from kcadmin.objects.clients import Client
from kcadmin.objects.mappers import AUDIENCE_MAPPER, RESOLVE_MAPPER
from kcadmin.objects.marked_mappers import acts_on_tokens
from kcadmin.rest.texts import named
from reach.readable_claims import matters

Json = Mapping[str, Any]
Scopes = Mapping[str, Json]


@dataclass(frozen=True)
class AssignedScope:
    """A client scope in a list of a client. kind: ``default``; or ``optional``, which counts if a request asks for it."""

    name: str
    kind: str


Held = tuple[Json, str, AssignedScope | None, str | None]
"""A mapper of a client or of a scope that it holds: the mapper, its place, its scope, its owner."""


class Walked(dict[str, Json]):
    """Client scopes that do not change while the clients of a realm are read: each client's mappers are computed once."""

    def __init__(self, scopes: Scopes) -> None:
        super().__init__(scopes)
        self._telling = {name: tuple(filter(matters, of_scope(scope))) for name, scope in scopes.items()}
        self._held: dict[str, tuple[Client, tuple[Held, ...]]] = {}

    def held(self, client: Client) -> tuple[Held, ...]:
        """The mappers of a client that matter."""
        known = self._held.get(client.client_id)
        if known is None or known[0] is not client:  # a client differs before and after a plan
            known = self._held[client.client_id] = (client, tuple(_held(client, self, matters, self._telling)))
        return known[1]


def held_scopes(client: Client) -> dict[str, str]:
    """The client scopes that a client holds, by name: ``default`` or ``optional``."""
    return {name: kind for kind in (OPTIONAL, DEFAULT) for name in client.value(f"{kind}ClientScopes") or ()}


def held_mappers(client: Client, scopes: Scopes, which: Callable[[Json], bool] = matters) -> Iterable[Held]:
    """Each mapper of a client and of its scopes that matters: the mapper, its place, its scope, its owner."""
    return scopes.held(client) if isinstance(scopes, Walked) and which is matters else _held(client, scopes, which)


def _held(
    client: Client, scopes: Scopes, which: Callable[[Json], bool], known: Mapping[str, Iterable[Json]] | None = None
) -> Iterator[Held]:
    """known: for each client scope, those that matter."""
    for mapper in filter(which, filter(acts_on_tokens, client.mappers)):
        owner = (mapper.get("config") or {}).get(OWNER_KEY) or None
        yield mapper, f"{_called(mapper)} of {named(client.client_id)}", None, owner
    for name, kind in held_scopes(client).items():
        if known is not None and not known.get(name):
            continue
        scope = scopes.get(name) or {}
        owner = (scope.get("attributes") or {}).get(OWNER_KEY) or None
        for mapper in known[name] if known is not None else filter(which, of_scope(scope)):
            by = f"the {kind} client scope {named(name)} of {named(client.client_id)}"
            if mapper["protocolMapper"] not in (AUDIENCE_MAPPER, RESOLVE_MAPPER):
                by = f"{_called(mapper)} in {by}"
            yield mapper, by, AssignedScope(name, kind), owner


def of_scope(scope: Json) -> Iterator[Json]:
    """The mappers of a client scope that act. The scope may be of any protocol: since 26.7 Keycloak lists some of oid4vc, too."""
    yield from filter(acts_on_tokens, scope.get("protocolMappers") or ())


def _called(mapper: Json) -> str:
    kind = mapper["protocolMapper"]
    if kind == AUDIENCE_MAPPER:
        return f"the audience mapper {named(mapper['name'])}"
    return f"the mapper {named(mapper['name'])}" + ("" if kind == RESOLVE_MAPPER else f" of type {kind}")
