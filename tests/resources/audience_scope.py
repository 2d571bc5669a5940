"""What the tests know of ``AudienceScope``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:AudienceScope",
    inputs="realm name description included_client included_client_uuid realm_roles client_roles in_token_scope",
    purposes=(STANDARD,),
    alone={"name": "to-api", "included_client": "api", "client_roles": {"desk": ["clerk"]}},
    in_grants=("standard", "legacy"),
)
