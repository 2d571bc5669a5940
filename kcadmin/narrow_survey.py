"""What decides the exchanges among a few clients of a realm: a ``Survey`` that holds these alone, at a few requests each."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from kcadmin.client_policies import POLICIES, PROFILES
from kcadmin.errors import Forbidden
from kcadmin.features import Features
from kcadmin.permissions import Overview, overview
from kcadmin.realm import Realm
from kcadmin.realm_reach import RealmReach, realm_reach
from kcadmin.role_reach import read_roles
from kcadmin.survey import Survey, entries_to_see, permissions_in
from kcadmin.ways import PERMISSION, Way


@dataclass(frozen=True)
class Among:
    """What a realm allows among some clients. unseen: what the login may not look at, a sentence each."""

    reach: RealmReach
    unseen: tuple[str, ...] = ()


def reach_among(realm: Realm, features: Features, client_ids: Collection[str]) -> Among:
    """What the realm's state allows among the named clients; one that is not there is left out.

    :raises Refusal: the realm does not exist, or the login may not see its clients.
    """
    unseen = []
    realm.management_uuid()  # says it where the realm is not to be seen
    found = {name: client for name in sorted(set(client_ids)) if (client := realm.clients.find(name))}
    held = Overview({}, {})
    if features.legacy_exchange:
        try:
            held = overview(realm)
        except Forbidden:
            unseen.append("legacy permissions: this login may not look at them; give it the role view-authorization")
    survey = Survey(
        realm.name,
        features,
        found,
        {str(each["name"]): each for each in realm.client_scopes.all()},
        held.policies,
        permissions_in(held, found),
        entries_to_see(realm, POLICIES),
        entries_to_see(realm, PROFILES),
    )
    reach = realm_reach(survey, read_roles(realm.session, survey))
    if unseen:
        either = (
            Way(PERMISSION, "a permission that is not to be seen", when=("the legacy permission lets it through",)),
        )
        reach = replace(reach, permissions={target: dict.fromkeys(found, either) for target in found})
    return Among(reach, tuple(unseen))
