"""Drops many claims of one owner on one client by one write, where only the claims are removed.

A setting is restored with its last claim. So all claims on it are dropped here except the last one. Anybody who may write a
client can invent thousands of them.
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

UNREADABLE = "its claim contains a value that the setting cannot have, so only the claim is removed"
HOLDS_POLICIES = "stays until the permission holds no policy, since it records the strategy to restore then"
IN_CROWDS = frozenset({*KINDS, *NAMED_KINDS} - {LeftoverKind.EVENTS, LeftoverKind.GUARD_MARK})
"""Not events, since how long they are kept depends on the claims that remain. Not marks, since each owner's guards go first."""
_READ = (*SETTINGS, LeftoverKind.MANAGEMENT)


class Crowds:
    """Of what is removed: the claims of one kind on one client, where there are many."""

    def __init__(self, realm: Realm, left: Iterable[Leftover]) -> None:
        self._realm = realm
        self._crowds = defaultdict[tuple[LeftoverKind, str], list[Leftover]](list)
        self._done: dict[Leftover, str] = {}
        self._failed: dict[Leftover, KeycloakError] = {}
        for each in left:
            if each.what in IN_CROWDS:
                self._crowds[each.what, each.client].append(each)

    def dropped(self, left: Leftover) -> str | None:
        """Drops a claim, the first time with its whole crowd.

        :returns: why something of it stays, or nothing; None if it is not dropped here.
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
    """Drops those claims of a crowd with which nothing else is removed. client: as it is now.

    :param crowd: the claims of one owner and one kind on the client.
    :returns: for each claim that was handled here: why something of it stays, or nothing.
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
    gone = [each for each in unread if keys[each] not in client.attributes]  # somebody else removed them
    return {**dict.fromkeys(alone, ""), **dict.fromkeys(unread, UNREADABLE), **dict.fromkeys(gone, "")}


def _there(realm: Realm, client: Client, what: LeftoverKind) -> Collection[str] | None:
    """The names of the client's objects of a kind; None if they have no names."""
    if what is LeftoverKind.ASSIGNMENT:
        return realm.client_scopes.held_by(client)
    if what is LeftoverKind.AUTHORIZATION_SCOPE:
        return {str(each["name"]) for each in (realm.resource_server(client.uuid).settings() or {}).get("scopes") or ()}
    return None
