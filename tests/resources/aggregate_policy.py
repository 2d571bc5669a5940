"""What the tests know of ``AggregatePolicy``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:AggregatePolicy",
    inputs="realm resource_server resource_server_uuid name description policies decision_strategy logic",
    purposes=(LEGACY,),
    least={"realm": "r", "resource_server": "api", "name": "n", "policies": ["p"]},
    alone={"resource_server": "desk", "name": "p", "policies": ["theirs"]},
    in_grants=("legacy",),
)
