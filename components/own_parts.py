"""Objects with another owner than the stack's current one, which the stack's state shows to be its own.

An owner changes when its config does, or when an organization is renamed. The state is read only if the realm has such
objects. It is trusted, unlike the notes in the realm, which anybody who may write to the realm can write.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from components.names import Names
from grants.plan import scope_name, scope_prefix
from grants.spec import GrantSpec
from kcadmin.marks.ownership import hash16, may_be, stack_of
from kcadmin.objects.audience_scopes import AudienceScope
from kcadmin.objects.features import LEGACY, STANDARD, Features
from kcadmin.objects.realm import MANAGEMENT_CLIENTS
from kcadmin.objects.writers import Mark, by_others, two_stacks
from providers.base.identity import taken_over_by
from providers.base.own_state import OwnObject, last_exchange, note_moved
from providers.base.taken_back import note_marks
from reach.facts import ClientFacts, Facts, Own

State = Callable[[], Sequence[OwnObject]]
Scopes = Callable[[str, str], AudienceScope | None]
SCOPE = "AudienceScope"


def with_kept_scopes(
    specs: Sequence[GrantSpec],
    clients: Mapping[tuple[str, str], ClientFacts],
    names: Names,
    state: State,
    scopes: Scopes,
) -> list[GrantSpec]:
    """Grants whose client scopes keep their names under a new owner, since callers ask for them.

    names: of their resources.
    scopes: read where the state holds none: one that this owner took over from another is not in the state yet.
    """

    @functools.cache
    def known() -> Mapping[str, str]:
        return {each.place: each.name for each in state() if each.kind == SCOPE}

    def in_state(spec: GrantSpec) -> str:
        return known().get(names.scope(spec), "")

    return [_kept(spec, clients, in_state, scopes) for spec in specs]


def own(specs: Sequence[GrantSpec], facts: Facts, state: State, stack: str) -> Own:
    """Which of the objects that were read are the stack's own by its state; nothing if all have the owners of the grants.

    stack: the one that runs, as marks name it.
    """
    owners, marks = {spec.owner for spec in specs}, {hash16(spec.grant_owner) for spec in specs}
    alone = not any(_by_others(specs, facts, stack).values())
    if alone and owners.issuperset(_owners(facts)) and marks.issuperset(_marks(facts)) and not _has_mappers(facts):
        return Own()
    made = [each for each in state() if not each.is_unmanaged]
    return Own(
        frozenset(each.owner for each in made if each.owner),
        {
            (each.realm, each.name): hash16(str(each.outputs.get("owner")))
            for each in made
            if each.outputs.get("resource_server") in MANAGEMENT_CLIENTS
        },
        frozenset((each.realm, each.name) for each in made if each.kind == SCOPE),
        frozenset(_mapper(each) for each in made if each.kind == "AudienceMapper"),
        frozenset(str(each.outputs["number"]) for each in made if each.outputs.get("number")),
        frozenset((each.owner, at) for each in made for at in _places(each)),
    )


def had_before(specs: Sequence[GrantSpec], features: Features | None) -> dict[str, str]:
    """By the name of a grant with ``auto``: the exchange of the last run, if the server lacks it now."""
    lacking = [each for each in (STANDARD, LEGACY) if features and not features.offers(each)]
    found = {spec.name: last_exchange(spec.name) for spec in specs if lacking and spec.exchange == "auto"}
    return {name: had for name, had in found.items() if had in lacking}


def with_taken_over(facts: Facts, specs: Sequence[GrantSpec], by: str) -> Facts:
    """Treats policies of the owner who takes over as the stack's own, while it is planned under the former owner's name."""
    marks = {hash16(spec.grant_owner.replace(spec.owner, by, 1)) for spec in specs}
    theirs = {
        (realm, name): mark
        for realm, seen in facts.permissions.items()
        for name, mark in seen.marks.items()
        if mark in marks
    }
    return replace(facts, own=replace(facts.own, policies={**facts.own.policies, **theirs}))


def judge_marks(specs: Sequence[GrantSpec], facts: Facts, state: State, stack: str, about: str = "") -> Iterator[str]:
    """Notes what the marks in sight tell of the stack, and says which owners of the grants another stack has, too.

    facts: with what of it is the stack's own. about: one grant of the package.
    """
    by = taken_over_by()
    theirs = [replace(spec, owner=by) for spec in specs] if by else specs
    held = own(theirs, replace(facts, own=Own()), state, stack) if by else facts.own
    yield from shared_owners(theirs, replace(facts, own=held), stack)
    note_moved(moved=has_moved(facts, stack))
    note_marks(all_marks(facts), stack, about)


def shared_owners(specs: Sequence[GrantSpec], facts: Facts, stack: str) -> Iterator[str]:
    """Owners that another stack uses, too: it made objects with these owners that this stack's state does not hold."""
    for (realm, owner), marks in _by_others(specs, facts, stack).items():
        if marks:
            yield two_stacks(owner, realm, stack, marks)


def has_moved(facts: Facts, stack: str) -> bool:
    """Whether objects in the state have marks of a stack with another name."""
    return any(
        mark.writer.number in facts.own.numbers and not may_be(mark.writer.stack, stack) for mark in all_marks(facts)
    )


def all_marks(facts: Facts) -> Iterator[Mark]:
    """All marks on the objects that were read."""
    for seen in (*(client.marks for client in facts.clients.values()), *facts.marks.values()):
        yield from seen


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
    spec: GrantSpec,
    clients: Mapping[tuple[str, str], ClientFacts],
    in_state: Callable[[GrantSpec], str],
    scopes: Scopes,
) -> GrantSpec:
    held = {name for key in spec.clients() if key in clients for name in clients[key].scopes}
    like = sorted(name for name in held - {scope_name(spec)} if name.startswith(scope_prefix(spec)))
    if spec.scope or not like:
        return spec
    kept = in_state(spec)
    if not kept and scope_name(spec) not in held:
        kept = next((name for name in like if (found := scopes(spec.realm, name)) and _is_made_for(found, spec)), "")
    return replace(spec, kept_scope=kept)


def _is_made_for(found: AudienceScope, spec: GrantSpec) -> bool:
    """Whether a scope is exactly as the grant's own would be. Its mark alone is a note, which another party may have written."""
    roles = tuple(sorted((role.client, role.role) for role in spec.required_roles))
    return found.owner == spec.grant_owner and found.included_client == spec.target and found.roles == roles


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
