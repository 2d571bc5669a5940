"""What a program reads of a realm before it allows something new: all that decides exchanges there, as for ``graph``."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from kcadmin.authz.exchange_permission import Overview
from kcadmin.guards.parts import MARK
from kcadmin.objects.bulk_reading import CLIENTS_READ
from kcadmin.objects.client_scopes import DEFAULT
from kcadmin.objects.clients import FULL_SCOPE, Client
from kcadmin.objects.features import Features
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import Forbidden
from kcadmin.rest.session import path, session_for
from reach.among_clients import survey_of
from reach.audiences import Shapes, switched
from reach.roles import RoleFacts, survey_roles
from reach.survey import Json, Survey

NOTES_SECONDS = 30.0
"""How old copies of other clients may be, in seconds, for notes on what a grant allows. Many grants of a run need them."""
_WITHOUT = "this login may not read them (role {}), so they are left out of account"


@dataclass(frozen=True)
class Surroundings:
    """The content of a realm.

    roles: of the requested clients. composites: of the requested realm roles. unread: what is missing, a sentence each.
    """

    survey: Survey
    roles: RoleFacts
    composites: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()


def known_clients(connection: Connection, realm_name: str, client_ids: Iterable[str]) -> dict[str, Client]:
    """Clients that the program has read before, so without a request."""
    clients = realm_for(session_for(connection), realm_name).clients
    return {name: client for name in client_ids if (client := clients.find(name))}


def surroundings(
    connection: Connection,
    realm_name: str,
    named: Mapping[str, Client],
    asking: Collection[str],
    features: Features | None = None,
    held: Overview | None = None,
    *,
    also: Callable[[Client], bool] = lambda client: False,
    full_scope_goes: Collection[str] = (),
    realm_roles: Collection[str] = (),
) -> Surroundings:
    """Reads a realm: its clients where they are 2,000 at most, client scopes, permissions, client policies.

    :param named: the known clients. asking: those of them whose exchanges change, and whose roles count.
    :param also: which other clients' exchanges change.
    :param features, held: where they were read before. full_scope_goes: the clients whose full scope is to be switched off.
    :param realm_roles: those that users are required to hold.
    """
    session = session_for(connection)
    realm = realm_for(session, realm_name)
    features = features or realm.features()
    unread: list[str] = []
    clients = _clients(realm, named, unread)
    try:
        scopes: list[Json] = realm.client_scopes.all()
        if not scopes and any(each.value(f"{DEFAULT}ClientScopes") == [] for each in named.values()):  # as in 26.8
            unread.append("client scopes: this login sees none, so they are left out of account")
    except Forbidden:
        scopes = []
        unread.append(f"client scopes: {_WITHOUT.format('view-clients')}")
    survey, unseen = survey_of(realm, features, clients, scopes, held, realm.policies())
    unread += unseen
    if (survey.client_policies is None or survey.client_profiles is None) and _is_under_policies(survey, asking):
        unread.append(f"client policies: {_WITHOUT.format('view-realm')}")
    restricted = {
        name: client.with_values({FULL_SCOPE: False}) if name in full_scope_goes else client
        for name, client in clients.items()
    }
    asking = {*asking, *(name for name, client in clients.items() if also(client))}
    try:
        roles = survey_roles(session, replace(survey, clients=restricted), of=asking)
    except Forbidden:
        roles = RoleFacts()
        unread.append(f"roles and scope mappings: {_WITHOUT.format('view-clients')}")
    composites = frozenset(
        name for name in realm_roles if session.get(path("admin", "realms", realm_name, "roles", name)).get("composite")
    )
    return Surroundings(survey, roles, composites, tuple(unread))


def _is_under_policies(survey: Survey, asking: Collection[str]) -> bool:
    """Whether client policies may matter: a client has a mark of guards, or a mapper acts only on lightweight tokens."""
    named = (survey.clients[name] for name in asking if name in survey.clients)
    return any(client.attributes.get(MARK) for client in survey.clients.values()) or any(
        each.when for client in named for each in switched(client, survey.scopes, Shapes(lighteners=None))
    )


def _clients(realm: Realm, named: Mapping[str, Client], unread: list[str]) -> dict[str, Client]:
    try:
        found = realm.clients.at_most(CLIENTS_READ, NOTES_SECONDS)
    except Forbidden:
        unread.append(f"other clients: {_WITHOUT.format('view-clients')}")
        return dict(named)
    if found is None:
        unread.append(
            f"other clients: the realm has more than {CLIENTS_READ:,}, so the named ones alone were read; after `pulumi up`, "
            "`python -m exchange graph --fail-on undeclared` reads all"
        )
        return dict(named)
    others = {client.client_id for client in found} - {*named, realm.management_client_id}
    if not others:
        unread.append("other clients: this login sees none, as one made with --only, so they are left out of account")
    return {**{client.client_id: client for client in found}, **named}
