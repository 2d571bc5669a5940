"""Clients and client scopes without what has no effect: settings whose feature a server lacks, mappers whose type it lacks.

Keycloak stores such mappers, and makes tokens as if they did not exist. Proven on Keycloak 24.0.5 and 26.7.5:
tests/acceptance/test_realms_as_they_are.py.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from kcadmin.objects.clients import Client
from kcadmin.objects.features import Features
from kcadmin.objects.realm import Realm
from reach.fitness import BOUND_BY, DPOP
from reach.readable_claims import matters
from reach.written_audiences import IN_EACH_VERSION

Json = Mapping[str, Any]
Asked = Callable[[], Features]
_BY_DPOP = next(setting for setting, kind in BOUND_BY.items() if kind == DPOP)


def as_heeded(client: Client, features: Asked) -> Client:
    """A client without settings and mappers that have no effect. features: read only if that matters."""
    if client.is_on(_BY_DPOP) and not features().dpop:
        client = client.with_values({_BY_DPOP: ""})
    kept = _acting(client.mappers, features)
    return client if len(kept) == len(client.mappers) else replace(client, mappers=kept)


def heeded_scopes(scopes: Iterable[Json], features: Asked) -> dict[str, Json]:
    """The same for client scopes, as Keycloak describes them; by name."""
    found = {}
    for each in scopes:
        held = each.get("protocolMappers") or ()
        kept = _acting(held, features)
        found[str(each["name"])] = each if len(kept) == len(held) else {**each, "protocolMappers": [*kept]}
    return found


def scopes_in(realm: Realm) -> dict[str, Json]:
    """The client scopes of a realm."""
    return heeded_scopes(realm.client_scopes.all(), realm.features)


def _acting(mappers: Iterable[Json], features: Asked) -> tuple[Json, ...]:
    def acts(mapper: Json) -> bool:
        kind = mapper["protocolMapper"]
        return kind in IN_EACH_VERSION or not matters(mapper) or features().has_mapper(kind)

    return tuple(filter(acts, mappers))
