"""What a program asks the server before it registers anything: features and clients, each once.

Dynamic providers have no invoke, so this takes its place.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType

from kcadmin.authz.exchange_permission import Overview, overview
from kcadmin.objects.audience_scopes import AudienceScope
from kcadmin.objects.bulk_reading import FEW
from kcadmin.objects.claims import claims
from kcadmin.objects.clients import FULL_SCOPE, Client
from kcadmin.objects.features import LEGACY, REFRESH, SAME_SESSION, SWITCH, SWITCH_CLAIM
from kcadmin.objects.realm import features_of, realm_for
from kcadmin.objects.writers import Mark
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import NotFound
from kcadmin.rest.session import Session, session_for
from kcadmin.writes.votes import is_true
from reach.audiences import added
from reach.facts import ClientFacts, Facts, Questions
from reach.fitness import DPOP, bound_by
from reach.gates import Role, full_scope_returns, other_audiences, parts_of, replacing_mappers, ways_in
from reach.held_mappers import held_scopes
from reach.marks_in_sight import marks_of_policies, marks_of_scopes, marks_on
from reach.near import Near
from reach.roles import THREADS

LOGINS = (
    "standardFlowEnabled",
    "directAccessGrantsEnabled",
    "attributes.oauth2.device.authorization.grant.enabled",
    "attributes.oidc.ciba.grant.enabled",
)


def ask_server(
    connection: Connection,
    questions: Questions,
    known: Mapping[tuple[str, str], ClientFacts] = MappingProxyType({}),
) -> Facts:
    """One login, one request a client, and the features where a grant needs them.

    They are also needed for a client whose switch no stack set: without the feature the switch has no effect.

    :param known: what ``named_clients`` has just returned.
    :raises KeycloakError: the server cannot be reached, or refuses the login.
    """
    session = session_for(connection)
    clients, missing = _clients(session, questions.clients, known)
    new_switch = any(key in clients and not clients[key].switch_owners for key in questions.switches)
    features = features_of(session) if questions.ask_features or new_switch else None
    if features and not features.dpop:
        clients = {key: replace(each, bound_by=tuple({*each.bound_by} - {DPOP})) for key, each in clients.items()}
    legacy = features is not None and features.offers(LEGACY)
    parts = {key: _parts(session, clients, *key) for key in sorted(questions.roles)}
    permissions = {
        realm: overview(realm_for(session, realm)) for realm in sorted(questions.permissions - missing) if legacy
    }
    return Facts(
        features,
        clients,
        missing,
        permissions,
        frozenset(key for key, found in parts.items() if found is None),
        {
            gate: ways_in(
                realm_for(session, gate.realm),
                gate.client,
                gate.target,
                full_scope_goes=gate.full_scope_goes,
                on_request=gate.on_request,
                received=gate.received,
                made={name for realm, name, target in questions.made if (realm, target) == (gate.realm, gate.target)},
            )
            for gate in questions.gates
            if {(gate.realm, gate.client), (gate.realm, gate.target)} <= set(clients)
        },
        {key: other_audiences(realm_for(session, key[0]), key[1]) for key in questions.exact if key in clients},
        {
            (realm, name): found
            for realm, name in sorted(questions.scopes)
            if realm not in missing
            for found in realm_for(session, realm).client_scopes.named(name)
        },
        {key: found for key, found in parts.items() if found},
        {
            (realm, client): replacing_mappers(realm_for(session, realm), client)
            for realm, client in sorted(questions.named_in & set(clients))
        },
        {realm: _marks(session, realm, questions, permissions) for realm in {realm for realm, _ in clients}},
        near=Near(session),
    )


def _marks(session: Session, realm: str, questions: Questions, permissions: Mapping[str, Overview]) -> tuple[Mark, ...]:
    """What the other questions have read of a realm."""
    listed = any(gate.realm == realm for gate in questions.gates)
    scopes = realm_for(session, realm).client_scopes.all() if listed else []
    policies = permissions[realm].policies.values() if realm in permissions else []
    return (*marks_of_scopes(scopes), *marks_of_policies(policies))


def named_clients(connection: Connection, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], ClientFacts]:
    """Only the named clients that exist; ``ask`` does not read them again."""
    return _clients(session_for(connection), wanted, {})[0]


def scopes_of(connection: Connection) -> Callable[[str, str], AudienceScope | None]:
    """Reads a client scope by its realm and name."""
    session = session_for(connection)
    return lambda realm, name: next(iter(realm_for(session, realm).client_scopes.named(name)), None)


def _parts(
    session: Session, clients: Mapping[tuple[str, str], ClientFacts], realm: str, client: str, role: str
) -> frozenset[Role] | None:
    """The roles in a role; None if it does not exist."""
    if client and (realm, client) not in clients:
        return frozenset()  # a client that does not exist is another fault
    return parts_of(realm_for(session, realm), client, role)


def _clients(
    session: Session, wanted: Iterable[tuple[str, str]], known: Mapping[tuple[str, str], ClientFacts]
) -> tuple[dict[tuple[str, str], ClientFacts], frozenset[str]]:
    wanted = sorted(wanted)
    found = {key: known[key] for key in wanted if key in known}
    missing: set[str] = set()
    realms = {realm: realm_for(session, realm).clients for realm, _ in wanted}
    for realm, number in Counter(realm for realm, _ in wanted).items():
        realms[realm].expect(number)

    def find(key: tuple[str, str]) -> Client | None:
        realm, client_id = key
        try:
            return None if realm in missing else realms[realm].find(client_id)
        except NotFound:
            missing.add(realm)
            return None

    asked = [key for key in wanted if key not in found]
    first = {realm: (realm, client_id) for realm, client_id in reversed(asked)}.values()
    with ThreadPoolExecutor(1 if len(asked) < FEW else THREADS) as pool:
        for keys in (first, sorted({*asked} - {*first})):  # a missing realm is asked for one client
            clients = zip(keys, pool.map(find, keys), strict=True)
            found |= {key: _facts(client) for key, client in clients if client}
    return {key: found[key] for key in wanted if key in found}, frozenset(missing)


def _facts(client: Client) -> ClientFacts:
    mappers = [each.own for each in added(client, {}) if each.own]
    return ClientFacts(
        uuid=client.uuid,
        client_id=client.client_id,
        enabled=client.is_on("enabled"),
        public=client.is_on("publicClient"),
        bearer_only=client.is_on("bearerOnly"),
        openid_connect=client.value("protocol") in (None, "openid-connect"),
        consent_required=client.is_on("consentRequired"),
        service_account=client.is_on("serviceAccountsEnabled"),
        standard_flow=client.is_on("standardFlowEnabled"),
        direct_access_grants=client.is_on("directAccessGrantsEnabled"),
        switch_on=client.is_on(SWITCH),
        full_scope=client.is_on(FULL_SCOPE),
        full_scope_returns=full_scope_returns(client),
        bound_by=bound_by(client),
        scopes=frozenset(held_scopes(client)),
        marks=tuple(marks_on(client)),
        logs_users_in=any(client.is_on(login) for login in LOGINS),
        refresh_on=client.is_on(SWITCH) and client.value(REFRESH) == SAME_SESSION,
        switch_owners=tuple(
            claim.owner for claim in claims(client, SWITCH_CLAIM) if not is_true(claim.was.get(SWITCH))
        ),
        audiences={
            mapper.included_client: mapper.exchange
            for mapper in sorted(mappers, key=lambda mapper: mapper.exchange == LEGACY)  # a legacy mark wins
            if mapper.included_client
        },
    )
