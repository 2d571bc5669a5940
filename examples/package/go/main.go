// Grants of a shop, through the package of this repository.
package main

import (
	exchange "example.com/pulumi-keycloak-token-exchange/sdk/go/keycloaktokenexchange"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// shop asks for a token for orders, and orders exchanges the tokens that it received.
		orders, err := exchange.NewTokenExchangeGrant(ctx, "orders", &exchange.TokenExchangeGrantArgs{
			Sources: pulumi.ToStringArray([]string{"shop"}),
			Target:  pulumi.String("orders"),
			Flows:   []exchange.FlowInput{exchange.FlowRequester, exchange.FlowRecipient},
		})
		if err != nil {
			return err
		}

		// A resource outside of grants: one more audience in the tokens of orders.
		_, err = exchange.NewAudienceMapper(ctx, "reports", &exchange.AudienceMapperArgs{
			Realm:          orders.Realm,
			ClientId:       pulumi.String("orders"),
			CustomAudience: pulumi.String("https://reports.example.com"),
		})
		if err != nil {
			return err
		}
		ctx.Export("flows", orders.Flows)
		return nil
	})
}
