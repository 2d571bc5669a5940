"""A realm's client policies as they act on writes, with the client profiles of the server itself.

https://www.keycloak.org/docs/latest/server_admin/#_client_policies
"""

from kcadmin.rest.errors import Forbidden, NotFound, NotImplementedHere
from kcadmin.rest.session import Session, path
from kcadmin.writes.prediction import RealmPolicies

ROLE = "view-realm"


def known_policies(session: Session, realm: str) -> tuple[RealmPolicies, bool]:
    """The policies, and whether the login may read them. One request, and one more where a policy is enabled.

    A server whose feature is switched off has none.
    """
    at = ("admin", "realms", realm, "client-policies")
    try:
        policies = RealmPolicies(session.get(path(*at, "policies")).get("policies") or ())
        if not policies.acting:
            return policies, True
        found = session.get(path(*at, "profiles"), **{"include-global-profiles": "true"})
    except (NotFound, NotImplementedHere):
        return RealmPolicies(), True
    except Forbidden:
        return RealmPolicies(), False
    return RealmPolicies(policies.policies, found.get("profiles") or (), found.get("globalProfiles") or ()), True
