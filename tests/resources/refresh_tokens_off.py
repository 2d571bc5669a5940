"""What the tests know of ``RefreshTokensOff``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:RefreshTokensOff",
    inputs="realm client_id client_uuid",
    claim="refresh-tokens",
    purposes=(STANDARD,),
    alone={"client_id": "frontend"},
    in_grants=("legacy",),
)
