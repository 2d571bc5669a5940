"""What the tests know of ``StandardTokenExchange``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:StandardTokenExchange",
    inputs="realm client_id client_uuid allow_refresh",
    claim="standard-exchange",
    purposes=(STANDARD,),
    least={"realm": "r", "client_id": "api"},
    alone={"client_id": "frontend", "allow_refresh": True},
    in_grants=("standard",),
)
