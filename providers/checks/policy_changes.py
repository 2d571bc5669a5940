"""What the realm's client policies would do to the clients that grants write: reported before, and refused unless accepted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from grants.plan import GrantPlan
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import realm_for
from kcadmin.rest.connection import Connection
from kcadmin.rest.session import session_for
from providers.checks.planned_writes import planned_writes
from reach.facts import Facts
from reach.judged_writes import CONFORM, EXEMPT, ClientWrite, PolicyChanges, judge_writes
from reach.surroundings import known_clients

WAYS_OUT = f"{EXEMPT}, {CONFORM}, or let the owner put the switch on and set manageSwitch: false"
ACCEPT = "acceptPolicyChanges: [{fields}]"


def policy_changes(
    connection: Connection, grants: Sequence[GrantPlan], facts: Facts, guards: Collection[str]
) -> PolicyChanges:
    """What client policies do at the writes of grants, in each realm in which a client will be written; others are not read.

    :param facts: what the grants were planned from. guards: see ``register_grants``.
    :raises KeycloakError: the server cannot be reached.
    """
    found = []
    session = session_for(connection)
    for realm_name in sorted({grant.spec.realm for grant in grants}):
        here = [grant for grant in grants if grant.spec.realm == realm_name]
        clients = known_clients(connection, realm_name, sorted({name for grant in here for name in grant.uuids}))
        writes = _needed(here, clients, facts, guards)
        realm = realm_for(session, realm_name)
        found.append(judge_writes(realm, writes, (WAYS_OUT, ACCEPT)))
    return PolicyChanges(
        tuple(dict.fromkeys(fault for each in found for fault in each.faults)),
        tuple(dict.fromkeys(note for each in found for note in each.notes)),
    )


def _needed(
    grants: Sequence[GrantPlan], clients: Mapping[str, Client], facts: Facts, guards: Collection[str]
) -> list[ClientWrite]:
    """The writes that will happen. One that several grants need may change what any of them accepts."""
    found: dict[tuple[str, ...], ClientWrite] = {}
    for grant in grants:
        accepted = frozenset(grant.spec.accept_policy_changes)
        for planned in planned_writes(grant, guards, facts.permissions.get(grant.spec.realm)):
            if planned.client in clients and planned.happens(clients[planned.client], facts.own.owners):
                key = (planned.client, str(planned.kind), repr(sorted(planned.values.items())))
                known = found.get(key) or ClientWrite(clients[planned.client], planned.changes())
                found[key] = replace(known, accepted=accepted.union(known.accepted))
    return list(found.values())
