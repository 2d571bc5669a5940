"""What the tests know of ``ClientScopeAssignment``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:ClientScopeAssignment",
    inputs="realm client_id client_uuid scope scope_id kind takes_away",
    purposes=(STANDARD,),
    alone={"client_id": "frontend", "scope": "theirs", "kind": "optional"},
    in_grants=("standard", "legacy"),
)
