"""The token exchange guide as a Pulumi program: its six objects, under its names, where the guide puts them.

Keycloak evaluates none of objects 3, 5 and 6 in a token exchange: `python -m examples.guide.show` shows it. A grant that works
is `wiring: grant`. Run with PYTHONPATH set to the project's folder: Pulumi starts the provider in this one.
"""

import pulumi

try:
    from components.settings import read_settings
except ModuleNotFoundError:
    raise pulumi.RunError(
        "PYTHONPATH: does not name the project's folder; run `export PYTHONPATH=$(git rev-parse --show-toplevel)`."
    ) from None
from components.token_exchange_grant import TokenExchangeGrant
from providers.audience_mapper import AudienceMapper
from providers.authorization_scope import AuthorizationScope
from providers.authorization_services import AuthorizationServices
from providers.client_policy import ClientPolicy
from providers.management_permissions import ManagementPermissions
from providers.scope_permission import ScopePermission
from reach.facts import Questions
from reach.preflight import ask_server

config = pulumi.Config()
settings = read_settings(grants=False)
source, target, wiring = config.require("source"), config.require("target"), config.require("wiring")
realm = settings.realm

if wiring == "guide":
    services = AuthorizationServices("authorization-services", realm=realm, client_id=target)  # 1
    features = ask_server(settings.connection, Questions(clients=frozenset(), ask_features=True)).features
    if features and features.fine_grained_permissions:
        ManagementPermissions("management-permissions", realm=realm, client_id=target)  # 2
    else:
        pulumi.log.warn(
            "management permissions: left out, since the server has no admin-fine-grained-authz:v1 and answers 501."
        )
    after = pulumi.ResourceOptions(depends_on=[services])
    policy = ClientPolicy(  # 3
        "frontend-can-exchange",
        realm=realm,
        resource_server=target,
        name="frontend-can-exchange",
        description="Allow frontend to exchange tokens",
        clients=[source],
        opts=after,
    )
    scope = AuthorizationScope(  # 5
        "token-exchange",
        realm=realm,
        resource_server=target,
        name="token-exchange",
        display_name="Token Exchange",
        opts=after,
    )
    ScopePermission(  # 6
        "token-exchange.permission",
        realm=realm,
        resource_server=target,
        name="token-exchange.permission",
        description="Permission for token exchange",
        scopes=[scope.name],
        policies=[policy.name],
        decision_strategy="AFFIRMATIVE",
        opts=pulumi.ResourceOptions(depends_on=[scope, policy]),
    )
if wiring in ("guide", "mapper"):
    AudienceMapper(  # 4
        "api-audience-mapper",
        realm=realm,
        client_id=source,
        name="api-audience-mapper",
        included_client=target,
    )
if wiring == "grant":
    TokenExchangeGrant("frontend-to-api", sources=[source], target=target, flows=["recipient", "requester"])
