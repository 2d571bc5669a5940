"""The mark of a guarded requester: a client attribute that the conditions of client policies check.

A mark is ``<label>-<secret>``. The label is made of the client's UUID and says whose mark it is. It is not secret, and the names
of client policies contain it. The secret is random. It is only in the client's attribute and in the client policies that check
it: not in outputs, state, messages or logs. Marks of earlier versions were computed from two UUIDs.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace

from kcadmin.guards.client_policies import Entry
from kcadmin.guards.entries import MARK_FORM, as_entry, label_of
from kcadmin.guards.parts import MARK, REQUESTERS, GuardPart, held_parts
from kcadmin.marks.notes import HASH16
from kcadmin.marks.ownership import hash16
from kcadmin.objects.claims import Kind, claims
from kcadmin.objects.clients import ATTRIBUTE, Client

MARKED = ATTRIBUTE + MARK
KIND = Kind("exchange-guards", {MARKED: HASH16}, {MARKED: HASH16 | None})  # both were noted by earlier versions
SECRET_BYTES = 16


def label_for(client_uuid: str) -> str:
    """The label of a client's marks."""
    return hash16(client_uuid)


def new_mark(client_uuid: str) -> str:
    """A mark for a client that nobody can guess."""
    return f"{label_for(client_uuid)}-{secrets.token_hex(SECRET_BYTES)}"


def computed_mark(management_uuid: str, client_uuid: str) -> str:
    """The client's mark of earlier versions. Anybody who knows both UUIDs can compute it."""
    return hash16(f"{management_uuid}|{client_uuid}")


def is_own(mark: str | None, client_uuid: str) -> bool:
    """Whether a mark is one that was made for this client."""
    form = MARK_FORM.fullmatch(mark or "")
    return form is not None and form[1] == label_for(client_uuid)


def is_borrowed(client: Client, management_uuid: str) -> bool:
    """Whether a client has a mark that was not made for it: it is a copy of another client, or got its mark."""
    mark = client.value(MARKED)
    return bool(mark) and not is_own(mark, client.uuid) and mark != computed_mark(management_uuid, client.uuid)


def marks_in(entries: Iterable[Entry], client_uuid: str) -> list[str]:
    """The client's marks that entries ask for, in a fixed order."""
    held = {mark for entry in entries for part in held_parts(entry).values() for mark in part.marks}
    return sorted(mark for mark in held if is_own(mark, client_uuid))


def mark_for(client: Client, policies: Iterable[Entry]) -> str:
    """The mark that a client is to have.

    It is the one that policies ask for already, the one that another stack has just given it, or a new one. An attribute
    alone is not trusted: whoever registered the client may have written it.
    """
    mark, asked = client.value(MARKED), marks_in(policies, client.uuid)
    if asked:
        return str(mark) if mark in asked else asked[0]
    if is_own(mark, client.uuid) and claims(client, KIND):
        return str(mark)
    return new_mark(client.uuid)


def renewed(kind: str, entries: Iterable[Entry], marks: Mapping[str, str], *, keep: bool) -> list[Entry]:
    """Entries of all owners that ask for new marks where they asked for computed ones.

    An entry for requesters lets each bearer of one of its marks pass, so it may hold both. Every other one holds for a bearer of
    all of its marks, so there is one for the old mark and one for the new.

    :param marks: new by computed.
    :param keep: they ask for the computed ones as well.
    """
    then: list[Entry] = []
    moved: dict[str, tuple[Entry, dict[str, GuardPart]]] = {}
    for entry in entries:
        held = held_parts(entry)
        old = {mark for part in held.values() for mark in part.marks if mark in marks}
        if not old:
            then.append(entry)
        elif any(part.kind == REQUESTERS for part in held.values()):
            parts = {owner: replace(part, marks=_renewed(part.marks, marks, keep)) for owner, part in held.items()}
            then.append({**entry, **as_entry(kind, str(entry["name"]), parts)})
        else:
            then += [entry] if keep else []
            parts = {owner: replace(part, marks=_renewed(part.marks, marks, False)) for owner, part in held.items()}
            moved[_renamed(str(entry["name"]), marks)] = entry, parts
    for position, entry in enumerate(then):
        if entry.get("name") in moved:  # of a run that was killed, or of another stack
            name = str(entry["name"])
            _, parts = moved.pop(name)
            then[position] = {**entry, **as_entry(kind, name, {**parts, **held_parts(entry)})}
    return then + [{**entry, **as_entry(kind, name, parts)} for name, (entry, parts) in moved.items()]


def _renewed(held: Iterable[str], marks: Mapping[str, str], keep: bool) -> tuple[str, ...]:
    old = set(held)
    return tuple(sorted({marks.get(mark, mark) for mark in old} | (old if keep else set())))


def _renamed(name: str, marks: Mapping[str, str]) -> str:
    before, _, mark = name.rpartition(".")
    return f"{before}.{label_of(marks.get(mark, mark))}"
