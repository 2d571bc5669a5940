"""Switches a client's management permissions on and off under claims, since they have no room for a mark."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Literal

from kcadmin.marks.ownership import NOBODY, Writer
from kcadmin.objects.claims import Claim, Kind, claim_of, claims
from kcadmin.objects.clients import RECENT_SECONDS
from kcadmin.objects.features import PERMISSIONS_FEATURE
from kcadmin.objects.realm import Realm
from kcadmin.objects.resource_server import TOKEN_EXCHANGE, ResourceServer, permission_name
from kcadmin.objects.shared_settings import CLAIMED, USED, Taken, drop_claim, write_claim
from kcadmin.objects.writers import require_one_stack
from kcadmin.rest.errors import NotFound, NotImplementedHere, Refusal, sentence
from kcadmin.rest.texts import named

KIND = Kind("management-permissions", {"enabled": Literal[True]}, {"enabled": bool}, ["enabled"])


@dataclass(frozen=True)
class Management:
    """A client's management permissions: on or off, and the ids of its permissions by scope."""

    enabled: bool
    permissions: Mapping[str, str]


def management(realm: Realm, client_uuid: str) -> Management | None:
    """A client's management permissions; None when the client is gone. :raises NotImplementedHere: no such feature."""
    try:
        return _management(realm.session.get(_path(realm, client_uuid)))
    except NotFound:
        return None


def cached_management(realm: Realm, client_uuid: str, *, was_on: bool = False) -> Management | None:
    """The same from a snapshot: only the token-exchange permission, if it was on then. was_on: when they were last seen."""
    server = realm.cached_permissions_server()
    permission = server.policy_named(permission_name(client_uuid)) if server.permissions_on(client_uuid) else None
    if permission:
        return Management(True, {TOKEN_EXCHANGE: str(permission["id"])})
    now = management(realm, client_uuid)
    if was_on and now and not now.enabled:
        _require_feature(realm, client_uuid)
    return now


def set_management(realm: Realm, client_uuid: str, enabled: bool) -> Management:
    """Switches management permissions. Off deletes the permissions and their policies' attachments, but not the policies.

    The first one of a realm makes its resource server, which only one request at a time can do; others are retried on 409.
    """
    realm.touched.update((client_uuid, permission_name(client_uuid)))
    with nullcontext() if realm.has_permissions else realm.first_permission:
        answer = realm.session.put_json(_path(realm, client_uuid), {"enabled": enabled})
    realm.has_permissions = True
    return _management(answer)


@contextmanager
def _explained(realm: Realm, uuid: str) -> Iterator[None]:
    """:raises Refusal: the server has no such feature."""
    try:
        yield
    except NotImplementedHere:
        raise _no_feature(realm, uuid) from None


def _no_feature(realm: Realm, uuid: str) -> Refusal:
    client, wrong = realm.clients.get(uuid), "has no management permissions on this server"
    remedy = f"start Keycloak with --features={PERMISSIONS_FEATURE}"
    return Refusal(sentence("client", client.client_id if client else uuid, realm.name, wrong, remedy))


def take_management(
    realm: Realm,
    uuid: str,
    owner: str,
    remembered: Taken | None = None,
    *,
    writer: Writer = NOBODY,
    always: bool = False,
    former: str | None = None,
) -> tuple[Taken, Management]:
    """Switches them on under a claim that is written first. If they are on and unmanaged, they are used and not claimed.

    :param writer: who claims them for the owner.
    :param always: claims them even if they are on, since they will be switched off at the end.
    :param remembered: the result of an earlier call, for a claim that somebody has removed.
    :param former: our own owner before it was renamed.
    :raises Refusal: the server has no such feature, or another stack has this owner.
    """
    with realm.clients.lock(uuid), _explained(realm, uuid):
        client = realm.clients.get(uuid, max_age=RECENT_SECONDS)
        held = claims(client, KIND)
        if client and (remembered is None or former != owner):
            mine = claim_of(client, owner, KIND)
            what = f"{KIND} of client {named(client.client_id)}"
            require_one_stack(realm.name, owner, what, mine.writer if mine else None, writer)
        ours_before = remembered is not None and remembered.found == CLAIMED
        now = management(realm, uuid)
        on = now is not None and now.enabled
        if now and on and not held and not ours_before and not always:
            client = realm.clients.get(uuid, max_age=0)  # another stack claims before it switches on
            held = claims(client, KIND)
            if not held:
                return Taken(USED, {}), now
        noted = next((claim for claim in held if claim.owner == owner), next(iter(held), None))
        was = dict(noted.was) if noted else {} if ours_before else {"enabled": on}
        was = remembered.over(was) if remembered else was
        write_claim(realm.clients, uuid, Claim(owner, KIND, {"enabled": True}, was, writer))
        if any(claim.owner != owner for claim in held):
            now = management(realm, uuid)  # a stack that released before it saw our claim has switched them off
        if now is None or not now.enabled:
            now = set_management(realm, uuid, True)
        return Taken(CLAIMED, was), now


