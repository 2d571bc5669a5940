"""What would void the condition of a grant: other ways that add its target to tokens, roles that Keycloak reads differently."""

from collections.abc import Collection, Iterable, Iterator

from grants.gating import goes_away, goes_next, is_gated, is_ours, ways_of
from grants.plan import wire
from grants.spec import OPTIONAL_SCOPE, RECIPIENT, GrantSpec
from kcadmin.authz.exchange_permission import AFFIRMATIVE, DISABLED, ENFORCING, UNANIMOUS
from kcadmin.marks import whose
from kcadmin.marks.ownership import stack_of
from kcadmin.objects.features import LEGACY, STANDARD
from kcadmin.rest.texts import first_few, named, quoted
from reach.facts import Facts
from reach.gates import Opening
from reach.permissions import answer, permissions_on


def to_restrict(client: str) -> str:
    """What to do about roles in a client's tokens that nobody has mapped to it."""
    return f"set restrictFullScope: true, which takes unmapped roles out of all tokens of {named(client)}"


def gate_faults(spec: GrantSpec, exchange: str, facts: Facts) -> Iterator[tuple[str, str]]:
    """All of it, except policies of the legacy exchange (``open_doors``)."""
    yield from _composite_roles(spec, facts)
    yield from _scope_faults(spec, facts)
    yield from open_gates(spec, exchange, facts)
    yield from replacing_faults(spec, exchange, facts)


def _scope_faults(spec: GrantSpec, facts: Facts) -> Iterator[tuple[str, str]]:
    """An existing scope must be as the grant declares, since it is used and never changed."""
    found = facts.scopes.get((spec.realm, spec.scope or ""))
    made = found is not None and (spec.realm, found.name) in facts.own.scopes
    if found is None or found.owner == spec.grant_owner or made:  # then the run makes it as declared
        return
    remedy = "name another scope, or leave it out"
    if found.included_client != spec.target and facts.coming.knows(spec.target):
        yield (
            f"client scope {named(spec.scope)} does not add exactly {named(spec.target)} to aud",
            _of([found.owner], remedy, spec),
        )
    wanted = tuple(sorted((role.client, role.role) for role in spec.required_roles))
    if found.roles != wanted and facts.coming.knows(*(name for role in wanted for name in role)):
        held = ", ".join(f"{client}/{role}" if client else role for client, role in found.roles) or "none"
        yield f"client scope {named(spec.scope)} asks for other roles ({held}) than requiredRoles", "make them agree"


def unenforced(spec: GrantSpec, facts: Facts) -> Iterator[tuple[str, str]]:
    """What would let clients through regardless of a legacy grant's policies."""
    target, there = facts.clients.get((spec.realm, spec.target)), facts.permissions.get(spec.realm)
    if target is None or there is None or not wire(spec, LEGACY, facts).policy_clients:
        return
    place = "under Clients → realm-management → Authorization"
    if there.enforcement == DISABLED:
        yield (
            "realm-management has the policy enforcement mode DISABLED, so Keycloak lets every client exchange for "
            f"{named(spec.target)}, whatever this grant says",
            f"set it to {ENFORCING} {place} → Settings",
        )
    beside = permissions_on(there.policies, target.uuid) if there.strategy == AFFIRMATIVE else []
    if beside:
        yield (
            f"{quoted(beside)} covers the exchange for {named(spec.target)} too, and with realm-management's decision strategy "
            f"{AFFIRMATIVE} lets clients through whatever this grant says",
            f"delete it, or set the decision strategy to {UNANIMOUS} {place} → Settings",
        )


def open_doors(spec: GrantSpec, facts: Facts, ours: Collection[str]) -> Iterator[tuple[str, str]]:
    """Other policies that let a legacy grant's requesters through without its condition. ours: marks of all grants."""
    target, there = facts.clients.get((spec.realm, spec.target)), facts.permissions.get(spec.realm)
    if target is None or there is None or not (spec.required_roles or spec.time_window):
        return
    _, names = there.permissions.get(target.uuid, (AFFIRMATIVE, ()))
    wired = wire(spec, LEGACY, facts)
    for name in names:
        let = [each for each in wired.policy_clients if answer(there.policies, name, each).yes is not False]
        mark = there.marks.get(name)
        made = mark is not None and mark in (*ours, facts.own.policies.get((spec.realm, name)))
        if let and not made and not (wired.standing and wired.standing.name == name):
            yield (
                f"policy {named(name)} on the token-exchange permission of target {named(spec.target)} may let "
                f"{quoted(let)} through "
                "without this grant's conditions",
                "take it out"
                if mark is None
                else f"let one of the two stacks hold both grants; {whose.owner_remedy(None, spec.realm)}",
            )


