"""Everything in a realm that decides exchanges, for commands that read all of it; a stack's runs never do.

https://www.keycloak.org/docs-api/latest/rest-api/index.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.authz.exchange_permission import ENFORCING, UNANIMOUS, Overview, overview
from kcadmin.guards.client_policies import POLICIES, PROFILES, Entry, judging
from kcadmin.objects.client_scopes import DEFAULT, TO_SEE, UNSEEN
from kcadmin.objects.clients import Client
from kcadmin.objects.features import Features
from kcadmin.objects.realm import Realm, realm_for
from kcadmin.rest.errors import Forbidden, NotFound, Refusal
from kcadmin.rest.session import PAGES_AT_ONCE, Session
from kcadmin.rest.texts import named
from reach.heeded import as_heeded, heeded_scopes
from reach.held_mappers import Walked
from reach.introspection import NOBODY, Introspectors, introspectors

Json = Mapping[str, Any]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Permission:
    """A client's token-exchange permission on the realm's own resource server; ``policies`` are names."""

    target: str
    strategy: str
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """What a realm holds. clients: by client id. scopes: client scopes by name, as Keycloak describes them.

    policies: those of the realm's own resource server, by name; they refer to clients by client id and to other policies by name.
    permissions: by the target's client id. enforcement, strategy: of that resource server.
    client_policies, client_profiles: None where the login may not read them. introspectors: those that get complete tokens.
    """

    realm: str
    features: Features
    clients: Mapping[str, Client]
    scopes: Mapping[str, Json]
    policies: Mapping[str, Json]
    permissions: Mapping[str, Permission]
    client_policies: tuple[Entry, ...] | None
    client_profiles: tuple[Entry, ...] | None
    enforcement: str = ENFORCING
    strategy: str = UNANIMOUS
    introspectors: Introspectors = NOBODY

    def __post_init__(self) -> None:
        if not isinstance(self.scopes, Walked):
            object.__setattr__(self, "scopes", Walked(self.scopes))


def survey(session: Session, realm_name: str, progress: Progress = lambda what: None) -> Survey:
    """Reads a realm: its clients in pages of 100, client scopes, the realm's own permissions, client policies.

    :param progress: called with what is being read.
    :raises Refusal: the realm does not exist, or the login may not see it, or none of its client scopes.
    """
    realm = realm_for(session, realm_name)
    progress("features")
    features = realm.features()
    clients: dict[str, Client] = {}
    try:
        for page in realm.clients.pages(PAGES_AT_ONCE):
            clients.update((client.client_id, as_heeded(client, lambda: features)) for client in page)
            progress(f"{len(clients)} clients")
    except NotFound:
        raise Refusal(f"realm {named(realm_name)}: does not exist, or the login may not see it; correct it.") from None
    progress("client scopes")
    scopes = heeded_scopes(realm.client_scopes.all(), lambda: features)
    if not scopes and any(each.value(f"{DEFAULT}ClientScopes") == [] for each in clients.values()):  # as in 26.8
        raise Refusal(f"realm {named(realm_name)}: its {UNSEEN}, or it has none; {TO_SEE}.")
    progress("permissions")
    held = overview(realm)
    progress("client policies")
    return Survey(
        realm_name,
        features,
        clients,
        scopes,
        held.policies,
        permissions_in(held, clients),
        entries_to_see(realm, POLICIES),
        entries_to_see(realm, PROFILES),
        held.enforcement,
        held.strategy,
        introspectors(realm, [*clients.values()], features),
    )


def permissions_in(held: Overview, clients: Mapping[str, Client]) -> dict[str, Permission]:
    """The token-exchange permissions of these clients, by client id."""
    by_uuid = {client.uuid: name for name, client in clients.items()}
    found = ((by_uuid[uuid], said) for uuid, said in held.permissions.items() if uuid in by_uuid)
    return {target: Permission(target, *said) for target, said in found}


def entries_to_see(realm: Realm, kind: str) -> tuple[Entry, ...] | None:
    """The realm's client policies or profiles; None where the login may not read them."""
    try:
        return tuple(judging(realm, kind))
    except (Forbidden, Refusal):
        return None
