"""What a program tells of all that its grants open, before it opens anything. It reads the realm only where a grant is new."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from components.closure import implied, shortened
from components.planned_realm import exists
from components.wiring import GrantPlan
from kcadmin.connection import Connection
from kcadmin.features import SWITCH
from kcadmin.texts import named
from providers.facts import Facts
from providers.surroundings import known_clients, surroundings


@dataclass(frozen=True)
class Openings:
    """notes: a sentence each. in_full: those that the notes shorten or leave out."""

    notes: tuple[str, ...] = ()
    in_full: tuple[str, ...] = ()


def openings(
    connection: Connection, grants: Sequence[GrantPlan], facts: Facts, guards: Collection[str] = ()
) -> Openings:
    """What the grants open beyond what they declare, in each realm where one of them is new or changed.

    :param facts: what the grants were planned from.
    :raises KeycloakError: the server cannot be reached.
    """
    notes: list[str] = []
    in_full: list[str] = []
    for realm in sorted({grant.spec.realm for grant in grants}):
        here = [grant for grant in grants if grant.spec.realm == realm]
        clients = known_clients(connection, realm, sorted({name for grant in here for name in grant.uuids}))
        held = facts.permissions.get(realm)
        new = [grant for grant in here if not exists(grant, clients, held)]
        if not new:
            continue
        switched = {client for grant in here for client in grant.switches}
        legacy = facts.features is None or facts.features.legacy_exchange
        around = surroundings(
            connection,
            realm,
            clients,
            {
                name
                for grant in new
                for name in grant.uuids
                if legacy or name in switched or clients[name].is_on(SWITCH)
            },
            facts.features,
            held,
            full_scope_goes={name for grant in here for name in grant.full_scope_off},
            realm_roles={role.role for grant in new for role in grant.spec.required_roles if not role.client},
        )
        short, whole = shortened(implied(here, new, around, guards), realm)
        notes += [*short, *(f"note on realm {named(realm)}: {each}." for each in around.unread)]
        in_full += whole
    return Openings(tuple(notes), tuple(in_full))
