"""What the tests know of ``TimePolicy``."""

from kcadmin.objects.robot import LEGACY
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:TimePolicy",
    inputs="realm resource_server resource_server_uuid name description not_before not_on_or_after "
    "year year_end month month_end day_month day_month_end hour hour_end minute minute_end logic",
    purposes=(LEGACY,),
    least={"realm": "r", "resource_server": "api", "name": "n", "hour": 9},
    alone={"resource_server": "desk", "name": "p", "hour": 9, "hour_end": 17},
    in_grants=("legacy",),
)
