"""The fine-grained admin permissions v2 of robots that may manage only named clients.

The realm's resource server for them belongs to the client ``admin-permissions``. Keycloak makes it when they are first switched
on, and deletes it only with the realm. If a client has several permissions, each must permit, and so must each of their policies.
So a client has one permission for all robots, with one policy that lists their service accounts.
https://www.keycloak.org/docs/latest/server_admin/#_fine_grained_permissions
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from typing import Any

from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Conflict, NotFound, Refusal, sentence
from kcadmin.rest.session import path
from kcadmin.rest.texts import named

PERMISSIONS_CLIENT = "admin-permissions"
SWITCH = "adminPermissionsEnabled"
NAME, WHO = "robots at client ", ", who"
DESCRIPTION = "The service accounts of robots, by bootstrap."
NOTE = f"{DESCRIPTION} It switched the realm's admin permissions on."
"""The description of a policy. Only administrators may write it; a client's attribute anybody may have written."""
SWITCHING = "pulumi.robot.admin-permissions"
"""A role of the realm, which nobody holds.

It exists from before bootstrap switches them on until a policy has the note, so the next run can finish one that was killed
between. Whoever may make the role may also switch.
"""


def permit_only(realm: Realm, client_id: str, user: str, uuids: Collection[str], undo: ExitStack) -> None:
    """Lets a service account view and manage these clients, and view the client that identifies the realm.

    :param user: the id of the service account. uuids: of the clients.
    :param undo: is told how to take each write back.
    """
    settings = _settings(realm)
    was_on, is_begun = bool(settings.get(SWITCH)), _is_begun(realm, settings)
    if is_begun or (not was_on and SWITCH in settings):
        undo.callback(_begin if was_on else _end, realm)
    if not was_on and SWITCH in settings:
        _begin(realm)
        undo.callback(_switch, realm, on=False)  # noted first, since a switch that failed may still have been done
        _switch(realm, on=True)
    server = _server(realm)
    if server is None:  # an older server than 26.2 does not know the switch either
        wrong, remedy = "does not exist", "use a server with admin-fine-grained-authz:v2, or bootstrap without --only"
        raise Refusal(sentence("client", PERMISSIONS_CLIENT, realm.name, wrong, remedy))
    _forbid_former(realm, server, client_id)
    noted = not was_on or is_begun or any(each.get("description") == NOTE for each in _policies(realm, server))
    for uuid in sorted({*uuids, realm.management_uuid()}):
        scopes = ["view", "manage"] if uuid in uuids else ["view"]
        _attach(realm, server, uuid, scopes, user, NOTE if noted else DESCRIPTION, undo)
    if noted:
        _end(realm)


def forbid(realm: Realm, robot: Client) -> list[str]:
    """Removes a robot's permissions. Switches admin permissions off if bootstrap switched them on and nobody else uses them.

    Gives sentences on what remains of them.
    """
    server = _server(realm)
    if server is None:
        return []
    if _forbid_former(realm, server, robot.client_id):
        unknown = (
            "its admin permissions are left as they are, since an earlier bootstrap did not record whether they were on"
        )
        return [f"realm {named(realm.name)}: {unknown}."]
    account = realm.service_account(robot)
    user = str(account["id"]) if account else ""
    ours = list(_policies_of(realm, server, user)) if account else []
    if not ours:
        return []
    kept = "keeps an entry without permissions for each client that the robot managed, since no request can delete it"
    remains = [f"realm {named(realm.name)}: its client '{PERMISSIONS_CLIENT}' {kept}."]
    if any(each.get("description") == NOTE for each in ours):
        if _are_used_by_others(realm, server, ours):
            remains.append(_stay_on(realm))
        else:
            _switch(realm, on=False)  # before the note goes: what fails from here on is done by the next run
    for each in ours:
        _detach(realm, server, each, user)
    return remains


def end_killed_bootstrap(realm: Realm) -> list[str]:
    """Switches off what a killed bootstrap switched on before a policy had its note. Gives sentences on it."""
    settings = _settings(realm)
    if not _is_begun(realm, settings):
        return []
    told = []
    if settings[SWITCH]:
        server = _server(realm)
        if server and _policies(realm, server):
            told.append(_stay_on(realm))
        else:
            _switch(realm, on=False)
            told.append(f"realm {named(realm.name)}: its admin permissions are off, as before a run that was killed.")
    _end(realm)
    return told


def _stay_on(realm: Realm) -> str:
    return f"realm {named(realm.name)}: its admin permissions stay on, since others have permissions there."


