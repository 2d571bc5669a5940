"""A robot goes: its client, its service account, its permissions; and what runs of bootstrap left that were killed."""

import re
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex

from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.robot_permissions import forbid, settle
from kcadmin.rest.errors import NotFound, Refusal, sentence
from kcadmin.rest.texts import named

MARK = "pulumi.robot"
"""A client attribute. Anybody may write it, so it only tells which client may be deleted."""
RANDOM_BYTES = 8


@dataclass(frozen=True)
class Removed:
    """What was deleted. existed: the robot itself. remains: sentences about what else was there, and about what stays."""

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
    """Deletes the robot with its service account and permissions. None where nothing of it existed."""
    client = find_robot(realm, client_id)
    remains = remove_unfinished(realm, client_id)
    if client:
        remains += forbid(realm, client)
        delete_client(realm, client.uuid)
    remains += settle(realm)
    return Removed(client is not None, tuple(dict.fromkeys(remains))) if client or remains else None


def unfinished_name(client_id: str) -> str:
    """A name for a robot while it is made. Nobody has a token of it."""
    return f"{client_id}-{token_hex(RANDOM_BYTES)}"


def remove_unfinished(realm: Realm, client_id: str) -> list[str]:
    """Deletes the clients with the mark and such a name, which killed runs left. Gives a sentence for each, and what stays."""
    pattern = re.compile(rf"{re.escape(client_id)}-[0-9a-f]{{{2 * RANDOM_BYTES}}}")
    told = []
    for name in sorted(filter(pattern.fullmatch, realm.clients.ids_containing(f"{client_id}-"))):
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
