"""Two stacks with the same owner: each would use, change and delete the other's objects.

A mark is data, which others may have written. Here it can only cause a stack to be refused before its first write.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache

from kcadmin.marks.ownership import Writer, hash16, may_be, name_of_stack
from kcadmin.marks.proposals import proposed_owner
from kcadmin.rest.errors import Refusal, sentence
from kcadmin.rest.texts import named

NAMED = 3


@dataclass(frozen=True)
class Mark:
    """The owner of an object or setting, and the writer of the mark.

    what: in words. owner: its hash if ``hashed``. at: the UUID of the client that has it, or else the name of the object.
    beside: whether it is a note on an object that has its own mark.
    """

    what: str
    owner: str
    writer: Writer
    hashed: bool = False
    at: str = ""
    beside: bool = False


def by_others(marks: Iterable[Mark], owners: Collection[str], stack: str) -> list[Mark]:
    """The marks with an owner of this stack that another stack wrote. stack: the one that has these owners."""
    texts, hashes = {*owners}, {*map(hash16, owners)}
    return [
        mark
        for mark in marks
        if mark.owner in (hashes if mark.hashed else texts) and not may_be(mark.writer.stack, stack)
    ]


@dataclass(frozen=True)
class Continuing:
    """What a call knows of its own objects.

    held: numbers in this stack's state. found: numbers in the marks that it continues.
    """

    held: frozenset[str]
    found: list[str] = field(default_factory=list)


_call: ContextVar[Continuing | None] = ContextVar("continuing", default=None)


@contextmanager
def continuing(held: Iterable[str] = ()) -> Iterator[Continuing]:
    """Within it, objects in the state are this stack's own, whichever stack their marks contain: it was renamed or moved.

    :param held: numbers of resources by the state, which no mark can add to.
    """
    call = Continuing(frozenset(held))
    token = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(token)


def is_held(writer: Writer | None) -> bool:
    """Whether this stack's state contains the object with that mark, under any name or owner."""
    call = _call.get()
    return bool(call and writer and writer.number in call.held)


def require_one_stack(realm: str, owner: str, what: str, found: Writer | None, writer: Writer) -> None:
    """:raises Refusal: another stack wrote what was found of an owner, and this one's state does not hold it."""
    call = _call.get()
    theirs = by_others([Mark(what, owner, found)] if found else [], [owner], writer.stack)
    if theirs and not is_held(found):
        raise Refusal(two_stacks(owner, realm, writer.stack, theirs))
    if call and found and found.number:
        call.found.append(found.number)


def two_stacks(owner: str, realm: str, stack: str, marks: Collection[Mark]) -> str:
    """Why a stack may not have an owner. marks: those that another stack wrote with that owner."""
    texts = sorted({mark.writer.stack for mark in marks if "/" in mark.writer.stack})
    other = name_of_stack(texts[0]) if texts else ""
    who = f"the stack {named(other)}" if other else "another stack"
    lost = "give this stack its former name"
    if other == name_of_stack(stack):
        who, lost = f"{who} of another backend", "use its former backend"
    whats = sorted({mark.what for mark in marks if not mark.beside} or {mark.what for mark in marks})
    listed = ", ".join(whats[:NAMED]) + (f" and {len(whats) - NAMED} more" if len(whats) > NAMED else "")
    wrong = f"is the owner of what {who} made ({listed}), and this is the stack {named(name_of_stack(stack))}"
    remedy = (
        f"if its config was copied, run `pulumi config set owner {_owner_of_its_own(stack)}`; if it is that stack, renamed "
        "or moved, bring its state along (`pulumi stack rename`, or `pulumi stack export` and `import`), and run `pulumi up` "
        f"without `--replace`; if that state is lost, {lost} for one `pulumi up`"
    )
    return sentence("owner", owner, realm, wrong, remedy)


@cache
def _owner_of_its_own(stack: str) -> str:
    """The same for all owners of a stack that are refused."""
    return proposed_owner(name_of_stack(stack).rpartition("/")[2])
