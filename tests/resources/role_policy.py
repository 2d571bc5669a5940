"""What the tests know of ``RolePolicy``."""

from kcadmin.objects.robot import ROLE_POLICIES
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:RolePolicy",
    inputs="realm resource_server resource_server_uuid name description roles fetch_roles logic",
    purposes=(ROLE_POLICIES,),
    least={"realm": "r", "resource_server": "api", "name": "n", "roles": ["r"]},
    alone={"resource_server": "desk", "name": "p", "roles": ["payer"]},
)
