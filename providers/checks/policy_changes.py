"""What the realm's client policies would do to the clients that grants write: told before, and refused unless accepted."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grants.plan import GrantPlan
from kcadmin.objects.clients import Client
from kcadmin.objects.features import read_features
from kcadmin.objects.predicted_writes import WriteInWords, foretell_put, unread
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.objects.writing_login import writing_login
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import Forbidden
from kcadmin.rest.session import session_for
from kcadmin.writes.prediction import Prediction, RealmPolicies
from kcadmin.writes.votes import ROLES, Version, Write
from providers.checks.planned_writes import PlannedWrite, planned_writes
from reach.facts import Facts
from reach.surroundings import known_clients

UP, DESTROY = "`pulumi up`", "`pulumi destroy`"
WAYS_OUT = (
    "take the client out of the policy's conditions, let the client's owner make it as the policy wants first, or let the owner "
    "put the switch on and set manageSwitch: false"
)
ACCEPT = "acceptPolicyChanges: [{fields}]"


@dataclass(frozen=True)
class PolicyChanges:
    """faults: why grants are refused. notes: what was accepted, and what cannot be told. A sentence each."""

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def policy_changes(
    connection: Connection, grants: Sequence[GrantPlan], facts: Facts, guards: Collection[str]
) -> PolicyChanges:
    """What client policies do at the writes of grants, in each realm where a client will be written; else nothing is read.

    :param facts: what the grants were planned from. guards: see ``register_grants``.
    :raises KeycloakError: the server cannot be reached.
    """
    faults: dict[str, None] = {}
    notes: dict[str, None] = {}
    for realm_name in sorted({grant.spec.realm for grant in grants}):
        here = [grant for grant in grants if grant.spec.realm == realm_name]
        clients = known_clients(connection, realm_name, sorted({name for grant in here for name in grant.uuids}))
        writes = _needed(here, clients, facts, guards)
        if not writes:
            continue
        realm = realm_for(session_for(connection), realm_name)
        policies, readable = realm.policies()
        if not readable:
            notes[unread(realm)] = None
        version = _version(realm, facts) if policies.acting else None
        writer = writing_login(realm.session, realm_name, policies)
        for needed in writes:
            client = clients[needed.planned.client]
            plain = Write(client.representation, {}, _defined(realm, client, policies), writer, version)
            for when, foretold in _foretold(needed.planned, client, plain, policies):
                said = WriteInWords(client.client_id, realm_name, when, WAYS_OUT, ACCEPT, needed.accepted)
                faults |= dict.fromkeys(said.faults(foretold))
                notes |= dict.fromkeys(said.notes(foretold))
    return PolicyChanges(tuple(faults), tuple(notes))


@dataclass(frozen=True)
class _Needed:
    """A write that happens. accepted: what any grant that needs it accepts."""

    planned: PlannedWrite
    accepted: frozenset[str]


def _needed(
    grants: Sequence[GrantPlan], clients: Mapping[str, Client], facts: Facts, guards: Collection[str]
) -> list[_Needed]:
    found: dict[tuple[str, ...], _Needed] = {}
    for grant in grants:
        accepted = frozenset(grant.spec.accept_policy_changes)
        for planned in planned_writes(grant, guards, facts.permissions.get(grant.spec.realm)):
            if planned.client in clients and planned.happens(clients[planned.client], facts.own.owners):
                key = (planned.client, str(planned.kind), repr(sorted(planned.values.items())))
                known = found.get(key, _Needed(planned, frozenset()))
                found[key] = replace(known, accepted=known.accepted | accepted)
    return list(found.values())


def _version(realm: Realm, facts: Facts) -> Version:
    return (facts.features or read_features(realm.session)).version


def _defined(realm: Realm, client: Client, policies: RealmPolicies) -> frozenset[str] | None:
    """The roles that a client defines, where a policy asks for some; None where they are not known."""
    if not policies.asks_for(ROLES):
        return None
    try:
        found = realm.session.get(realm.clients.path(client.uuid, "roles"))
    except Forbidden:
        return None
    return frozenset(str(each["name"]) for each in found)


def _foretold(
    planned: PlannedWrite, client: Client, plain: Write, policies: RealmPolicies
) -> Iterator[tuple[str, Prediction]]:
    """For the write that takes a setting, and for the one that gives it back."""
    values = planned.changes()
    back = {field: client.value(field) for field in values}
    for when, described, sent in ((UP, client, values), (DESTROY, client.with_values(values), back)):
        yield when, foretell_put(replace(plain, client=described.representation), sent, policies)
