"""What the tests know of ``ExchangeEvents``."""

from kcadmin.objects.robot import EVENTS, STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:ExchangeEvents",
    inputs="realm expiration",
    purposes=(
        STANDARD,
        EVENTS,
    ),
    alone={},
    beside_grants=True,
)