def _is_begun(realm: Realm, settings: dict[str, Any]) -> bool:
    if SWITCH not in settings:  # an older server, or a login that may not read roles either
        return False
    try:
        realm.session.get(path("admin", "realms", realm.name, "roles", SWITCHING))
    except NotFound:
        return False
    return True


def _begin(realm: Realm) -> None:
    described = "Bootstrap is switching the realm's admin permissions on. Where this role stays, run it again."
    with suppress(Conflict):  # it exists
        realm.session.post(path("admin", "realms", realm.name, "roles"), {"name": SWITCHING, "description": described})


def _end(realm: Realm) -> None:
    with suppress(NotFound):  # only 404 is success
        realm.session.delete(path("admin", "realms", realm.name, "roles", SWITCHING))


def _attach(
    realm: Realm, server: str, client_uuid: str, scopes: list[str], user: str, description: str, undo: ExitStack
) -> None:
    """Adds a service account to a client's policy, which is made with its permission where it is missing."""
    name = f"{NAME}{client_uuid}: {' and '.join(scopes)}"
    known = realm.session.get_optional(f"{server}/policy/search", name=f"{name}{WHO}")
    if known:
        policy = dict(realm.session.get(f"{server}/policy/user/{known['id']}"))
        undo.callback(_detach, realm, server, policy, user)
        realm.session.put(f"{server}/policy/user/{policy['id']}", {**policy, "users": [*policy["users"], user]})
        return
    made = {"name": f"{name}{WHO}", "description": description, "users": [user]}
    policy = realm.session.post_json(f"{server}/policy/user", made)
    undo.callback(_detach, realm, server, policy, user)
    permission = {
        "name": name,
        "resourceType": "Clients",
        "resources": [client_uuid],
        "scopes": scopes,
        "policies": [policy["id"]],
    }
    realm.session.post(f"{server}/permission/scope", permission)


def _detach(realm: Realm, server: str, policy: dict[str, Any], user: str) -> None:
    """Removes a service account from a policy.

    With the last one the policy is deleted, and the server then deletes its permission.
    """
    at = f"{server}/policy/user/{policy['id']}"
    with suppress(NotFound):  # only 404 is success
        now = realm.session.get(at)
        others = [each for each in now["users"] if each != user]
        if others:
            realm.session.put(at, {**now, "users": others})
        else:
            realm.session.delete(f"{server}/policy/{policy['id']}")


def _policies_of(realm: Realm, server: str, user: str) -> Iterator[dict[str, Any]]:
    for each in _policies(realm, server):
        if each["type"] == "user" and str(each["name"]).startswith(NAME):
            policy = realm.session.get(f"{server}/policy/user/{each['id']}")
            if user in policy["users"]:
                yield policy


def _policies(realm: Realm, server: str) -> list[dict[str, Any]]:
    """Policies and permissions, of everybody."""
    return [each for page in realm.session.pages(f"{server}/policy") for each in page]


def _are_used_by_others(realm: Realm, server: str, ours: Collection[dict[str, Any]]) -> bool:
    """Whether there are more than the policies with only one robot, and their permissions."""
    alone = {str(each["name"]) for each in ours if len(each["users"]) == 1}
    alone |= {name.removesuffix(WHO) for name in alone}
    return any(str(each["name"]) not in alone for each in _policies(realm, server))


def _switch(realm: Realm, *, on: bool) -> None:
    """With the realm's attributes: a PUT without them sets those of CIBA and pushed authorization requests to their defaults."""
    attributes = _settings(realm).get("attributes") or {}
    realm.session.put(path("admin", "realms", realm.name), {SWITCH: on, "attributes": attributes})


def _settings(realm: Realm) -> dict[str, Any]:
    return dict(realm.session.get(path("admin", "realms", realm.name)))


def _server(realm: Realm) -> str | None:
    """Belongs to the client that the realm itself refers to, since anybody may have registered one with that client id."""
    client = _settings(realm).get("adminPermissionsClient")
    return realm.clients.path(client["id"], "authz", "resource-server") if client else None


def _forbid_former(realm: Realm, server: str, client_id: str) -> bool:
    """Deletes the permissions of an earlier bootstrap, which it named after the client id. Whether there were any."""
    names = ("sees the realm", "manages its clients", "is this service account")
    found = [realm.session.get_optional(f"{server}/policy/search", name=f"{client_id}: {name}") for name in names]
    for each in filter(None, found):
        with suppress(NotFound):  # only 404 is success
            realm.session.delete(f"{server}/policy/{each['id']}")
    return any(found)
