"""How many objects a run takes back that this stack made before its state was lost, or in a first run that was killed.

A mark on the server is a note, and counts for nothing here alone. In a run that writes, the resources themselves say with whose
number they went on. A preview creates nothing: it counts the resources that are new to it where such a mark is.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime.settings import get_root_resource, is_dry_run

from kcadmin.marks.ownership import hash16, may_be
from kcadmin.objects.writers import Mark
from providers.base import messages
from providers.base.held import CONTINUES, NUMBER
from providers.base.own_state import own_state

if TYPE_CHECKING:
    from providers.base.resource import KeycloakResource

PLACES = ("name", "client_uuid")  # as marks have them in ``at``


@dataclass(eq=False)
class _Program:
    """The marks in sight that this stack wrote, and the resources that were not asked yet."""

    marks: list[Mark] = field(default_factory=list)
    ours: "list[KeycloakResource]" = field(default_factory=list)
    told: pulumi.Output[int] | None = None

    async def tell(self) -> int:
        """Says it, when all resources are done. The state is asked only where there may be something to say."""
        numbers: set[str] = set()
        while self.ours:
            found, self.ours = self.ours, []
            for each in found if self.marks else ():
                with suppress(Exception):  # of a resource that fails, which the engine says
                    numbers |= {mark.writer.number for mark in await self._marks_of(each)}
        self.told = None
        taken = len(numbers - {each.outputs.get(NUMBER) for each in own_state()}) if numbers else 0
        if taken:
            does = "will take" if is_dry_run() else "took"
            objects = "1 object" if taken == 1 else f"{taken} objects"
            messages.info(f"{does} back {objects} that this stack made before its state was lost.")
        return taken

    async def _marks_of(self, resource: "KeycloakResource") -> list[Mark]:
        """The marks with which a resource goes on, or would."""
        if not is_dry_run():
            number = await _value(resource, CONTINUES)
            return [mark for mark in self.marks if mark.writer.number == number]
        if await getattr(resource, NUMBER).is_known():  # it stays as it is
            return []
        owner, places = str(await _value(resource, "owner")), [await _value(resource, place) for place in PLACES]
        owners, somewhere = (owner, hash16(owner)), not any(places)  # of the realm: it has marks on its clients
        return [mark for mark in self.marks if mark.owner in owners and (somewhere or mark.at in places)]


_programs: "WeakKeyDictionary[pulumi.Resource, _Program]" = WeakKeyDictionary()


def note_marks(marks: Iterable[Mark], stack: str) -> None:
    """Marks that are in sight. stack: the one that runs, as marks name it."""
    program = _this_program()
    if program:
        program.marks += [mark for mark in marks if mark.writer.number and may_be(mark.writer.stack, stack)]


def watch(resource: "KeycloakResource") -> None:
    """Counts a resource of the program."""
    program = _this_program()
    if program:
        program.ours.append(resource)
        program.told = program.told or pulumi.Output.from_input(program.tell())  # the program waits for its outputs


def _this_program() -> _Program | None:
    root = get_root_resource()
    return _programs.setdefault(root, _Program()) if root else None


async def _value(resource: "KeycloakResource", name: str) -> Any:
    found = getattr(resource, name, None)
    return await found.future() if isinstance(found, pulumi.Output) else found
