"""The robots of the test realms, as an import makes them: one for each set of roles, equal to bootstrap's."""

from collections.abc import Collection, Mapping
from typing import Any

from kcadmin.objects.robot import (
    EVENTS,
    GUARDS,
    LEGACY,
    ROLE_POLICIES,
    STANDARD,
    USER_POLICIES,
    representation,
    roles_for,
)

MANAGEMENT = "realm-management"
ROBOT_SECRET = "a-robot-secret"
ROBOTS: Mapping[tuple[str, ...], str] = {
    roles_for(purposes): f"robot-for-{'-and-'.join(purposes)}"
    for purposes in (
        (STANDARD,),
        (LEGACY,),
        (STANDARD, GUARDS),
        (STANDARD, EVENTS),
        (LEGACY, GUARDS),
        (ROLE_POLICIES,),
        (USER_POLICIES,),
    )
}
"""The roles that they have → their client id."""
QUICKLY_SIGNED = {"access.token.signed.response.alg": "HS512"}
"""With RSA a login takes the server half as long again, and a request a fifth. Only the Admin API reads these tokens."""
DEFAULT_SCOPES = ["acr", "basic", "email", "profile", "roles", "service_account", "web-origins"]
OPTIONAL_SCOPES = ["address", "microprofile-jwt", "offline_access", "organization", "phone"]
"""Those of a service account. An import gives it the realm's alone; what an older server has not, it leaves out."""
SERVICE_ACCOUNT_MAPPERS = [
    {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usersessionmodel-note-mapper",
        "config": {
            "user.session.note": claim,
            "claim.name": claim,
            "jsonType.label": "String",
            **{f"{token}.token.claim": "true" for token in ("id", "access", "introspection")},
        },
    }
    for name, claim in (
        ("Client ID", "client_id"),
        ("Client Host", "clientHost"),
        ("Client IP Address", "clientAddress"),
    )
]


def robot_client(client_id: str, *, old: bool) -> dict[str, Any]:
    """As bootstrap makes it, but for its key and its mark. old: a server that gives service accounts mappers, at first login."""
    return {
        **({"protocolMappers": SERVICE_ACCOUNT_MAPPERS} if old else {}),
        **representation(client_id, {}),
        "clientAuthenticatorType": "client-secret",
        "secret": ROBOT_SECRET,
        "attributes": QUICKLY_SIGNED,
        "defaultClientScopes": DEFAULT_SCOPES,
        "optionalClientScopes": OPTIONAL_SCOPES,
    }


def service_account(client_id: str, roles: Collection[str]) -> dict[str, Any]:
    return {
        "username": f"service-account-{client_id}",
        "enabled": True,
        "serviceAccountClientId": client_id,
        "clientRoles": {MANAGEMENT: list(roles)},
    }
