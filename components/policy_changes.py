"""What the realm's client policies would do to the clients that grants write: told before, and refused unless accepted."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.planned_writes import PlannedWrite, planned_writes
from components.wiring import GrantPlan
from kcadmin.client_writes import told
from kcadmin.clients import ATTRIBUTE, Client
from kcadmin.connection import Connection
from kcadmin.errors import Forbidden, sentence
from kcadmin.features import read_features
from kcadmin.partial_put import body_of
from kcadmin.policy_votes import ROLES, Version, Write, WritingLogin
from kcadmin.realm import Realm, realm_for
from kcadmin.seen_policies import ROLE
from kcadmin.session import session_for
from kcadmin.texts import named
from kcadmin.write_prediction import Cause, Change, Foretold, RealmPolicies, foretell, left_out, weak
from providers.facts import Facts
from providers.surroundings import known_clients

UP, DESTROY = "`pulumi up`", "`pulumi destroy`"
WAYS_OUT = (
    "take the client out of the policy's conditions, let the client's owner make it as the policy wants first, or let the owner "
    "put the switch on and set manageSwitch: false"
)


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
            notes[_unread(realm)] = None
        version = _version(realm, facts) if policies.acting else None
        writer = _writer(connection, realm_name)
        for needed in writes:
            client = clients[needed.planned.client]
            plain = Write(client.representation, {}, _defined(realm, client, policies), writer, version)
            for when, foretold in _foretold(needed.planned, client, plain, policies):
                faults |= dict.fromkeys(_faults(client, realm_name, when, foretold, needed.accepted))
                notes |= dict.fromkeys(_notes(client, realm_name, when, foretold, needed.accepted))
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
            if planned.client in clients and planned.happens(clients[planned.client]):
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


def _writer(connection: Connection, realm: str) -> WritingLogin:
    """A login of another realm holds no role that a policy can ask for; of one of this realm nothing is known here."""
    return WritingLogin() if connection.login_realm == realm else WritingLogin(roles=frozenset())


def _foretold(
    planned: PlannedWrite, client: Client, plain: Write, policies: RealmPolicies
) -> Iterator[tuple[str, Foretold]]:
    """For the write that takes a setting, and for the one that gives it back."""
    values = planned.changes()
    back = {field: client.value(field) for field in values}
    for when, described, sent in ((UP, client, values), (DESTROY, client.with_values(values), back)):
        yield when, _foretell(replace(plain, client=described.representation), sent, policies)


def _foretell(plain: Write, values: Mapping[str, Any], policies: RealmPolicies) -> Foretold:
    """What comes of a write that repeats what policies look at; where Keycloak refuses it, of one that lets them change it."""

    def of(without: Collection[str] = ()) -> tuple[Foretold, Mapping[str, Any]]:
        body, repeated = body_of(plain.client, values, policies, lambda: True, without)
        return foretell(replace(plain, body=body), policies), repeated

    whole, repeated = of()
    if whole.refused:
        for without in left_out(weak(repeated)):
            changed = of(without)[0]
            if not changed.refused:
                return changed
    return whole


def _faults(client: Client, realm: str, when: str, foretold: Foretold, accepted: Collection[str]) -> Iterator[str]:
    if foretold.refused:
        cause, why = foretold.refused
        wrong = f"{cause} would refuse what {when} writes, since {why}"
        yield sentence("client", client.client_id, realm, wrong, WAYS_OUT)
    for cause_, changes in _by_cause(foretold.changes).items():
        refused = [change for change in changes if _name(change) not in accepted]
        if refused:
            fields = ", ".join(_name(change) for change in refused)
            wrong = f"{cause_} would change {', '.join(map(_change, refused))} when {when} writes this client"
            yield sentence(
                "client", client.client_id, realm, wrong, f"{WAYS_OUT}; or accept it by acceptPolicyChanges: [{fields}]"
            )


def _notes(client: Client, realm: str, when: str, foretold: Foretold, accepted: Collection[str]) -> Iterator[str]:
    changes = [change for change in foretold.changes if _name(change) in accepted]
    if changes:
        what = f"{', '.join(map(_change, changes))} when {when} writes it, as accepted; nothing gives that back"
        yield f"note on client {named(client.client_id)} in realm {named(realm)}: client policies change {what}."
    if foretold.undecided:
        causes = ", ".join(map(str, foretold.undecided))
        wrong = f"only the server can tell what {causes} does when {when} writes this client"
        yield sentence("client", client.client_id, realm, wrong, "`pulumi up` compares the client after each write")


def _unread(realm: Realm) -> str:
    return (
        f"client policies of realm {named(realm.name)}: this login may not read them, so what they change or refuse when clients "
        f"are written is not known before; give it the role {ROLE} of the client {named(realm.management_client_id)}."
    )


def _by_cause(changes: Sequence[Change]) -> dict[Cause | str, list[Change]]:
    found: dict[Cause | str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.cause, []).append(change)
    return found


def _name(change: Change) -> str:
    return change.field.removeprefix(ATTRIBUTE)


def _change(change: Change) -> str:
    return f"{_name(change)} from {told(change.field, change.before)} to {told(change.field, change.after)}"
