"""What each owner has in a realm, whether its stack still runs there or not: read from marks and claims, which are data.

A policy's mark contains only the hash of its owner. The owner is found among those in other marks and claims, with the grants in
the names of policies.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kcadmin.authz import authorization_services, management_permissions, noted_strategy
from kcadmin.authz.scopes_and_permissions import SCOPE
from kcadmin.guards.marks import KIND as GUARD_MARK
from kcadmin.guards.parts import held_parts
from kcadmin.marks.ownership import MAY_EXCHANGE, OWNER_KEY, hash16, mark_of, same_stack, stack_of
from kcadmin.objects import recorded_events
from kcadmin.objects.audience_scopes import audience_of_our_mapper
from kcadmin.objects.claims import ADOPTED, claim_owners
from kcadmin.objects.clients import Client
from kcadmin.objects.features import SWITCH_CLAIM
from kcadmin.objects.mapper_types import marked_mappers
from kcadmin.objects.resource_server import names_in
from kcadmin.objects.setting_claims import ASSIGNMENT, FULL_SCOPE_CLAIM, LIFESPAN_CLAIM, REFRESH_TOKENS_CLAIM
from kcadmin.rest import texts
from reach.survey import Survey

_GRANTS_POLICY = re.compile(rf"(?s)(.*?){MAY_EXCHANGE}")
Audience = tuple[str | None, str | None]
PERMISSION_TYPES = ("scope", "resource")


class LeftoverKind(str, Enum):
    """What an owner may have, in the order of removal: what allows an exchange is removed first, guards last."""

    PERMISSION = "scope permission"
    POLICY = "policy"
    AUTHORIZATION_SCOPE = "authorization scope"
    SERVICES = "authorization services"
    MANAGEMENT = "management permissions"
    STRATEGY = "note of a decision strategy"
    SWITCH = "standard token exchange"
    ASSIGNMENT = "client scope assignment"
    SCOPE = "client scope"
    MAPPER = "audience mapper"
    CLAIM_MAPPER = "hardcoded claim mapper"
    LIFESPAN = "token lifespan"
    REFRESH_TOKENS = "refresh tokens off"
    FULL_SCOPE = "full scope off"
    GUARD = "guard"
    GUARD_MARK = "mark of a guarded requester"
    EVENTS = "exchange events"
    ADOPTED = "note of an adopted object"
    STRAY = "claim that means nothing at its place"
    OTHER = "claim of a kind that this version does not know"


CLAIMED = {
    authorization_services.KIND.name: LeftoverKind.SERVICES,
    management_permissions.KIND.name: LeftoverKind.MANAGEMENT,
    noted_strategy.STRATEGY.name: LeftoverKind.STRATEGY,
    SWITCH_CLAIM.name: LeftoverKind.SWITCH,
    LIFESPAN_CLAIM.name: LeftoverKind.LIFESPAN,
    REFRESH_TOKENS_CLAIM.name: LeftoverKind.REFRESH_TOKENS,
    FULL_SCOPE_CLAIM.name: LeftoverKind.FULL_SCOPE,
    GUARD_MARK.name: LeftoverKind.GUARD_MARK,
    recorded_events.KIND.name: LeftoverKind.EVENTS,
}
NAMED_IN_KIND = {
    ASSIGNMENT: LeftoverKind.ASSIGNMENT,
    SCOPE: LeftoverKind.AUTHORIZATION_SCOPE,
    ADOPTED: LeftoverKind.ADOPTED,
}


@dataclass(frozen=True, order=True)
class Leftover:
    """One thing that an owner has. owner: with its grant after ``#``; for a policy whose owner is not known, the mark's hash.

    client: the client id of the client that has it; empty for what is the realm's. name: of the object, if it has one.
    type: Keycloak's, of a policy. audience: what a mapper, or ours in a client scope, puts into tokens: a client, or a text;
    of a hardcoded claim mapper its claim and value.
    depth: how many of the owner's own policies are built on it, one on the other.
    """

    what: LeftoverKind
    client: str
    name: str
    owner: str
    id: str = ""
    type: str = ""
    audience: Audience = (None, None)
    depth: int = field(default=0, compare=False)

    @property
    def about(self) -> str:
        """The object in words, with names in quotes."""
        name = f" {texts.named(self.name)}" if self.name else ""
        return f"{self.what.value}{name}{f' of client {self.client!r}' if self.client else ''}"


def leftovers(
    found: Survey, servers: Mapping[str, Iterable[Mapping[str, Any]]], known: Iterable[str] = ()
) -> list[Leftover]:
    """What all owners have in a realm, in the order of removal.

    :param servers: the policies and permissions of each resource server that was read, by client id, as it exports them.
    :param known: owners that policies may have, besides those in other marks and claims.
    """
    named = [*_of_clients(found), *_of_scopes(found), *_guards(found)]
    owners = {*known, *(each.owner for each in named)}
    policies = [each for client, held in servers.items() for each in _policies(client, list(held), owners)]
    order = list(LeftoverKind)
    return sorted({*named, *policies}, key=lambda each: (order.index(each.what), each.depth, each))


def of_owner(found: Iterable[Leftover], owner: str) -> list[Leftover]:
    """What an owner has with all of its grants. An owner with a grant after ``#`` has only what belongs to that grant."""
    return [each for each in found if each.owner == owner or ("#" not in owner and same_stack(each.owner, owner))]


