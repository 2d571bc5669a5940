"""What the tests know of ``UserPolicy``."""

from kcadmin.objects.robot import USER_POLICIES
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:UserPolicy",
    inputs="realm resource_server resource_server_uuid name description users logic",
    purposes=(USER_POLICIES,),
    least={"realm": "r", "resource_server": "api", "name": "n", "users": ["u"]},
    alone={"resource_server": "desk", "name": "p", "users": ["testuser2"]},
)
