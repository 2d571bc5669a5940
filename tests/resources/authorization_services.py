"""What the tests know of ``AuthorizationServices``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:AuthorizationServices",
    inputs="realm client_id client_uuid",
    claim="authorization-services",
    purposes=(LEGACY,),
    least={"realm": "r", "client_id": "api"},
    alone="tests/acceptance/test_restore.py::test_each_of_the_guides_objects_alone",
)