def crowds(found: Iterable[Leftover]) -> dict[str, str]:
    """By owner without its grant: a place where it has something, in words. Of several clients, the one with the fewest owners.

    Whoever may write a client may write claims of any number of owners there.
    """
    places: dict[str, set[str]] = {}
    for each in found:
        places.setdefault(stack_of(each.owner), set()).add(each.client)
    owners = Counter(client for held in places.values() for client in held)
    fewest = {owner: min(held, key=lambda client: (owners[client], client)) for owner, held in places.items()}
    return {owner: f"client {texts.named(client)}" if client else "the realm" for owner, client in fewest.items()}


def _of_clients(found: Survey) -> Iterator[Leftover]:
    for name, client in found.clients.items():
        for kind, each in marked_mappers(client):
            if each.owner:
                yield Leftover(LeftoverKind(kind), name, each.name, each.owner, str(each.id), audience=each.adds)
        yield from _claimed(client)


def _claimed(client: Client) -> Iterator[Leftover]:
    for kind, owner, _ in claim_owners(client):
        prefix = next((each for each in NAMED_IN_KIND if kind.startswith(each)), None)
        if prefix:
            yield Leftover(NAMED_IN_KIND[prefix], client.client_id, kind.removeprefix(prefix), owner)
        elif kind == recorded_events.KIND.name and client.client_id not in recorded_events.HOLDERS:
            yield Leftover(LeftoverKind.STRAY, client.client_id, kind, owner)
        else:
            known = kind in CLAIMED
            yield Leftover(CLAIMED.get(kind, LeftoverKind.OTHER), client.client_id, "" if known else kind, owner)


def _of_scopes(found: Survey) -> Iterator[Leftover]:
    for name, scope in found.scopes.items():
        owner = (scope.get("attributes") or {}).get(OWNER_KEY)
        if owner:
            yield Leftover(
                LeftoverKind.SCOPE, "", name, str(owner), str(scope["id"]), audience=audience_of_our_mapper(scope)
            )


def _guards(found: Survey) -> Iterator[Leftover]:
    for entry in (*(found.client_policies or ()), *(found.client_profiles or ())):
        for owner in held_parts(entry):
            yield Leftover(LeftoverKind.GUARD, "", str(entry["name"]), owner)


def _policies(client: str, held: list[Mapping[str, Any]], owners: Iterable[str]) -> Iterator[Leftover]:
    stacks = {stack_of(owner) for owner in owners}
    grants = {match[1] for each in held if (match := _GRANTS_POLICY.match(str(each["name"])))}
    by_hash = {hash16(each): each for each in (*owners, *(f"{stack}#{grant}" for stack in stacks for grant in grants))}
    marked = {str(each["name"]): each for each in held if mark_of(each)}
    depths = _depths({name: {*names_in(each, "applyPolicies")} & {*marked} for name, each in marked.items()})
    for name, each in marked.items():
        mark = str(mark_of(each))
        what = LeftoverKind.PERMISSION if each["type"] in PERMISSION_TYPES else LeftoverKind.POLICY
        yield Leftover(what, client, name, by_hash.get(mark, mark), type=str(each["type"]), depth=depths[name])


def _depths(parts: Mapping[str, Collection[str]]) -> dict[str, int]:
    """How many levels of policies are built on each. In a circle the order is arbitrary."""
    depths = dict.fromkeys(parts, 0)
    for _ in parts:  # no chain is longer
        for name, part in ((name, part) for name, used in parts.items() for part in used):
            depths[part] = max(depths[part], depths[name] + 1)
    return depths
