import * as exchange from "@pulumi/keycloak-token-exchange";

// shop asks for a token for orders, and orders exchanges the tokens that it received.
const orders = new exchange.TokenExchangeGrant("orders", {
    sources: ["shop"],
    target: "orders",
    flows: ["requester", "recipient"],
});

// A resource outside of grants: one more audience in the tokens of orders.
new exchange.AudienceMapper("reports", {
    realm: orders.realm,
    clientId: "orders",
    customAudience: "https://reports.example.com",
});

export const flows = orders.flows;
