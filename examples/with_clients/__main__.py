"""A realm, two clients, a role, and a grant that needs it: one ``pulumi up`` makes them all, and proves the grant.

The clients are pulumi-keycloak's where it is installed. Run with PYTHONPATH set to the project's folder.
"""

import pulumi

try:
    import pulumi_keycloak as keycloak  # type: ignore[import-not-found]
except ModuleNotFoundError:
    from examples.with_clients import stand_in as keycloak
from components.settings import read_settings
from components.token_exchange_grant import TokenExchangeGrant

config = pulumi.Config()
realm = keycloak.Realm("realm", realm=config.require("realm"), enabled=True)
shop, orders = (
    keycloak.openid.Client(
        name,
        realm_id=realm.id,
        client_id=name,
        enabled=True,
        access_type="CONFIDENTIAL",
        direct_access_grants_enabled=True,
        opts=pulumi.ResourceOptions(ignore_changes=["standardTokenExchangeEnabled"]),  # the grant's own
    )
    for name in ("shop", "orders")
)
clerk = keycloak.Role("clerk", realm_id=realm.id, name="clerk")
user = keycloak.User(
    "user",
    realm_id=realm.id,
    username="ursula",
    enabled=True,
    email="ursula@example.com",
    email_verified=True,
    first_name="Ursula",
    last_name="User",
    initial_password={"value": config.require_secret("userPassword"), "temporary": False},
)
holds = keycloak.UserRoles("holds", realm_id=realm.id, user_id=user.id, role_ids=[clerk.id], exhaustive=False)

TokenExchangeGrant(
    "shop-to-orders",
    realm=realm.realm,
    sources={"shop": shop},
    target=orders,
    flows=["requester"],
    required_roles=[clerk.name],
    prove=True,
    opts=pulumi.ResourceOptions(depends_on=[holds]),
)
pulumi.export("keycloak", {"url": read_settings(grants=False).connection.url, "realm": realm.realm})
