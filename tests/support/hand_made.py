"""What administrators do to a realm by hand, so that tests find it there."""

from collections.abc import Sequence
from typing import Any

from tests.support.realms import TestRealm

SWITCH = "standard.token.exchange.enabled"


def switch(realm: TestRealm, client: str, on: str = "true") -> None:
    """A client's standard exchange."""
    realm.change(client, attributes={SWITCH: on})


def policy(realm: TestRealm, type_: str, name: str, **fields: Any) -> str:
    """A policy on the realm's own resource server, which the first permission makes; gives its id."""
    body = {"name": name, **fields}
    return str(realm.session.post_json(f"{_server(realm)}/policy/{type_}", body)["id"])


def permission(realm: TestRealm, target: str, policies: Sequence[str], strategy: str = "AFFIRMATIVE") -> None:
    """Puts policies, by id, on the token-exchange permission of a client, beside those that it has."""
    at = realm.at("clients", realm.uuid(target), "management", "permissions")
    found = realm.session.put_json(at, {"enabled": True})["scopePermissions"]["token-exchange"]
    held = [each["id"] for each in realm.session.get(f"{_server(realm)}/policy/{found}/associatedPolicies")]
    realm.session.put(
        f"{_server(realm)}/permission/scope/{found}",
        {
            "name": f"token-exchange.permission.client.{realm.uuid(target)}",
            "type": "scope",
            "policies": [*held, *policies],
            "decisionStrategy": strategy,
        },
    )


def scope(realm: TestRealm, name: str, audience: str, holder: str, kind: str = "default", role: str = "") -> None:
    """A client scope that puts an audience into the tokens of its holder, for those with a role of the realm."""
    mapper = {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.client.audience": audience, "access.token.claim": "true"},
    }
    scope_id = realm.session.create(
        realm.at("client-scopes"), {"name": name, "protocol": "openid-connect", "protocolMappers": [mapper]}
    )
    if role:
        found = realm.get("roles", role)
        realm.session.post(realm.at("client-scopes", scope_id, "scope-mappings", "realm"), [found])
    at = realm.at("clients", realm.uuid(holder), f"{kind}-client-scopes", scope_id)
    realm.session.put(at, None)


def robot_with(realm: TestRealm, name: str, *roles: str) -> None:
    """A client that may log in and do what these roles of ``realm-management`` allow."""
    realm.add_client(name, serviceAccountsEnabled=True)
    management = realm.uuid("realm-management")
    account = realm.get("clients", realm.uuid(name), "service-account-user")["id"]
    given = [realm.get("clients", management, "roles", role) for role in roles]
    realm.session.post(realm.at("users", account, "role-mappings", "clients", management), given)


def _server(realm: TestRealm) -> str:
    return realm.at("clients", realm.uuid("realm-management"), "authz", "resource-server")
