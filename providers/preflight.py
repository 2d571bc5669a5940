"""What a program asks the server before it registers anything: features and clients, each once.

A dynamic provider offers no invoke, so this is what one would be.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kcadmin import features as server_features
from kcadmin.audiences import FULL_SCOPE, AudienceSource, Openings, openings, other_audiences
from kcadmin.client_scopes import AudienceScope, scope_token
from kcadmin.clients import Client
from kcadmin.connection import Connection
from kcadmin.errors import NotFound
from kcadmin.features import LEGACY, STANDARD, Features
from kcadmin.mappers import AUDIENCE_MAPPER, AudienceMapper
from kcadmin.ownership import claims, hash16, owned_name
from kcadmin.permissions import AFFIRMATIVE, Overview, overview
from kcadmin.realm import realm_for
from kcadmin.session import Session, session_for
from providers.standard_token_exchange import KIND, REFRESH, SAME_SESSION, SWITCH

LOGINS = (
    "standardFlowEnabled",
    "directAccessGrantsEnabled",
    "attributes.oauth2.device.authorization.grant.enabled",
    "attributes.oidc.ciba.grant.enabled",
)
__all__ = [
    "AFFIRMATIVE",
    "LEGACY",
    "STANDARD",
    "AudienceScope",
    "ClientFacts",
    "Facts",
    "Gate",
    "Openings",
    "Overview",
    "Questions",
    "ask",
    "hash16",
    "owned_name",
    "scope_token",
]


@dataclass(frozen=True)
class ClientFacts:
    """What a grant must know of a client.

    switch_owners: the stacks that turned the standard exchange on; none where it was on before them.
    audiences: what mappers put into its tokens, with our mark of the exchange.
    """

    uuid: str
    client_id: str
    enabled: bool
    public: bool
    bearer_only: bool
    openid_connect: bool
    consent_required: bool
    service_account: bool
    standard_flow: bool
    direct_access_grants: bool
    switch_on: bool
    switch_owners: tuple[str, ...]
    audiences: Mapping[str, str | None]
    refresh_on: bool = False
    full_scope: bool = True
    logs_users_in: bool = True


@dataclass(frozen=True)
class Gate:
    """A client whose tokens are to name a target for some users only. full_scope_goes: the run switches full scope off."""

    realm: str
    client: str
    target: str
    full_scope_goes: bool = False


@dataclass(frozen=True)
class Facts:
    """What the server said. A client that does not exist is absent; a realm that does not is in ``missing_realms``.

    ``permissions``: by realm, what holds legacy grants there; asked only where some grant may be legacy.
    missing_roles: (realm, client id or "", role) of those asked for that do not exist. openings: of the gates asked for.
    other_audiences: of the clients asked for, what puts audiences beside their own into their tokens.
    scopes: the client scopes asked for that are there.
    """

    features: Features | None
    clients: Mapping[tuple[str, str], ClientFacts]
    missing_realms: frozenset[str] = frozenset()
    permissions: Mapping[str, Overview] = field(default_factory=dict)
    missing_roles: frozenset[tuple[str, str, str]] = frozenset()
    openings: Mapping[Gate, Openings] = field(default_factory=dict)
    other_audiences: Mapping[tuple[str, str], tuple[AudienceSource, ...]] = field(default_factory=dict)
    scopes: Mapping[tuple[str, str], AudienceScope] = field(default_factory=dict)


@dataclass(frozen=True)
class Questions:
    """What a program wants to know. ``switches``: clients to switch to the standard exchange, where it is the one used.

    ``permissions``: realms in which a grant may hang on the legacy permissions.
    """

    clients: frozenset[tuple[str, str]]
    ask_features: bool
    permissions: frozenset[str] = frozenset()
    switches: frozenset[tuple[str, str]] = frozenset()
    roles: frozenset[tuple[str, str, str]] = frozenset()
    gates: frozenset[Gate] = frozenset()
    exact: frozenset[tuple[str, str]] = frozenset()
    scopes: frozenset[tuple[str, str]] = frozenset()


def ask(connection: Connection, questions: Questions) -> Facts:
    """One login, one look-up a client, and the features where a grant needs them.

    A client that no stack has switched to the standard exchange needs them too: without the feature the switch is inert.

    :raises KeycloakError: the server cannot be reached, or refuses the login.
    """
    session = session_for(connection)
    clients, missing = _clients(session, questions.clients)
    new_switch = any(key in clients and not clients[key].switch_owners for key in questions.switches)
    features = server_features.read_features(session) if questions.ask_features or new_switch else None
    legacy = features is not None and features.offers(LEGACY)
    return Facts(
        features,
        clients,
        missing,
        {realm: overview(realm_for(session, realm)) for realm in sorted(questions.permissions - missing) if legacy},
        frozenset(key for key in questions.roles if not _has_role(session, clients, *key)),
        {
            gate: openings(
                realm_for(session, gate.realm), gate.client, gate.target, full_scope_goes=gate.full_scope_goes
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
    )


def _has_role(
    session: Session, clients: Mapping[tuple[str, str], ClientFacts], realm: str, client: str, role: str
) -> bool:
    if client and (realm, client) not in clients:
        return True  # a client that does not exist is a fault of its own
    return realm_for(session, realm).has_role(role, client or None)


def _clients(
    session: Session,
    wanted: Iterable[tuple[str, str]],
) -> tuple[dict[tuple[str, str], ClientFacts], frozenset[str]]:
    found: dict[tuple[str, str], ClientFacts] = {}
    missing: set[str] = set()
    wanted = sorted(wanted)
    for realm, number in Counter(realm for realm, _ in wanted).items():
        realm_for(session, realm).clients.expect(number)
    for realm, client_id in wanted:
        if realm in missing:
            continue
        try:
            client = realm_for(session, realm).clients.find(client_id)
        except NotFound:
            missing.add(realm)
            continue
        if client:
            found[realm, client_id] = _facts(client)
    return found, frozenset(missing)


def _facts(client: Client) -> ClientFacts:
    mappers = [AudienceMapper.read(each) for each in client.mappers if each["protocolMapper"] == AUDIENCE_MAPPER]
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
        logs_users_in=any(client.is_on(login) for login in LOGINS),
        refresh_on=client.is_on(SWITCH) and client.value(REFRESH) == SAME_SESSION,
        switch_owners=tuple(
            claim.owner for claim in claims(client.attributes, KIND) if claim.was.get(SWITCH) != "true"
        ),
        audiences={
            mapper.included_client: mapper.exchange
            for mapper in sorted(mappers, key=lambda mapper: mapper.exchange == LEGACY)  # a legacy mark wins
            if mapper.included_client and mapper.access_token
        },
    )
