"""What decides the exchanges among a few clients of a realm: a ``Survey`` that holds these alone, at a few requests each."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from kcadmin.client_policies import POLICIES, PROFILES, Entry, entries
from kcadmin.errors import Forbidden, NotFound, Refusal
from kcadmin.features import Features
from kcadmin.permissions import permission_name
from kcadmin.realm import Realm
from kcadmin.realm_reach import RealmReach, realm_reach
from kcadmin.role_reach import read_roles
from kcadmin.survey import Json, Permission, Survey, names_in
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
    policies: dict[str, Json] = {}
    if features.legacy_exchange:
        try:
            settings = realm.permissions_server().settings() or {}
            policies = {str(each["name"]): each for each in settings.get("policies") or []}
        except Forbidden:
            unseen.append("legacy permissions: this login may not look at them; give it the role view-authorization")
    by_uuid = {client.uuid: name for name, client in found.items()}
    prefix = permission_name("")
    permissions = {
        by_uuid[name.removeprefix(prefix)]: Permission(
            by_uuid[name.removeprefix(prefix)], str(each["decisionStrategy"]), names_in(each, "applyPolicies")
        )
        for name, each in policies.items()
        if each["type"] == "scope" and name.startswith(prefix) and name.removeprefix(prefix) in by_uuid
    }
    survey = Survey(
        realm.name,
        features,
        found,
        {str(each["name"]): each for each in realm.client_scopes.all()},
        policies,
        permissions,
        _entries(realm, POLICIES),
        _entries(realm, PROFILES),
    )
    reach = realm_reach(survey, read_roles(realm.session, survey))
    if unseen:
        either = (
            Way(PERMISSION, "a permission that is not to be seen", when=("the legacy permission lets it through",)),
        )
        reach = replace(reach, permissions={target: dict.fromkeys(found, either) for target in found})
    return Among(reach, tuple(unseen))


def _entries(realm: Realm, kind: str) -> tuple[Entry, ...] | None:
    try:
        return tuple(entries(realm, kind) or ())
    except (Forbidden, NotFound, Refusal):  # what is not to be read is named as not judged
        return None