def open_gates(spec: GrantSpec, exchange: str, facts: Facts) -> Iterator[tuple[str, str]]:
    """Other ways that add the target to tokens without the grant's scope: they would void its condition."""
    looked_at = exchange == STANDARD or RECIPIENT in spec.flows  # the legacy policy checks the scope, not the audience
    required = {(role.client, role.role) for role in spec.required_roles}
    for client in wire(spec, exchange, facts).scope_clients if looked_at and is_gated(spec) else ():
        asked = spec.audience == OPTIONAL_SCOPE
        open_to_others = [
            each for each in ways_of(spec, client, facts) if not each.is_within(required, on_request=asked)
        ]
        ways = [each for each in open_to_others if not goes_away(each, spec, client, facts)]
        former = [each for each in ways if goes_next(each, spec, client, facts)]
        for each in former:
            yield (
                f"{each.by} is this stack's own, of its former owner {named((each.owner or '').split('#')[0])}",
                "run `pulumi up` with the new owner before the grant gets a condition",
            )
        ways = [each for each in ways if each not in former]
        if not ways:
            continue
        conditions = ["the required roles"] if spec.required_roles else []
        conditions += ["asking for the scope"] if spec.audience == OPTIONAL_SCOPE else []
        names = dict.fromkeys(f"{each.by}{_which(each, spec)}" for each in ways)
        roles = any(each.by_roles for each in ways)
        there = facts.clients[spec.realm, client]
        restrict = roles and (there.full_scope or there.full_scope_returns) and not spec.restrict_full_scope
        yield (
            f"tokens of {named(client)} have {named(spec.target)} in aud without {' and '.join(conditions)}: by "
            f"{first_few([*names], between=' and by ')}",
            to_restrict(client)
            if restrict and len(names) == 1
            else _of(
                [each.owner for each in ways],
                "take these away" + (", and set restrictFullScope: true for the roles" if restrict else ""),
                spec,
            ),
        )


def _which(way: Opening, spec: GrantSpec) -> str:
    """Why a run does not remove a mapper that may look like its own."""
    if way.adopted:
        return ", which would be given back"
    return ", which bears this stack's mark but is not in its state" if is_ours(way, spec) else ""


def _of(owners: Iterable[str | None], remedy: str, spec: GrantSpec) -> str:
    """The remedy, with the command that removes what other owners left."""
    others = sorted({stack_of(owner) for owner in owners if owner} - {spec.owner})
    return "; ".join([remedy, *(whose.owner_remedy(owner, spec.realm) for owner in others)])


def replacing_faults(spec: GrantSpec, exchange: str, facts: Facts) -> Iterator[tuple[str, str]]:
    """Mappers that write ``aud`` as a whole: what a conditional grant adds there may be lost."""
    wired = wire(spec, exchange, facts)
    adds = [client for client, _ in wired.mappers] + list(wired.scope_clients)
    for client in dict.fromkeys(adds) if is_gated(spec) else ():
        for by in facts.replacing.get((spec.realm, client), ()):
            yield (
                f"{by} may write aud itself, and so take out what this grant adds",
                "put an audience mapper in its place",
            )


def _composite_roles(spec: GrantSpec, facts: Facts) -> Iterator[tuple[str, str]]:
    """Keycloak lets holders of a part of a composite role through where the whole is required."""
    required = {(role.client, role.role) for role in spec.required_roles}
    for role in spec.required_roles:
        parts = sorted(facts.role_parts.get((spec.realm, role.client, role.role), frozenset()) - required)
        if parts:
            names = ", ".join(f"{client}/{name}" if client else name for client, name in parts)
            yield (
                f"required role {named(role)} is composite, and Keycloak lets users through who hold only a part of it ({names})",
                "require a role that is not composite, or these roles as well",
            )
