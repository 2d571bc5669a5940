"""What the tests know of ``ClientPolicy``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared, Owned

DECLARED = Declared(
    token="keycloak:ClientPolicy",
    inputs="realm resource_server resource_server_uuid name description clients client_uuids logic",
    purposes=(LEGACY,),
    least={"realm": "r", "resource_server": "api", "name": "n", "clients": ["frontend"]},
    owned=Owned(
        {"resource_server": "api", "name": "n", "clients": ["frontend"], "description": "why"},
        {"logic": "NEGATIVE"},
        "logic",
        "NEGATIVE",
    ),
    alone={"resource_server": "desk", "name": "p", "clients": ["frontend"]},
    in_grants=("legacy",),
)
