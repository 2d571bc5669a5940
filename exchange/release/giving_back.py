"""Restores an adopted object by the note on its client alone, which the client's owner may have written."""

from dataclasses import replace
from typing import Any

from kcadmin.objects.claims import Claim, adopted_note, may_be_true
from kcadmin.objects.clients import Client
from kcadmin.objects.mapper_types import STORES
from kcadmin.objects.realm import Realm
from kcadmin.objects.shared_settings import drop_claims
from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import named
from reach.leftovers import Leftover, LeftoverKind

MAPPERS = {LeftoverKind(kind): store for kind, store in STORES.items()}
"""The store of the mappers of a kind."""


def give_back(realm: Realm, left: Leftover, store: Any, found: Any, holder_uuid: str) -> bool:
    """Restores an adopted object. Returns whether it was adopted. :raises Refusal: the note cannot be true."""
    holder = realm.clients.get(holder_uuid, max_age=0)
    note = adopted_note(holder, left.owner, str(found.id), found.name, type(found)) if found else None
    if note is None or holder is None:
        return False
    if not may_be_true(found, note.was):
        raise Refusal(
            f"{left.about} in realm {named(realm.name)}: {untrue(note, holder)}; give it back by hand or delete it, and remove "
            "that attribute."
        )
    store.update(found.id, replace(found, owner=None, **note.was))
    drop_claims(realm.clients, holder_uuid, [note.key])
    return True


def untrue(note: Claim, holder: Client) -> str:
    """What is wrong with such a note."""
    return (
        f"attribute {note.key} of client {named(holder.client_id)}, which others may write, says that it gave tokens something "
        "else before"
    )
