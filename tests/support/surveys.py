"""Surveys of realms that no server has, for what is computed of them."""

import json
from collections.abc import Mapping
from typing import Any

from kcadmin.objects.clients import Client
from kcadmin.objects.features import Features
from kcadmin.objects.resource_server import permission_name
from reach.allowed import RealmReach
from reach.exchanges import Reach
from reach.reasons import Ways, always
from reach.survey import Permission, Survey

BOTH = Features(True, True, True)
STANDARD_ONLY = Features(True, False, False)
ROLES_SCOPE = {
    "id": "scope-roles",
    "name": "roles",
    "protocol": "openid-connect",
    "protocolMappers": [
        {
            "id": "resolve",
            "name": "audience resolve",
            "protocolMapper": "oidc-audience-resolve-mapper",
            "config": {"access.token.claim": "true"},
        }
    ],
}


def mapper(audience: str, name: str = "", **config: str) -> dict[str, Any]:
    """An audience mapper that names a client."""
    settings = {"included.client.audience": audience, "access.token.claim": "true", **config}
    return {
        "id": f"id-{name or audience}",
        "name": name or f"to {audience}",
        "protocolMapper": "oidc-audience-mapper",
        "config": settings,
    }


def client(name: str, *audiences: str | dict[str, Any], switch: bool = False, **fields: Any) -> Client:
    """A confidential client without full scope that holds the client scope ``roles``."""
    attributes = {"standard.token.exchange.enabled": "true"} if switch else {}
    representation = {
        "enabled": True,
        "protocol": "openid-connect",
        "fullScopeAllowed": False,
        "defaultClientScopes": ["roles"],
        **fields,
        "attributes": {**attributes, **fields.get("attributes", {})},
    }
    mappers = tuple(each if isinstance(each, dict) else mapper(each) for each in audiences)
    return Client(f"uuid-{name}", name, representation, mappers)


def policy(type_: str, name: str, *members: str, logic: str = "POSITIVE", **fields: Any) -> dict[str, Any]:
    """A policy as a resource server exports it. members: client ids, or names of policies."""
    key = "applyPolicies" if type_ == "aggregate" else "clients"
    config = {key: json.dumps(members)} if type_ in ("aggregate", "client") else {}
    return {"name": name, "type": type_, "logic": logic, "config": config, **fields}


def survey(
    *clients: Client,
    scopes: Mapping[str, Any] | None = None,
    policies: tuple[Mapping[str, Any], ...] = (),
    permissions: Mapping[str, tuple[str, ...]] | None = None,
    strategy: str = "AFFIRMATIVE",
    features: Features = STANDARD_ONLY,
    **fields: Any,
) -> Survey:
    """A realm of these. permissions: by target, names of the policies on its token-exchange permission."""
    by_name = {each.client_id: each for each in clients}
    held = {target: Permission(target, strategy, names) for target, names in (permissions or {}).items()}
    own = [
        {"name": permission_name(by_name[target].uuid), "type": "scope", "config": {}, "logic": "POSITIVE"}
        for target in held
    ]
    return Survey(
        "r",
        features,
        by_name,
        {"roles": ROLES_SCOPE, **(scopes or {})},
        {str(each["name"]): each for each in (*policies, *own)},
        held,
        fields.get("client_policies", ()),
        fields.get("client_profiles", ()),
    )


def simplified(reach: RealmReach, *, conditional: bool = True) -> Reach:
    """For confidential clients, without what users' roles allow. conditional: with what holds under conditions, too."""

    def kept(ways: Ways) -> bool:
        return bool(ways) and (conditional or always(ways))

    def held(names: Mapping[str, Mapping[str, Ways]]) -> dict[str, frozenset[str]]:
        return {name: frozenset(each for each, ways in some.items() if kept(ways)) for name, some in names.items()}

    return Reach(
        held(reach.names),
        reach.standard,
        reach.legacy,
        held(reach.permissions),
        reach.guards.requesters,
        reach.guards.sources,
        {
            (requester, audience): sources
            for requester in reach.guards.asked
            for audience in reach.names.get(requester, ())
            if (sources := reach.sources_asking(requester, audience)) is not None
        },
    )
