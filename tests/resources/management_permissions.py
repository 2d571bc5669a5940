"""What the tests know of ``ManagementPermissions``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:ManagementPermissions",
    inputs="realm client_id client_uuid",
    purposes=(LEGACY,),
    least={"realm": "r", "client_id": "api"},
    alone="tests/acceptance/test_restore.py::test_each_of_the_guides_objects_alone",
    in_grants=("legacy",),
)
