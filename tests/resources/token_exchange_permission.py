"""What the tests know of ``TokenExchangePermission``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:TokenExchangePermission",
    inputs="realm client_id client_uuid policies with_policies",
    purposes=(LEGACY,),
    least={"realm": "r", "client_id": "api", "policies": ["11111111-2222-3333-4444-555555555555"]},
    alone={"client_id": "desk"},
    in_grants=("legacy",),
)