def release_management(
    realm: Realm, uuid: str, owner: str, taken: Taken, *, revoke: bool, permission: str | None = None
) -> tuple[bool, list[str]]:
    """Drops our claim. The last owner switches them off if they were off before, unless they hold unmanaged policies.

    :param permission: the id of the token-exchange permission, where it is known.
    :returns: whether they were switched off, and the policies that kept them on.
    """
    with realm.clients.lock(uuid):
        client = realm.clients.get(uuid, max_age=RECENT_SECONDS)
        if client is None:
            return False, []
        held = claims(client, KIND)
        mine = next((claim for claim in held if claim.owner == owner), None)
        if not mine and taken.found == USED and not revoke:
            return False, []
        was = taken.over(mine.was if mine else {})
        wanted_off = revoke or not was.get("enabled")
        off = False
        unmanaged: list[str] = []
        if wanted_off and all(claim.owner == owner for claim in held):
            off, unmanaged = _switch_off(realm, uuid, permission)
        drop_claim(realm.clients, uuid, owner, KIND)
        left = _others_now(realm, uuid, owner)
        if left == [] and wanted_off and not off and not unmanaged:
            # Two released at once and saw each other's claim: the later one switches them off.
            off, unmanaged = _switch_off(realm, uuid, permission)
            left = _others_now(realm, uuid, owner)
        if off and left:
            set_management(realm, uuid, True)  # another stack claimed them while we released
        return off and not left, unmanaged


def _require_feature(realm: Realm, client_uuid: str) -> None:
    """For permissions that were on: a server without the feature, up to 26.0, says that they are off, and keeps them on.

    :raises Refusal: the server has no such feature.
    """
    if not realm.features().fine_grained_permissions:
        raise _no_feature(realm, client_uuid)


def _switch_off(realm: Realm, uuid: str, permission: str | None) -> tuple[bool, list[str]]:
    """Whether they were switched off, and the policies that kept them on."""
    _require_feature(realm, uuid)
    unmanaged = sorted(set(_policies(realm, uuid, permission)))
    if not unmanaged:
        set_management(realm, uuid, False)
    return not unmanaged, unmanaged


def _others_now(realm: Realm, uuid: str, owner: str) -> list[Claim] | None:
    """The claims of others now, or None if the client is gone. Ours stays if its write is refused."""
    client = realm.clients.get(uuid, max_age=0)
    return [claim for claim in claims(client, KIND) if claim.owner != owner] if client else None


def _policies(realm: Realm, uuid: str, permission: str | None) -> list[str]:
    """The names of the policies on a client's permissions: read now for token-exchange, and a moment ago for the others."""
    server = realm.permissions_server()
    others = realm.cached_permissions_server().held_beside_lately(uuid) if permission else None
    if permission and others is not None:
        with suppress(NotFound):  # after off and on again they have other ids
            return [*_names(server, permission), *others]
    now = management(realm, uuid)
    return [name for each in (now.permissions.values() if now else ()) for name in _names(server, each)]


def _names(server: ResourceServer, permission: str) -> list[str]:
    return [str(policy["name"]) for policy in server.policies_of(permission)]


def _path(realm: Realm, client_uuid: str) -> str:
    return realm.clients.path(client_uuid, "management", "permissions")


def _management(answer: Mapping[str, Any]) -> Management:
    return Management(bool(answer["enabled"]), dict(answer.get("scopePermissions") or {}))
