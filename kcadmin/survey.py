"""A whole realm as it decides about exchanges, for the commands that look at all of it; a stack's runs never do.

https://www.keycloak.org/docs-api/latest/rest-api/index.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.client_policies import POLICIES, PROFILES, Entry, entries
from kcadmin.clients import Client
from kcadmin.errors import Forbidden, NotFound, Refusal
from kcadmin.features import Features, read_features
from kcadmin.permissions import permission_name
from kcadmin.realm import Realm, realm_for
from kcadmin.session import Session

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

    policies: those of the realm's own resource server, by name; they name clients by client id and other policies by name.
    permissions: by the target's client id. client_policies, client_profiles: None where the login may not read them.
    """

    realm: str
    features: Features
    clients: Mapping[str, Client]
    scopes: Mapping[str, Json]
    policies: Mapping[str, Json]
    permissions: Mapping[str, Permission]
    client_policies: tuple[Entry, ...] | None
    client_profiles: tuple[Entry, ...] | None


def survey(session: Session, realm_name: str, progress: Progress = lambda what: None) -> Survey:
    """Reads a realm: its clients in pages of 100, client scopes, the realm's own permissions, client policies.

    :param progress: told what is being read.
    :raises Refusal: the realm does not exist, or the login may not see it.
    """
    realm = realm_for(session, realm_name)
    progress("features")
    features = read_features(session)
    clients: dict[str, Client] = {}
    try:
        for page in realm.clients.pages():
            clients.update((client.client_id, client) for client in page)
            progress(f"{len(clients)} clients")
    except NotFound:
        raise Refusal(f"realm '{realm_name}': does not exist, or the login may not see it; correct it.") from None
    progress("client scopes")
    scopes = {str(each["name"]): each for each in realm.client_scopes.all()}
    progress("permissions")
    settings = realm.permissions_server().settings() or {}
    policies = {str(each["name"]): each for each in settings.get("policies") or []}
    progress("client policies")
    return Survey(
        realm_name,
        features,
        clients,
        scopes,
        policies,
        _permissions(policies, clients),
        _client_policies(realm, POLICIES),
        _client_policies(realm, PROFILES),
    )


def names_in(policy: Json, key: str) -> tuple[str, ...]:
    """A list in a policy's ``config``, which Keycloak exports as JSON in a text: ``clients``, ``applyPolicies``, ``roles``."""
    return tuple(json.loads((policy.get("config") or {}).get(key) or "[]"))


def _permissions(policies: Mapping[str, Json], clients: Mapping[str, Client]) -> dict[str, Permission]:
    by_uuid = {client.uuid: name for name, client in clients.items()}
    prefix = permission_name("")
    found = {}
    for name, each in policies.items():
        target = by_uuid.get(name.removeprefix(prefix))
        if each["type"] == "scope" and name.startswith(prefix) and target:
            held = names_in(each, "applyPolicies")
            found[target] = Permission(target, str(each["decisionStrategy"]), held)
    return found


def _client_policies(realm: Realm, kind: str) -> tuple[Entry, ...] | None:
    try:
        return tuple(entries(realm, kind) or ())
    except (Forbidden, Refusal):
        return None
