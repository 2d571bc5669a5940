"""Claims of which an owner has many on one client: those with which nothing else goes are dropped by one write.

As long as another claim on the same setting remains, a claim is all that goes. So of all claims on a setting the last one alone
is left, by which the setting is given back. Whoever may write a client may have invented thousands of them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from exchange.release.kinds import KINDS, NAMED_KINDS, SETTINGS, claimed_kind, holder_of
from kcadmin.authz.exchange_permission import attached
from kcadmin.objects.claims import claim_key, claims
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import drop_claims
from kcadmin.rest.errors import KeycloakError
from reach.leftovers import Leftover, LeftoverKind

UNREADABLE = "its claim holds what the setting cannot have, so the claim alone is removed"
HOLDS_POLICIES = "stays until the permission holds no policy, since it records the strategy to restore then"
IN_CROWDS = frozenset({*KINDS, *NAMED_KINDS} - {LeftoverKind.EVENTS, LeftoverKind.GUARD_MARK})
"""Not events, which are kept as long as the claims say that are left, and not marks, of which each owner's guards go first."""
_READ = (*SETTINGS, LeftoverKind.MANAGEMENT)


class Crowds:
    """Of what goes, the claims that are many of one kind on one client."""

    def __init__(self, realm: Realm, left: Iterable[Leftover]) -> None:
        self._realm = realm
        self._crowds = defaultdict[tuple[LeftoverKind, str], list[Leftover]](list)
        self._done: dict[Leftover, str] = {}
        self._failed: dict[Leftover, KeycloakError] = {}
        for each in left:
            if each.what in IN_CROWDS:
                self._crowds[each.what, each.client].append(each)

    def dropped(self, left: Leftover) -> str | None:
        """Drops a claim, the first time with all of its crowd: why something of it stays, or nothing; None: it does not go so.

        :raises KeycloakError: the write was refused.
        """
        crowd = self._crowds.pop((left.what, left.client), [])
        try:
            if len(crowd) > 1 and (client := holder_of(self._realm, left)):
                self._done |= drop_crowd(self._realm, client, crowd)
        except KeycloakError as problem:
            self._failed |= dict.fromkeys(crowd, problem)
        if left in self._failed:
            raise self._failed[left]
        return self._done.get(left)


def drop_crowd(realm: Realm, client: Client, crowd: Sequence[Leftover]) -> Mapping[Leftover, str]:
    """Drops the claims that are all that goes. crowd: what an owner has of one kind on a client, as that is now.

    :returns: for each that is done with, why something of it stays, or nothing.
    """
    what = crowd[0].what
    if what is LeftoverKind.STRATEGY and (now := attached(realm, client.uuid)) and now.policies:
        return dict.fromkeys(crowd, HOLDS_POLICIES)
    there = _there(realm, client, what)
    readable = {claim.owner for claim in claims(client, KINDS[what])} if what in _READ else None
    unread = [each for each in crowd if readable is not None and each.owner not in readable]
    by_name = defaultdict[str, list[Leftover]](list)
    for each in crowd:
        if readable is None or each.owner in readable:
            by_name[each.name].append(each)
    alone = [
        each
        for name, those in by_name.items()
        for each in (those if there is not None and name not in there else those[:-1])
    ]
    keys = {each: claim_key(each.owner, claimed_kind(each) or "") for each in (*alone, *unread)}
    drop_claims(realm.clients, client.uuid, keys.values())
    gone = [each for each in unread if keys[each] not in client.attributes]  # meanwhile
    return {**dict.fromkeys(alone, ""), **dict.fromkeys(unread, UNREADABLE), **dict.fromkeys(gone, "")}


def _there(realm: Realm, client: Client, what: LeftoverKind) -> Collection[str] | None:
    """The names of what the client has of a kind; None where its objects have no names."""
    if what is LeftoverKind.ASSIGNMENT:
        return realm.client_scopes.held_by(client)
    if what is LeftoverKind.AUTHORIZATION_SCOPE:
        return {str(each["name"]) for each in (realm.resource_server(client.uuid).settings() or {}).get("scopes") or ()}
    return None
