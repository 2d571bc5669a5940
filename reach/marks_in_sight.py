"""The marks and claims of a realm's objects: their owners, and the stacks that wrote them. Others may have written them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kcadmin.marks.ownership import NUMBER_KEY, OWNER_KEY, STACK_KEY, Writer, unmarked
from kcadmin.objects.claims import ATTACHED, claim_owners
from kcadmin.objects.clients import Client
from kcadmin.objects.mapper_types import marked_mappers
from kcadmin.objects.writers import Mark
from kcadmin.rest.texts import named

Json = Mapping[str, Any]


def marks_on(client: Client) -> Iterator[Mark]:
    """The marks of a client's mappers, and the claims on its settings."""
    for kind, mapper in marked_mappers(client):
        if mapper.owner:
            what = f"{kind} {named(mapper.name)} of client {named(client.client_id)}"
            yield Mark(what, mapper.owner, mapper.writer, at=client.uuid)
    for kind, owner, writer in claim_owners(client):
        what = f"{kind} of client {named(client.client_id)}"
        yield Mark(what, owner, writer, at=client.uuid, beside=kind.startswith(ATTACHED))


def marks_of_scopes(scopes: Iterable[Json]) -> Iterator[Mark]:
    """The marks of client scopes as Keycloak lists them."""
    for scope in scopes:
        noted = scope.get("attributes") or {}
        if noted.get(OWNER_KEY):
            writer = Writer(str(noted.get(STACK_KEY) or ""), str(noted.get(NUMBER_KEY) or ""))
            name = str(scope["name"])
            yield Mark(f"client scope {named(name)}", str(noted[OWNER_KEY]), writer, at=name)


def marks_of_policies(policies: Iterable[Json]) -> Iterator[Mark]:
    """The marks of policies as Keycloak exports them."""
    for policy in policies:
        _, owner, writer = unmarked(str(policy.get("description") or ""))
        if owner:
            name = str(policy["name"])
            yield Mark(f"policy {named(name)}", owner, writer, hashed=True, at=name)
