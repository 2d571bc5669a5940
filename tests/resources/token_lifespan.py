"""What the tests know of ``TokenLifespan``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:TokenLifespan",
    inputs="realm client_id client_uuid seconds",
    claim="token-lifespan",
    purposes=(STANDARD,),
    alone={"client_id": "frontend", "seconds": 60},
    in_grants=("standard", "legacy"),
)
