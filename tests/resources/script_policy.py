"""What the tests know of ``ScriptPolicy``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:ScriptPolicy",
    inputs="realm resource_server resource_server_uuid name description policy_type logic",
    purposes=(LEGACY,),
    least={"realm": "r", "resource_server": "api", "name": "n", "policy_type": "script-allow.js"},
    alone="tests/acceptance/test_policies.py",
)
