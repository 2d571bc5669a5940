"""What the tests know of ``ScopePermission``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared, Owned

DECLARED = Declared(
    token="keycloak:ScopePermission",
    inputs="realm resource_server resource_server_uuid name description scopes policies resources logic decision_strategy",
    purposes=(LEGACY,),
    least={"realm": "r", "resource_server": "api", "name": "n", "scopes": ["s"]},
    owned=Owned(
        {"resource_server": "api", "name": "n", "scopes": ["s"], "description": "why"},
        {"decision_strategy": "AFFIRMATIVE"},
        "decisionStrategy",
        "AFFIRMATIVE",
    ),
    alone="tests/acceptance/test_restore.py::test_each_of_the_guides_objects_alone",
)
