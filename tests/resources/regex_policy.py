"""What the tests know of ``RegexPolicy``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:RegexPolicy",
    inputs="realm resource_server resource_server_uuid name description target_claim pattern target_context_attributes logic",
    purposes=(LEGACY,),
    least={"realm": "r", "resource_server": "api", "name": "n", "target_claim": "scope", "pattern": ".*"},
    alone={"resource_server": "desk", "name": "p", "target_claim": "scope", "pattern": ".*"},
)
