"""What the tests know of ``GroupPolicy``."""

from kcadmin.objects.robot import USER_POLICIES
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:GroupPolicy",
    inputs="realm resource_server resource_server_uuid name description groups groups_claim logic",
    purposes=(USER_POLICIES,),
    least={"realm": "r", "resource_server": "api", "name": "n", "groups": ["/g"]},
    alone={"resource_server": "desk", "name": "p", "groups": ["/staff"]},
)
