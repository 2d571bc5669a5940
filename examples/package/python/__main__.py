"""Grants of a shop, through the package of this repository."""

import pulumi
import pulumi_keycloak_token_exchange as exchange

# shop asks for a token for orders, and orders exchanges the tokens that it received.
flows = [exchange.Flow.REQUESTER, exchange.Flow.RECIPIENT]
orders = exchange.TokenExchangeGrant("orders", sources=["shop"], target="orders", flows=flows)

# A resource outside of grants: one more audience in the tokens of orders.
exchange.AudienceMapper(
    "reports", realm=orders.realm, client_id="orders", custom_audience="https://reports.example.com"
)

pulumi.export("flows", orders.flows)
