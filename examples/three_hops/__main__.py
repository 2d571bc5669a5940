"""Two grants for three hops: user → frontend → API → reports.

The frontend may act at the API for its users. The API, which received a token of the frontend's, may act at the reports service:
Keycloak's own example of a third client. Run with PYTHONPATH set to the project's folder: Pulumi starts the provider in this one.
"""

import pulumi

try:
    from components.token_exchange_grant import TokenExchangeGrant
except ModuleNotFoundError:
    raise pulumi.RunError(
        "PYTHONPATH: does not name the project's folder; run `export PYTHONPATH=$(git rev-parse --show-toplevel)`."
    ) from None

FRONTEND, API, REPORTS = "authentication-test-frontend", "authentication-test-api", "authentication-test-reports"

TokenExchangeGrant("frontend-to-api", sources=[FRONTEND], target=API, flows=["recipient", "requester"])
TokenExchangeGrant("api-to-reports", sources=[FRONTEND], requester=API, target=REPORTS)
