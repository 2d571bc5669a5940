"""How many objects a run takes back that this stack made before its state was lost, or in a first run that was killed.

A mark on the server is a note, so it is not trusted by itself. In a run that writes, the resources report the numbers that
they continued. A preview creates nothing: it counts its new resources at whose place such a mark is.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime.settings import get_root_resource, is_dry_run

from kcadmin.marks.ownership import hash16, may_be
from kcadmin.objects.realm import realm_for, realms_of_run
from kcadmin.objects.writers import Mark
from kcadmin.rest.errors import KeycloakError, NotFound, NotImplementedHere
from kcadmin.rest.misread import misreadings
from kcadmin.rest.session import session_for
from providers.base import messages
from providers.base.connections import CONNECTION, connection_of, given_to
from providers.base.face import is_package, stack_connection
from providers.base.held import CONTINUES, NUMBER
from providers.base.own_state import own_state, stack_name
from providers.base.part import resolved
from providers.base.place import stack_of_program
from providers.base.provider import KeycloakProvider
from providers.base.registered import is_registered, outputs_of
from providers.base.uuids import derive_uuids, is_known

if TYPE_CHECKING:
    from providers.base.resource import KeycloakResource


@dataclass(frozen=True)
class _New:
    """A resource of the program, or a part of a ``RealmGrants`` that is new to the state. given: the part's inputs."""

    provider: KeycloakProvider
    resource: "KeycloakResource | None" = None
    given: Mapping[str, Any] = field(default_factory=dict)

    async def inputs(self) -> dict[str, Any]:
        """What its provider would create it from. Unknown is what comes in the same run."""
        if self.resource is None:
            return dict(resolved(self.given, {}, UNKNOWN))
        connection, is_given = await given_to(self.resource)
        given = await outputs_of(self.resource, (*self.provider.INPUTS, "owner", "adopt"))
        return {**given, CONNECTION: connection if is_given else UNKNOWN}

    def continued(self, props: dict[str, Any], stack: str) -> set[str]:
        """The number in the mark of this stack that it would continue. props: its inputs. :raises KeycloakError: not read."""
        if not is_known([props.get(CONNECTION), props.get("realm")]):
            return set()
        realm = realm_for(session_for(connection_of(props) or stack_connection()), str(props["realm"]))
        try:
            derive_uuids(self.provider.CLIENTS, lambda: realm, {}, props)
            known = {name: value for name, value in props.items() if is_known(value)}
            if not all(known.get(name) for name in ("owner", *self.provider.CLIENTS.values())):
                return set()
            found = self.provider.continues(realm, self.provider.parse(known, in_part=True))
        except (NotFound, NotImplementedHere):  # nothing is there
            return set()
        return {found.number} - {""} if found and may_be(found.stack, stack) else set()


@dataclass(eq=False)
class _Program:
    """The marks in sight that this stack wrote, and the resources that were not asked yet. In the package: of one grant.

    about: the grant that is counted, if it is not the whole program. planned: whether marks were read, as for planned grants.
    """

    about: str = ""
    marks: list[Mark] = field(default_factory=list)
    ours: list[_New] = field(default_factory=list)
    told: pulumi.Output[int] | None = None
    planned: bool = False

    async def tell(self) -> int:
        """Reports it when all resources are done. Reads the state only if there may be something to report."""
        numbers: set[str] = set()
        new: set[str] = set()  # settings of an object that was just made have its number
        asked: list[tuple[_New, dict[str, Any]]] = []
        while self.ours:
            found, self.ours = self.ours, []
            for each in found:
                if each.resource and not await is_registered(each.resource):
                    continue
                made = await outputs_of(each.resource, (NUMBER, CONTINUES)) if each.resource else {}
                if each.resource and not is_dry_run():
                    numbers |= {made[CONTINUES]} if CONTINUES in made else set()
                    new.add(made.get(NUMBER, ""))
                elif made.get(NUMBER, UNKNOWN) is UNKNOWN:  # else it stays as it is
                    asked.append((each, await each.inputs()))
        if asked and (not self.planned or self._may_be_lost(props.get("owner") for _, props in asked)):
            here = stack_of_program(stack_name())
            numbers, unread = await asyncio.to_thread(_continued, asked, here)  # with the context: config, run
            for sentence in sorted(unread):
                messages.warn(sentence)
        self.told = None
        taken = len(numbers - new - (_in_state() if numbers else set()))
        tell_number(taken, f"{self.about}{'will take' if is_dry_run() else 'took'}")
        return taken

    def _may_be_lost(self, owners: Iterable[Any]) -> bool:
        """Whether the plan has seen a mark of one of these owners that the state does not have."""
        texts = {form for owner in owners if isinstance(owner, str) for form in (owner, hash16(owner))}
        seen = {mark.writer.number for mark in self.marks if mark.owner in texts}
        return bool(seen and seen - _in_state())


def _continued(asked: Iterable[tuple[_New, dict[str, Any]]], stack: str) -> tuple[set[str], set[str]]:
    """The numbers in marks that new resources would continue, and a sentence for each place that could not be read."""
    numbers, unread = set[str](), set[str]()
    with realms_of_run(get_root_resource()):  # as the plan has read them
        for new, props in asked:
            try:
                with misreadings():
                    numbers |= new.continued(props, stack)
            except KeycloakError as problem:  # noqa: PERF203 (each asks the server)
                unread.add(f"how many objects are taken back is not known in full: {problem.clause}")
    return numbers, unread


def _in_state() -> set[Any]:
    return {each.outputs.get(key) for each in own_state() for key in (NUMBER, CONTINUES)}


_programs: "WeakKeyDictionary[object, _Program]" = WeakKeyDictionary()


def written_by_us(marks: Iterable[Mark], stack: str) -> list[Mark]:
    """The marks of objects and settings that a stack may have written. stack: as marks name it."""
    return [mark for mark in marks if mark.writer.number and not mark.beside and may_be(mark.writer.stack, stack)]


def tell_number(number: int, does: str) -> None:
    """Reports how many objects a run takes back, if any."""
    if number:
        objects = "1 object" if number == 1 else f"{number} objects"
        messages.info(f"{does} back {objects} that this stack made before its state was lost.")


def note_marks(marks: Iterable[Mark], stack: str, about: str = "") -> None:
    """Notes the marks that a plan has read. stack: the running one, as in marks. about: one grant of the package."""
    program = _this_program()
    if program:
        program.planned, program.about = True, about
        program.marks += written_by_us(marks, stack)


def watch_taken_back(resource: "KeycloakResource", provider: KeycloakProvider) -> None:
    """Counts a resource of the program."""
    _watch([_New(provider, resource)])


def watch_new_parts(parts: Iterable[tuple[KeycloakProvider, Mapping[str, Any]]]) -> None:
    """Counts in a preview the new parts of a ``RealmGrants``. In an ``up`` that resource reports what they continue."""
    if is_dry_run():
        _watch([_New(provider, given=props) for provider, props in parts])


def _watch(new: list[_New]) -> None:
    program = _this_program()
    if program and new:
        program.ours += new
        program.told = program.told or pulumi.Output.from_input(program.tell())  # the program waits for its outputs


async def all_told() -> None:
    """Waits until all is reported about a grant of the package. Its caller waits only for the grant's resources."""
    program = _this_program()
    while program and program.told:
        await program.told.future()


def _this_program() -> _Program | None:
    key = asyncio.get_running_loop() if is_package() else get_root_resource()
    return _programs.setdefault(key, _Program()) if key else None
