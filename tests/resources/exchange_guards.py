"""What the tests know of ``ExchangeGuards``."""

from kcadmin.objects.robot import GUARDS, STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:ExchangeGuards",
    inputs="realm requesters sources no_wider_scopes user_claims scopes",
    purposes=(
        STANDARD,
        GUARDS,
    ),
    alone={"requesters": ["api"], "sources": {"api": ["frontend"]}, "scopes": {"api": {"theirs": ["frontend"]}}},
    in_grants=("standard", "legacy"),
)
