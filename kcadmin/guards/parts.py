"""Each owner's part of an exchange guard, in the description of the guard's client policy and client profile.

The description is data: anybody who may write the realm's client policies may have written it.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from kcadmin.guards.client_policies import Entry
from kcadmin.marks.notes import fits, read_note, typed, warn_once
from kcadmin.marks.ownership import NOBODY, Writer, hash16
from kcadmin.rest.texts import shown

PREFIX = "pulumi.exchange."
MARK = f"{PREFIX}requester"
REQUESTERS, SOURCES, SCOPES, USER, ASKED = "requesters", "sources", "no-wider-scopes", "user", "asked"
KINDS = re.compile("|".join((REQUESTERS, SOURCES, SCOPES, USER, ASKED)))
_log = logging.getLogger(__name__)
_HELD = "Guard of token exchange, made by Pulumi. Parts by owner: "
_WRITTEN = "Stacks and numbers by owner: "  # before the parts, where earlier versions do not read
_WRITER = tuple[str, Annotated[str, re.compile("([0-9a-f]{8})?")]]


@dataclass(frozen=True)
class GuardPart:
    """One owner's part of a guard. ``allowed``: client ids for ``sources`` and ``asked``, a pattern for ``user``.

    ``claim``: of the subject token; for ``asked`` the requested client scope. ``writer``: who wrote the part for its owner;
    the guard does not depend on it.
    """

    kind: Annotated[str, KINDS]
    marks: tuple[str, ...]
    claim: str = ""
    allowed: tuple[str, ...] = ()
    writer: Writer = field(default=NOBODY, compare=False)

    def __post_init__(self) -> None:
        if self.kind == USER and len(self.allowed) != 1:
            raise ValueError("a part for users has one pattern")


def held_parts(entry: Entry) -> dict[str, GuardPart]:
    """Each owner's part of an entry, read from its description. What cannot be read is ignored, with one warning."""
    description = str(entry.get("description") or "")
    if not str(entry.get("name")).startswith(PREFIX) or _HELD not in description:
        return {}
    before, _, after = description.partition(_HELD)
    try:
        noted = read_note(after)
    except ValueError:
        noted = None
    known, writers = noted if isinstance(noted, Mapping) else {}, _writers(before)
    held = {
        owner: replace(typed(GuardPart, part), writer=writers.get(hash16(owner), NOBODY))
        for owner, part in known.items()
        if fits(GuardPart, part)
    }
    if not isinstance(noted, Mapping) or len(held) < len(noted):
        wrong = "its description contains parts that no stack can have written, which are ignored"
        text = f"guard {shown(entry.get('name'))}: {wrong}; run `pulumi up` for the stacks that declare it."
        warn_once(_log, text, text)
    return held


def guard_description(held: Mapping[str, GuardPart]) -> str:
    """A description that ``held_parts`` reads."""
    texts = {
        owner: {key: value for key, value in asdict(part).items() if key != "writer"} for owner, part in held.items()
    }
    return _written(held) + _HELD + _json(texts)


def _written(held: Mapping[str, GuardPart]) -> str:
    """Who wrote the parts: stack and number, by the owner's hash, in which no text can be mistaken for another."""
    writers = {hash16(owner): [part.writer.stack, part.writer.number] for owner, part in held.items()}
    known = {owner: writer for owner, writer in writers.items() if any(writer)}
    return f"{_WRITTEN}{_json(known)} " if known else ""


def _writers(text: str) -> dict[str, Writer]:
    """What ``_written`` wrote. Anything else counts as nothing."""
    try:
        noted = read_note(text.removeprefix(_WRITTEN))
    except ValueError:
        return {}
    known = noted if isinstance(noted, Mapping) else {}
    return {owner: Writer(*typed(_WRITER, each)) for owner, each in known.items() if fits(_WRITER, each)}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
