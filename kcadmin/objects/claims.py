"""Claims: notes on a client that say who owns one of its settings, and what the setting was before.

A claim is the client attribute ``pulumi.claim.<hash of owner and kind>``. Anybody who may write the client's attributes may write
a claim, so it is data. It counts only if its key fits its owner, and if it contains only fields and values of its kind. A
well-formed claim can at most keep the setting as claimed, and choose which of the setting's own values is restored.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Protocol, runtime_checkable

from kcadmin.marks.notes import HASH8, fits, hints_of, plain, read_note, required_fields, typed, typed_fields, warn_once
from kcadmin.marks.ownership import CLAIM_PREFIX, NOBODY, Writer, hash16
from kcadmin.objects.clients import Client
from kcadmin.rest.errors import sentence
from kcadmin.rest.texts import some

IDENTITY = ("id", "owner", "writer", "mark", "exchange")  # of an object, and no part of what it was
LONGEST_OWNER = 1000
OWNER = Annotated[str, re.compile(f".{{1,{LONGEST_OWNER}}}", re.DOTALL)]
WRITER = {"stack": OWNER, "number": HASH8}
ADOPTED = "adopted:"
ATTACHED = "attached:"  # of a policy that hung on a permission before: who may take it out
NAMED = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A setting that is claimed. ``set`` and ``was``: the fields that its claims may contain, each with its type hint.

    ``needs``: fields that ``was`` must contain.
    """

    name: str
    set: Mapping[str, Any] = field(default_factory=dict, compare=False)
    was: Mapping[str, Any] = field(default_factory=dict, compare=False)
    needs: Sequence[str] = field(default=(), compare=False)

    def __str__(self) -> str:
        return self.name

    def fitting(self, was: Mapping[str, Any]) -> dict[str, Any]:
        """The former values as a claim can note them: None for one that the setting cannot have."""
        return {key: value if fits(self.was.get(key), value) else None for key, value in was.items()}


@dataclass(frozen=True)
class Claim:
    """One owner's hold on a setting that others may share.

    ``was``: the values before the first claim, which the last owner restores. ``set``: the values claimed.
    """

    owner: str
    kind: Kind
    set: Mapping[str, Any]
    was: Mapping[str, Any]
    writer: Writer = NOBODY

    @property
    def key(self) -> str:
        """The client attribute that holds this claim."""
        return claim_key(self.owner, self.kind)

    def text(self) -> str:
        """The claim as the attribute's value."""
        by = {key: value for key, value in asdict(self.writer).items() if value}
        noted = {"owner": self.owner, "kind": self.kind.name, "set": plain(self.set), "was": plain(self.was), **by}
        return json.dumps(noted, separators=(",", ":"), sort_keys=True)


def claim_key(owner: str, kind: Kind | str) -> str:
    """The client attribute for an owner's claim of a kind."""
    return CLAIM_PREFIX + hash16(f"{owner}|{kind}")


def claims(client: Client | None, kind: Kind) -> list[Claim]:
    """The claims of a kind on a client, in a fixed order. What has another form is ignored, with one warning."""
    if client is None:
        return []
    found: list[Claim] = []
    unreadable: list[str] = []
    unfit: list[str] = []
    for key in sorted(each for each in client.attributes if each.startswith(CLAIM_PREFIX)):
        entry = _entry(client.attributes[key])
        if entry is None:
            unreadable.append(key)
        elif entry["kind"] == kind.name:
            try:
                found.append(_read(key, entry, kind))
            except ValueError:
                unfit.append(key)
    _tell(client, unreadable, "claim")
    _tell(client, unfit, f"claim on {kind}")
    return found


def claim_of(client: Client | None, owner: str, kind: Kind) -> Claim | None:
    """An owner's claim of a kind on a client."""
    return next((claim for claim in claims(client, kind) if claim.owner == owner), None)


def claim_owners(client: Client) -> Iterator[tuple[str, str, Writer]]:
    """Each claim's kind, owner and writer, whatever else it contains."""
    for key in sorted(each for each in client.attributes if each.startswith(CLAIM_PREFIX)):
        entry = _entry(client.attributes[key])
        with suppress(ValueError):
            owner = typed(OWNER, entry.get("owner") if entry else None)
            if entry and key == claim_key(owner, entry["kind"]):
                yield entry["kind"], owner, _writer(entry)


def adopted_kind(id_: str, object_: type | None = None) -> Kind:
    """The kind of the claim that notes what an adopted object was. ``object_``: the dataclass that describes it."""
    was = hints_of(object_, *IDENTITY) if object_ else {}
    return Kind(
        f"{ADOPTED}{id_}", {}, was, [each for each in required_fields(object_) if each in was] if object_ else ()
    )


@runtime_checkable
class Noted(Protocol):
    """An object whose note could give tokens something that they do not have, such as another audience."""

    def may_have_been(self, was: Mapping[str, Any]) -> bool:
        """Whether it may have been as a note says: it gives tokens the same, and had no mark."""


def may_be_true(object_: object, was: Mapping[str, Any]) -> bool:
    """Whether an object may have been as a note on its client says, which the client's owner may have written."""
    return not isinstance(object_, Noted) or object_.may_have_been(was)


def adopted_note(client: Client | None, owner: str, id_: str, name: str, object_: type) -> Claim | None:
    """An owner's note of what an adopted object was: by its id; in a copied realm, where ids are new, by its name."""
    notes: list[Claim] = []
    for kind, who, _ in claim_owners(client) if client else ():
        if who == owner and kind.startswith(ADOPTED):
            key = claim_key(owner, kind)
            with suppress(ValueError):  # of an object of another type
                fitting = adopted_kind(kind.removeprefix(ADOPTED), object_)
                notes.append(_read(key, _entry(client.attributes[key]) or {}, fitting))  # type: ignore[union-attr]
    by_id = (each for each in notes if each.kind.name == f"{ADOPTED}{id_}")
    return next(by_id, None) or next((each for each in notes if each.was.get("name") == name), None)


@lru_cache(maxsize=4096)  # a claim is parsed once per kind and phase
def _entry(text: str) -> Mapping[str, Any] | None:
    """The claim in an attribute, if it is one of a known kind."""
    try:
        entry = read_note(text)
    except ValueError:
        return None
    return entry if isinstance(entry, Mapping) and isinstance(entry.get("kind"), str) else None


def _read(key: str, entry: Mapping[str, Any], kind: Kind) -> Claim:
    """:raises ValueError: it is no claim of that kind, or not its owner's."""
    owner = typed(OWNER, entry.get("owner"))
    if key != claim_key(owner, kind):
        raise ValueError("another owner's key")
    was = typed_fields(kind.was, entry.get("was", {}), kind.needs)
    return Claim(owner, kind, typed_fields(kind.set, entry.get("set", {})), was, _writer(entry))


def _writer(entry: Mapping[str, Any]) -> Writer:
    """:raises ValueError: it has no owner in our form."""
    return Writer(**typed_fields(WRITER, {key: entry[key] for key in WRITER if key in entry}))


def _tell(client: Client, unfit: Sequence[str], what: str) -> None:
    if not unfit:
        return
    wrong = (
        f"attribute {some(unfit, NAMED)} holds no {what} (another form, fields or values that the setting does not "
        "have, or the attribute of another owner), so it is ignored"
    )
    text = sentence("client", client.client_id, client.realm, wrong, "find who wrote it, and remove it")
    warn_once(_log, (client.uuid, what), text)
