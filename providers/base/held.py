"""Whether an object on the server is still the one in a resource's state: the object's mark decides.

A rename or a replacement first creates the new resource, which finds and continues the object. Then it deletes the old one:
in the same run or a later one, in this process or another. So each resource has a number. A resource that creates or
continues the object writes its number into the mark, and only a resource with that number may delete.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

from kcadmin.marks.ownership import Writer, has_name_of, hash16, may_be, name_of_stack, number_of, stack_of
from kcadmin.objects.claims import Claim
from kcadmin.objects.realm import Realm
from kcadmin.rest.texts import shown
from providers.base.props import KeycloakProps, Outputs

NUMBER, STACK = "number", "stack"
HELD = "held"  # an input that is not in the state: numbers in the stack's own state under another name or owner
KEEPS = "keeps"  # an input of one run only: the number of a part that another resource of the state passes on
CONTINUES = "continues"  # an output: the number in the mark that a resource found of its owner when it was created
LOST = "mark_lost"  # of an object that was read: it lacks the mark that its resource wrote


class Whose(Enum):
    """Whose an object is, for a resource with it in its state. OTHERS: another resource of the same stack has it now."""

    OWN, OTHERS, ANOTHER_STACKS = range(3)


class MarkedObject(Protocol):
    """An object that may bear a mark."""

    @property
    def mark(self) -> str | None: ...
    @property
    def owner(self) -> str | None: ...
    @property
    def writer(self) -> Writer: ...


@dataclass(frozen=True)
class ObjectMark:
    """The mark on an object. owner: the owner's hash. name: the owner, if the mark contains it."""

    owner: str
    writer: Writer
    name: str = ""

    @classmethod
    def on(cls, found: MarkedObject | None) -> "ObjectMark | None":
        """The mark of an object; None if it has none, or is gone."""
        return cls(found.mark, found.writer, found.owner or "") if found and found.mark else None

    @classmethod
    def of(cls, claim: Claim | None) -> "ObjectMark | None":
        """A claim as a mark."""
        return cls(hash16(claim.owner), claim.writer, claim.owner) if claim else None

    @classmethod
    def around(cls, found: MarkedObject | None) -> "ObjectMark | None":
        """The same for an object that the resource only gives to a client, so the number is not its own."""
        mark = cls.on(found)
        return replace(mark, writer=replace(mark.writer, number="")) if mark else None

    @property
    def holder(self) -> str:
        """Whose it is, for people."""
        stack = name_of_stack(self.writer.stack) if "/" in self.writer.stack else ""
        names = [shown(self.name)] if self.name else []
        names += [f"stack {shown(stack)}"] if stack and stack_of(self.name) != stack else []
        return " of ".join(names) or "another stack"


def own_number(id_: str, props: KeycloakProps) -> str:
    """The number of a resource. If its state comes from an earlier version, the number follows from its id."""
    return props.number or number_of(id_)


def owner_by_mark(mark: ObjectMark | None, id_: str, props: KeycloakProps) -> Whose:
    """Whose an object with that mark is. One without a mark belongs to nobody else."""
    if mark is None:
        return Whose.OWN
    here, there = props.stack, mark.writer.stack
    is_this = has_name_of(here, there) if mark.owner == hash16(props.owner) else here and there and may_be(here, there)
    if not is_this:
        return Whose.ANOTHER_STACKS
    return Whose.OWN if mark.writer.number in ("", own_number(id_, props)) else Whose.OTHERS


def is_as_known(mark: ObjectMark | None, id_: str, props: KeycloakProps) -> bool:
    """Whether an object has exactly the mark that its resource wrote."""
    if mark is None or mark.owner != hash16(props.owner):
        return False
    return owner_by_mark(mark, id_, props) is Whose.OWN and bool(mark.writer.number or not props.number)


def replaced_with_owner(is_: str, its: str) -> str:
    """Why ``pulumi up --replace`` cannot create an object that a former owner has; an update would pass it on."""
    return f"{is_} replaced in the same run as {its} owner changes; run `pulumi up` without `--replace` first"


class BearsMarks:
    """How a provider reads the mark on its object."""

    def bears(self, realm: Realm, id_: str, props: Any) -> ObjectMark | None:
        """The mark or claim that the object has now; None if it has none, or is gone."""
        return None

    def lost(self, mark: ObjectMark | None, id_: str, props: KeycloakProps) -> Outputs:
        """A mark's fields for ``fetch``. The state keeps owner and number, by which a delete recognizes its own object."""
        return {LOST: None if not props.owner or is_as_known(mark, id_, props) else True}
