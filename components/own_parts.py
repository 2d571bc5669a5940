"""What a stack's own state says of objects that have another owner than the stack has now: they may be its own.

An owner changes when its config does, or when an organization is renamed. The state is asked only where the realm shows such
objects, and it is believed where the realm's own notes are not: whoever may write to the realm may write those.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from components.grant_spec import GrantSpec
from components.wiring import scope_name, scope_prefix
from kcadmin.ownership import hash16, stack_of
from kcadmin.writers import Mark, by_others, two_stacks
from providers.facts import ClientFacts, Facts, Own
from providers.own_state import OwnObject

State = Callable[[], Sequence[OwnObject]]
PERMISSIONS_SERVERS = ("realm-management", "master-realm")
USED, SCOPE = "used", "AudienceScope"


def with_kept_scopes(
    specs: Sequence[GrantSpec], clients: Mapping[tuple[str, str], ClientFacts], state: State
) -> list[GrantSpec]:
    """Grants whose client scopes keep the names that callers ask for, where those come from a former owner."""

    @functools.cache
    def known() -> Mapping[str, str]:
        return {each.place: each.name for each in state() if each.kind == SCOPE}

    return [_kept(spec, clients, known) for spec in specs]


def own(specs: Sequence[GrantSpec], facts: Facts, state: State, stack: str) -> Own:
    """What of the objects in sight is the stack's own by its state; nothing where all have the owners of the grants.

    stack: the one that runs, as marks name it.
    """
    owners, marks = {spec.owner for spec in specs}, {hash16(spec.grant_owner) for spec in specs}
    alone = not any(_by_others(specs, facts, stack).values())
    if alone and owners.issuperset(_owners(facts)) and marks.issuperset(_marks(facts)) and not _has_mappers(facts):
        return Own()
    made = [each for each in state() if each.outputs.get("found") != USED]
    return Own(
        frozenset(each.owner for each in made if each.owner),
        {
            (each.realm, each.name): hash16(str(each.outputs.get("owner")))
            for each in made
            if each.outputs.get("resource_server") in PERMISSIONS_SERVERS
        },
        frozenset((each.realm, each.name) for each in made if each.kind == SCOPE),
        frozenset(_mapper(each) for each in made if each.kind == "AudienceMapper"),
        frozenset(str(each.outputs["number"]) for each in made if each.outputs.get("number")),
        frozenset((each.owner, at) for each in made for at in _places(each)),
    )


def shared_owners(specs: Sequence[GrantSpec], facts: Facts, stack: str) -> Iterator[str]:
    """Owners of grants that another stack has, too: it made objects in their names which this stack's state does not hold."""
    for (realm, owner), marks in _by_others(specs, facts, stack).items():
        if marks:
            yield two_stacks(owner, realm, stack, marks)


def _by_others(specs: Sequence[GrantSpec], facts: Facts, stack: str) -> dict[tuple[str, str], list[Mark]]:
    seen, owners = defaultdict[str, list[Mark]](list), defaultdict[tuple[str, str], set[str]](set)
    for (realm, _), client in facts.clients.items():
        seen[realm] += client.marks
    for realm, marks in facts.marks.items():
        seen[realm] += marks
    for spec in specs:
        owners[spec.realm, spec.owner] |= {spec.owner, spec.grant_owner}
    return {
        (realm, owner): [
            mark
            for mark in by_others(seen[realm], names, stack)
            if mark.writer.number not in facts.own.numbers and (owner, mark.at) not in facts.own.places
        ]
        for (realm, owner), names in owners.items()
    }


def _places(held: OwnObject) -> Iterator[str]:
    """Where marks of a resource are. A note there is not believed against the state, since the client's owner can write it."""
    yield held.name
    yield str(held.outputs.get("client_uuid") or "")
    marked = held.outputs.get("client_uuids")  # of guards, by client id
    yield from map(str, marked.values()) if isinstance(marked, Mapping) else ()


def _kept(
    spec: GrantSpec, clients: Mapping[tuple[str, str], ClientFacts], known: Callable[[], Mapping[str, str]]
) -> GrantSpec:
    held = {name for key in spec.clients() if key in clients for name in clients[key].scopes}
    if spec.scope or not any(name.startswith(scope_prefix(spec)) for name in held - {scope_name(spec)}):
        return spec
    return replace(spec, kept_scope=known().get(f"{spec.realm}/{spec.target}/{spec.name}/scope", ""))


def _mapper(held: OwnObject) -> tuple[str, str, str, str]:
    uuid, audience, number = (str(held.outputs.get(key) or "") for key in ("client_uuid", "included_client", "number"))
    return held.realm, uuid, audience, number


def _has_mappers(facts: Facts) -> bool:
    return any(way.mapper and way.owner for there in facts.openings.values() for way in there.ways)


def _owners(facts: Facts) -> Iterator[str]:
    yield from (stack_of(way.owner) for there in facts.openings.values() for way in there.ways if way.owner)
    yield from (stack_of(scope.owner) for scope in facts.scopes.values() if scope.owner)
    yield from (stack_of(owner) for client in facts.clients.values() for owner in client.switch_owners)


def _marks(facts: Facts) -> Iterator[str]:
    yield from (mark for there in facts.permissions.values() for mark in there.marks.values() if mark)
