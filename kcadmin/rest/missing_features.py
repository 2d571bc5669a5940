"""Which feature of the server a request needs, for the message of a 501, Keycloak's answer while the feature is off.

Each row was tried on Keycloak 26.7.3, by reads and writes: docs/adr/0031-features-that-are-switched-off.md.
"""

import re
from typing import NamedTuple

from kcadmin.rest.odd import Odd

ODD = (Odd("feature-off", "501 Not Implemented: Feature not enabled", "start Keycloak {options}"),)


class NeededFeature(NamedTuple):
    """Paths below a realm, and the options of the server's start that make it serve them."""

    path: str
    options: str


ROWS = (
    NeededFeature(r"/management/permissions$", "with --features=admin-fine-grained-authz:v1"),
    NeededFeature(r"/clients/[^/]+/authz(/|$)", "without --features-disabled=authorization"),
    NeededFeature(r"/client-policies/", "without --features-disabled=client-policies"),
)


def feature_remedy(at: str) -> str | None:
    """What to do about a request that is answered so; None where its feature is not known."""
    return next((ODD[0].told(options=row.options).remedy for row in ROWS if re.search(row.path, at)), None)
