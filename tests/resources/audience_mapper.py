"""What the tests know of ``AudienceMapper``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared, Owned

DECLARED = Declared(
    token="keycloak:AudienceMapper",
    inputs="realm client_id client_uuid name included_client custom_audience access_token id_token introspection exchange",
    purposes=(STANDARD,),
    least={"realm": "r", "client_id": "api", "included_client": "frontend"},
    owned=Owned(
        {"client_id": "api", "name": "n", "included_client": "frontend"},
        {"id_token": True},
        "config.id.token.claim",
        "true",
    ),
    alone="tests/acceptance/test_restore.py::test_each_of_the_guides_objects_alone",
    in_grants=("standard", "legacy"),
)
