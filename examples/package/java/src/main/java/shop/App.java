package shop;

import com.pulumi.Pulumi;
import com.pulumi.keycloaktokenexchange.AudienceMapper;
import com.pulumi.keycloaktokenexchange.AudienceMapperArgs;
import com.pulumi.keycloaktokenexchange.TokenExchangeGrant;
import com.pulumi.keycloaktokenexchange.TokenExchangeGrantArgs;
import com.pulumi.keycloaktokenexchange.enums.Flow;
import java.util.List;

/** Grants of a shop, through the package of this repository. */
public class App {
    public static void main(String[] args) {
        Pulumi.run(context -> {
            // shop asks for a token for orders, and orders exchanges the tokens that it received.
            var orders = new TokenExchangeGrant("orders", TokenExchangeGrantArgs.builder()
                .sources(List.of("shop"))
                .target("orders")
                .flows(Flow.Requester, Flow.Recipient)
                .build());

            // A resource outside of grants: one more audience in the tokens of orders.
            new AudienceMapper("reports", AudienceMapperArgs.builder()
                .realm(orders.realm())
                .clientId("orders")
                .customAudience("https://reports.example.com")
                .build());

            context.export("flows", orders.flows());
        });
    }
}
