"""Removes a robot: its client, its service account, its permissions; and what killed runs of bootstrap left."""

from contextlib import suppress
from dataclasses import dataclass

from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.robot_issuer import remove_issuers
from kcadmin.objects.robot_names import MARK, is_unfinished
from kcadmin.objects.robot_permissions import end_killed_bootstrap, forbid
from kcadmin.rest.errors import NotFound, Refusal, sentence
from kcadmin.rest.texts import named


@dataclass(frozen=True)
class Removed:
    """What was deleted.

    existed: whether the robot itself existed. remains: sentences about other things that were deleted, and about what
    stays.
    """

    existed: bool
    remains: tuple[str, ...]


def find_robot(realm: Realm, client_id: str) -> Client | None:
    """The client with the robot's mark. :raises Refusal: a client of that name exists without the mark."""
    client = realm.clients.find(client_id)
    if client is not None and MARK not in client.attributes:
        wrong, remedy = "exists and was not made by bootstrap", "choose another --client-id"
        raise Refusal(sentence("client", client_id, realm.name, wrong, remedy))
    return client


def remove_robot(realm: Realm, client_id: str) -> Removed | None:
    """Deletes the robot with its service account, permissions and identity provider. None where nothing of it existed."""
    client = find_robot(realm, client_id)
    remains = remove_unfinished(realm, client_id)
    remains += remove_issuers(realm, client_id, client)
    if client:
        remains += forbid(realm, client)
        delete_client(realm, client.uuid)
    remains += end_killed_bootstrap(realm)
    return Removed(client is not None, tuple(dict.fromkeys(remains))) if client or remains else None


def remove_unfinished(realm: Realm, client_id: str) -> list[str]:
    """Deletes clients with the mark and such a name, which killed runs left. Gives a sentence for each, and for what stays."""
    told = []
    found = realm.clients.ids_containing(f"{client_id}-")
    for name in sorted(each for each in found if is_unfinished(each, client_id)):
        client = realm.clients.find(name)
        if client and MARK in client.attributes:
            remains = forbid(realm, client)
            delete_client(realm, client.uuid)
            told += [
                f"client {named(name)} in realm {named(realm.name)}: deleted; a run that was killed left it.",
                *remains,
            ]
    return told


def delete_client(realm: Realm, uuid: str) -> None:
    """Deletes a client with its service account."""
    with suppress(NotFound):  # only 404 is success
        realm.session.delete(realm.clients.path(uuid))
    realm.clients.forget(uuid)
