"""What the tests know of ``ExchangeProof``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:ExchangeProof",
    inputs="realm grant exchange flow source requester target audience login_scope exchange_scope needs_user exact parts",
    purposes=(STANDARD,),
    least={
        "realm": "r",
        "grant": "g",
        "exchange": "standard",
        "flow": "recipient",
        "source": "frontend",
        "requester": "api",
        "target": "api",
        "parts": ["1"],
    },
    alone="tests/acceptance/test_restore.py::test_a_grant_with_every_condition",
    in_grants=("standard", "legacy"),
)
