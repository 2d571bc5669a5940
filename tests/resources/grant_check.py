"""What the tests know of ``GrantCheck``."""

from kcadmin.objects.robot import STANDARD
from tests.support.declared import Declared

DECLARED = Declared(
    token="keycloak:GrantCheck",
    inputs="realm grant fields names ids coming uuids facts scope preview own agreed",
    purposes=(STANDARD,),
    least={
        "realm": "r",
        "grant": "g",
        "fields": {"name": "g", "owner": "o", "sources": ["source-1"], "target": "target", "exchange": "standard"},
        "names": {"source-1": "frontend", "target": "api"},
        "ids": {},
        "coming": ["target"],
    },
    alone="tests/e2e/test_late.py::test_one_up_from_an_empty_realm",
    in_late_grants=True,
)
