"""What the tests know of ``HardcodedClaimMapper``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared, Owned

DECLARED = Declared(
    token="keycloak:HardcodedClaimMapper",
    inputs="realm client_id client_uuid name claim_name claim_value json_type access_token id_token userinfo introspection "
    "lightweight",
    purposes=(STANDARD,),
    least={"realm": "r", "client_id": "api", "name": "n", "claim_name": "tenant", "claim_value": "blue"},
    owned=Owned(
        {"client_id": "api", "name": "n", "claim_name": "tenant", "claim_value": "blue"},
        {"id_token": True},
        "config.id.token.claim",
        "true",
    ),
    alone={"client_id": "frontend", "name": "tenant", "claim_name": "tenant", "claim_value": "blue"},
)
