"""Clients whose fields are empty, absent, relative, absolute, on and off, drawn by a seed: what a write must leave as it is."""

from itertools import cycle, product
from random import Random
from typing import Any

REDIRECT_URIS: list[Any] = [
    None,
    [],
    ["/there/*"],
    ["https://a.example/*"],
    ["https://a.example/cb", "/there", "http://b.example:8080/x/*"],
    ["app:/callback"],
    ["*"],
]
WEB_ORIGINS: list[Any] = [[], None, ["+"], ["*"], ["https://o.example"], ["https://a.example", "+"]]
ORIGINS = list(product(REDIRECT_URIS, WEB_ORIGINS))
FIELDS: dict[str, list[Any]] = {
    "name": ["", "A name"],
    "description": ["", "A description"],
    "rootUrl": ["", "https://r.example", "${authBaseUrl}"],
    "baseUrl": ["", "https://r.example/b", "/b"],
    "adminUrl": ["", "https://r.example/admin"],
    "enabled": [True, False],
    "alwaysDisplayInConsole": [True, False],
    "surrogateAuthRequired": [True, False],
    "clientAuthenticatorType": ["client-secret", "client-jwt", "client-x509", "client-secret-jwt"],
    "secret": ["", "a-secret"],
    "defaultRoles": [[], ["a-role"]],
    "notBefore": [0, 100],
    "consentRequired": [True, False],
    "standardFlowEnabled": [True, False],
    "implicitFlowEnabled": [True, False],
    "directAccessGrantsEnabled": [True, False],
    "serviceAccountsEnabled": [True, False],
    "frontchannelLogout": [True, False],
    "protocol": ["openid-connect"],
    "fullScopeAllowed": [True, False],
    "nodeReRegistrationTimeout": [-1, 0, 100],
    "registeredNodes": [{}, {"node": 1700000000}],
    "defaultClientScopes": [[], ["email"], ["profile", "roles"]],
    "optionalClientScopes": [[], ["phone"]],
    "access": [{"view": True, "configure": False, "manage": False}],
    "attributes": [
        {},
        {"post.logout.redirect.uris": "+"},
        {"post.logout.redirect.uris": "https://a.example/*##/out", "empty": ""},
        {"backchannel.logout.url": "https://a.example/out", "frontchannel.logout.url": "https://a.example/f"},
        {"use.refresh.tokens": "false", "access.token.lifespan": "100", "dpop.bound.access.tokens": "true"},
        {"oauth2.device.authorization.grant.enabled": "true", "backchannel.logout.session.required": "false"},
    ],
    "protocolMappers": [
        [],
        [
            {
                "name": "theirs",
                "protocol": "openid-connect",
                "protocolMapper": "oidc-audience-mapper",
                "config": {"included.client.audience": "account", "access.token.claim": "true"},
            }
        ],
    ],
}
KINDS: list[dict[str, Any]] = [
    {"publicClient": False},
    {"publicClient": False, "serviceAccountsEnabled": True},
    {"publicClient": False, "serviceAccountsEnabled": True, "authorizationServicesEnabled": True},
    {"publicClient": True, "serviceAccountsEnabled": False},
    {"bearerOnly": True, "serviceAccountsEnabled": False},
    {},
]
ONLY_OF_CONFIDENTIAL = (
    "secret",
    "serviceAccountsEnabled",
)  # 24.0 takes the secret of others away, as a first PUT shows


def shaped_clients(number: int, seed: int, flow: str) -> list[dict[str, Any]]:
    """Clients to import. ``flow``: the id of an authentication flow, to bind some of them to."""
    drawn, made = Random(seed), []  # noqa: S311
    origins, kinds = cycle(drawn.sample(ORIGINS, len(ORIGINS))), cycle(KINDS)
    fields = {**FIELDS, "authenticationFlowBindingOverrides": [{}, {"browser": flow}]}
    for each in range(number):
        body = {field: drawn.choice(values) for field, values in fields.items() if drawn.random() < 0.5}
        body["redirectUris"], body["webOrigins"] = next(origins)
        kind = next(kinds)
        if kind.get("publicClient") or kind.get("bearerOnly"):
            body = {field: value for field, value in body.items() if field not in ONLY_OF_CONFIDENTIAL}
        whole = {**body, **kind, "clientId": f"shaped-{each:02}"}
        made.append({field: value for field, value in whole.items() if value is not None})
    return made
