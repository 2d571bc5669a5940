"""What a program reports about all that its grants allow, before the first write. It reads the realm only if a grant is new."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from grants.implied import implied, shortened
from grants.plan import GrantPlan
from grants.planned_realm import exists, holds_scope_of, regains_full_scope
from grants.unusable import unusable
from kcadmin.authz.tickets import ticket_way
from kcadmin.objects.features import SWITCH
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.connection import Connection
from kcadmin.rest.session import session_for
from kcadmin.rest.texts import named
from providers.base import messages
from providers.base.own_state import OwnObject
from providers.checks.loosened import asks_other_roles, has_conditions, other_guards, other_times
from reach.facts import Facts
from reach.gates import default_groups, default_roles
from reach.surroundings import known_clients, surroundings


@dataclass(frozen=True)
class OpeningNotes:
    """notes: a sentence each. in_full: those that the notes shorten or leave out. faults: of grants that allow nothing at all."""

    notes: tuple[str, ...] = ()
    in_full: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def openings(
    connection: Connection,
    grants: Sequence[GrantPlan],
    facts: Facts,
    guards: Collection[str] = (),
    state: Callable[[], Sequence[OwnObject]] = tuple,
) -> OpeningNotes:
    """What the grants allow beyond what they declare, in each realm in which one of them, or a condition, is new or changed.

    :param facts: what the grants were planned from. state: gives what the stack's own state holds.
    :raises KeycloakError: the server cannot be reached.
    """
    notes: list[str] = []
    in_full: list[str] = []
    faults: list[str] = []
    for realm in sorted({grant.spec.realm for grant in grants}):
        here = [grant for grant in grants if grant.spec.realm == realm]
        clients = known_clients(connection, realm, sorted({name for grant in here for name in grant.uuids}))
        held = facts.permissions.get(realm)
        there = state() if has_conditions(here, guards, clients) else ()
        notes += other_times(here, there)
        returning = regains_full_scope(here, clients)
        new = [
            grant
            for grant in here
            if not exists(grant, clients, held, facts.own.owners)
            or asks_other_roles(grant, there)
            or returning & grant.uuids.keys()
        ]
        guarded_anew = other_guards(realm, here, guards, there)
        if not new and not guarded_anew:
            continue
        known = realm_for(session_for(connection), realm)
        switched = {client for grant in here for client in grant.switches}
        legacy = facts.features is None or facts.features.legacy_exchange
        around = surroundings(
            connection,
            realm,
            clients,
            {
                name
                for grant in (here if guarded_anew else new)
                for name in grant.uuids
                if legacy or name in switched or clients[name].is_on(SWITCH)
            },
            facts.features,
            held,
            also=lambda client: (bool(guarded_anew) and client.is_on(SWITCH)) or holds_scope_of(new, client),  # noqa: B023
            full_scope_goes={name for grant in here for name in grant.full_scope_off},
            realm_roles={role.role for grant in new for role in grant.spec.required_roles if not role.client},
        )
        faults += unusable(new, around)
        short, whole = shortened(implied(here, new, around, guards, guards_go=guarded_anew and not guards), realm)
        notes += [*short, *_tickets(known, new, facts), *_default_roles(known, new)]
        unread = [f"note on realm {named(realm)}: {each}." for each in around.unread]
        notes += [each for each in unread if messages.first_time(known, each)]
        in_full += whole
    return OpeningNotes(tuple(notes), tuple(in_full), tuple(faults))


def _tickets(realm: Realm, new: Sequence[GrantPlan], facts: Facts) -> Iterator[str]:
    """Requesters that get a switch, and may then exchange tokens that their own authorization services issue."""
    if facts.features and facts.features.legacy_exchange:  # the legacy exchange lets them do so already
        return
    wanting = {name: grant.spec.name for grant in reversed(new) for name in grant.switches}
    for requester, wanted in wanting.items():
        client = realm.clients.find(requester)
        way = ticket_way(realm, client) if client and not client.is_on(SWITCH) else None
        if way:
            yield (
                f"implied by grant {named(wanted)} in realm {named(realm.name)}: {named(requester)} may also exchange "
                f"for itself tokens of any client whose user gets a token for {named(requester)} from {way}."
            )


def _default_roles(realm: Realm, new: Sequence[GrantPlan]) -> Iterator[str]:
    """Required roles that every user has."""
    gated = [grant.spec for grant in new if grant.spec.required_roles]
    if not gated:
        return
    defaults = default_roles(realm)
    if defaults is None:
        unseen = f"note on realm {named(realm.name)}: default roles: this login may not read them (role view-realm)."
        yield from [unseen] if messages.first_time(realm, unseen) else []
    by_group = {} if defaults is None else default_groups(realm)
    for spec in gated:
        for role in spec.required_roles:
            key = role.client, role.role
            if key in (defaults or ()):
                yield spec.describe(
                    f"required role {named(role)} is a default role of the realm, so every new user has it",
                    "require another role, or take it out of the default roles",
                )
            elif key in by_group:
                yield spec.describe(
                    f"required role {named(role)} comes with the default group {named(by_group[key])}, so every new user has it",
                    "require another role, or take it or the group out of the defaults",
                )
