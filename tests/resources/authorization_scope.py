"""What the tests know of ``AuthorizationScope``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared, Owned

DECLARED = Declared(
    token="keycloak:AuthorizationScope",
    inputs="realm resource_server resource_server_uuid name display_name icon_uri",
    purposes=(LEGACY,),
    least={"realm": "r", "resource_server": "api", "name": "n"},
    owned=Owned(
        {"resource_server": "api", "name": "n", "display_name": "d"}, {"display_name": "e"}, "displayName", "e"
    ),
    alone="tests/acceptance/test_restore.py::test_each_of_the_guides_objects_alone",
)
