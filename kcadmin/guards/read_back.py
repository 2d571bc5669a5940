"""What an owner's guards declare, read back from the realm's client policies and the marks of its clients."""

from collections.abc import Mapping, Sequence
from typing import Any

from kcadmin.guards.claimed import TakenGuards
from kcadmin.guards.client_policies import POLICIES, entries
from kcadmin.guards.entries import Guards
from kcadmin.guards.marks import MARKED
from kcadmin.guards.parts import ASKED, REQUESTERS, SCOPES, SOURCES, USER, GuardPart, held_parts
from kcadmin.objects.realm import Realm
from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import named


def read_guards(realm: Realm, owner: str) -> TakenGuards | None:
    """An owner's guards; None where it has none, or the realm is gone.

    :raises Refusal: they ask for a mark that no client bears.
    """
    mine = [part for entry in entries(realm, POLICIES) or () if (part := held_parts(entry).get(owner))]
    marks = {mark for part in mine for mark in part.marks}
    bearing = [each for page in realm.clients.pages() for each in page if each.value(MARKED) in marks] if mine else []
    clients = {str(each.value(MARKED)): each.client_id for each in bearing}
    if marks - clients.keys():
        raise Refusal(
            f"exchange guards of realm {named(realm.name)}: ask for a mark that no client bears; declare them, and run "
            "`pulumi up`."
        )
    uuids = {each.client_id: each.uuid for each in bearing}
    return TakenGuards(owner, Guards.read(_declared(mine, clients)), uuids, mine[0].writer) if mine else None


def _declared(parts: Sequence[GuardPart], clients: Mapping[str, str]) -> dict[str, Any]:
    """The inputs of a resource. clients: client ids by their marks."""
    found: dict[str, Any] = {"sources": {}, "no_wider_scopes": [], "user_claims": {}, "scopes": {}}
    for part in parts:
        names = [clients[mark] for mark in part.marks]
        if part.kind == REQUESTERS:
            found["requesters"] = names
        for name in names:
            if part.kind == SOURCES:
                found["sources"][name] = part.allowed
            elif part.kind == SCOPES:
                found["no_wider_scopes"].append(name)
            elif part.kind == USER:
                found["user_claims"].setdefault(name, {})[part.claim] = part.allowed[0]
            elif part.kind == ASKED:
                found["scopes"].setdefault(name, {})[part.claim] = part.allowed
    return found
