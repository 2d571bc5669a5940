"""What the tests know of ``FullScopeOff``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:FullScopeOff",
    inputs="realm client_id client_uuid",
    claim="full-scope",
    purposes=(STANDARD,),
    alone={"client_id": "frontend"},
    in_grants=("standard", "legacy"),
)
