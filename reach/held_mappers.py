"""The mappers that act on a client's access tokens, and the client scopes that it holds them by."""

from collections.abc import Callable, Iterator, Mapping
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
    """A client scope in a list of a client. kind: ``default``, or ``optional``, which counts where a request asks for it."""

    name: str
    kind: str


Held = tuple[Json, str, AssignedScope | None, str | None]
"""A mapper of a client or of a scope that it holds: the mapper, where it is, its scope, its owner."""


class Walked(dict[str, Json]):
    """Client scopes that do not change while all clients of a realm are looked at: what matters of each is asked once."""

    def __init__(self, scopes: Scopes) -> None:
        super().__init__(scopes)
        self.telling = {name: _telling(scope) for name, scope in scopes.items()}


def held_scopes(client: Client) -> dict[str, str]:
    """The client scopes that a client holds, by name: ``default`` or ``optional``."""
    return {name: kind for kind in (OPTIONAL, DEFAULT) for name in client.value(f"{kind}ClientScopes") or ()}


def held_mappers(client: Client, scopes: Scopes, which: Callable[[Json], bool] = matters) -> Iterator[Held]:
    """Each mapper that matters of a client and of the scopes that it holds: the mapper, where it is, its scope, its owner."""
    for mapper in filter(which, filter(acts_on_tokens, client.mappers)):
        owner = (mapper.get("config") or {}).get(OWNER_KEY) or None
        yield mapper, f"{_called(mapper)} of {named(client.client_id)}", None, owner
    known = scopes.telling if isinstance(scopes, Walked) and which is matters else None
    for name, kind in held_scopes(client).items():
        scope = scopes.get(name) or {}
        owner = (scope.get("attributes") or {}).get(OWNER_KEY) or None
        for mapper in known.get(name, ()) if known is not None else filter(which, of_scope(scope)):
            by = f"the {kind} client scope {named(name)} of {named(client.client_id)}"
            if mapper["protocolMapper"] not in (AUDIENCE_MAPPER, RESOLVE_MAPPER):
                by = f"{_called(mapper)} in {by}"
            yield mapper, by, AssignedScope(name, kind), owner


def _telling(scope: Json) -> tuple[Json, ...]:
    return tuple(filter(matters, of_scope(scope)))


def of_scope(scope: Json) -> Iterator[Json]:
    """The mappers of a client scope that act. The scope may be of any protocol: since 26.7 Keycloak lists some of oid4vc, too."""
    yield from filter(acts_on_tokens, scope.get("protocolMappers") or ())


def _called(mapper: Json) -> str:
    kind = mapper["protocolMapper"]
    if kind == AUDIENCE_MAPPER:
        return f"the audience mapper {named(mapper['name'])}"
    return f"the mapper {named(mapper['name'])}" + ("" if kind == RESOLVE_MAPPER else f" of type {kind}")
