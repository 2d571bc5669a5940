"""What the policy pack judges about a grant and no resource shows.

It is in the component's outputs, so in previews and in the state.
"""

from typing import Any

from grants.plan import GrantPlan
from kcadmin.objects.features import LEGACY


def policy_facts(planned: GrantPlan) -> dict[str, Any]:
    """Booleans and texts, no secrets. ``requesters``: by client id, the server's settings of each client that exchanges.

    ``standardOffered``: whether the server has the standard exchange, for a legacy grant alone.
    """
    spec = planned.spec
    return {
        "requesters": {
            client.client_id: {
                "public": client.public,
                "fullScope": client.full_scope and client.client_id not in planned.full_scope_off,
            }
            for client in planned.requesters
        },
        **({"standardOffered": bool(planned.standard_offered)} if planned.exchange == LEGACY else {}),
        **({"timeWindow": True} if spec.time_window else {}),
        **({"reviewBy": spec.review_by} if spec.review_by else {}),
    }
