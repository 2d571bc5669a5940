"""Whether an owner's guards may be made in a realm: the faults of that, and which clients they write first."""

import os
from collections.abc import Collection, Iterator

from kcadmin.guards.claimed import TakenGuards, require_one_owner
from kcadmin.guards.client_policies import missing_from_server
from kcadmin.guards.entries import Guards
from kcadmin.guards.marks import KIND
from kcadmin.marks.ownership import Writer
from kcadmin.marks.whose import TAKEN_OVER_BY
from kcadmin.objects.claims import claim_of
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import Realm
from kcadmin.objects.writers import continuing
from kcadmin.rest.errors import Refusal


def admission_faults(
    realm: Realm, named: str, now: TakenGuards, before: TakenGuards | None, writer: Writer, held: Collection[str]
) -> Iterator[str]:
    """Why another stack has the owner, and what the server lacks. Asks nothing about unchanged guards.

    :param named: the resource in messages. held: numbers of the stack's own state.
    """
    if before is None or before.owner != now.owner:
        try:
            with continuing(held):  # the former owner's are known to be another stack's
                require_one_owner(realm, os.environ.get(TAKEN_OVER_BY) or now.owner, writer)
        except Refusal as problem:
            yield problem.clause
    if before is None or before.guards != now.guards:
        for lack in missing_from_server(realm.session, now.guards.conditions, now.guards.executors):
            yield f"{named}: the server lacks {lack}; update Keycloak to 26.5 or newer, or leave out what needs it."


def unclaimed(realm: Realm, owner: str, guards: Guards) -> Iterator[Client]:
    """The clients that guards name and that do not bear the owner's claim yet."""
    for client_id in guards.marked:
        client = realm.clients.find(client_id)
        if client and claim_of(client, owner, KIND) is None:
            yield client
