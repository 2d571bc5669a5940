"""What the tests know of ``ClientScopePolicy``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:ClientScopePolicy",
    inputs="realm resource_server resource_server_uuid name description client_scopes logic",
    purposes=(LEGACY,),
    least={"realm": "r", "resource_server": "api", "name": "n", "client_scopes": ["s"]},
    alone={"resource_server": "desk", "name": "p", "client_scopes": ["email"]},
    in_grants=("legacy",),
)
