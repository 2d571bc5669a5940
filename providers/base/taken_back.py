"""How many objects a run takes back that this stack made before its state was lost, or in a first run that was killed.

A mark on the server is a note, so it is not trusted by itself. In a run that writes, the resources report the numbers that
they continued. A preview creates nothing: it counts its new resources at whose place such a mark is.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary, WeakSet

import pulumi
from pulumi.runtime.settings import get_root_resource, is_dry_run

from kcadmin.marks.ownership import hash16, may_be
from kcadmin.objects import recorded_events
from kcadmin.objects.clients import Client
from kcadmin.objects.realm import realm_for
from kcadmin.objects.writers import Mark
from kcadmin.rest.connection import read_connection
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.session import session_for
from providers.base import messages
from providers.base.connections import CONNECTION, connection_of, given_to
from providers.base.face import config_value, is_package
from providers.base.held import CONTINUES, NUMBER
from providers.base.own_state import own_state, stack_name
from providers.base.place import stack_of_program
from providers.base.registered import is_registered
from reach.marks_in_sight import marks_of_policies, marks_of_scopes, marks_on

if TYPE_CHECKING:
    from providers.base.resource import KeycloakResource

PLACES = ("name", "client_uuid")  # as in the ``at`` of marks


class _Part:
    """A part of a ``RealmGrants`` that is new to the state: its fields, as attributes like those of a resource."""

    def __init__(self, props: Mapping[str, Any]) -> None:
        vars(self).update(props)


_Ours: TypeAlias = "KeycloakResource | _Part"


@dataclass(eq=False)
class _Program:
    """The marks in sight that this stack wrote, and the resources that were not asked yet. In the package: of one grant.

    about: the grant that is counted, if it is not the whole program. planned: whether marks were read, as for planned grants.
    judged: resources whose UUIDs come from a check of their grant.
    """

    about: str = ""
    marks: list[Mark] = field(default_factory=list)
    ours: list[_Ours] = field(default_factory=list)
    told: pulumi.Output[int] | None = None
    planned: bool = False
    judged: "WeakSet[KeycloakResource]" = field(default_factory=WeakSet)

    async def tell(self) -> int:
        """Reports it when all resources are done. Reads the state only if there may be something to report."""
        numbers: set[str] = set()
        new: set[str] = set()  # settings of an object that was just made have its number
        unseen: list[_Ours] = []
        unread: set[str] = set()
        while self.ours:
            found, self.ours = self.ours, []
            for each in found:
                if not isinstance(each, _Part) and not await is_registered(each):
                    continue
                if not is_dry_run():
                    numbers |= {await _value(each, CONTINUES)} - {None}
                    new.add(await _value(each, NUMBER))
                elif not await _known(each, NUMBER):  # else it stays as it is
                    seen = await _numbers(each, self.marks)
                    numbers |= seen
                    is_absent = each in self.judged and not await _has_uuids(each)
                    unseen += [] if (seen and await _places(each)) or is_absent else [each]
        if numbers or not self.planned:  # what no plan has read: events, and resources outside of grants
            for each in unseen:
                numbers |= await _at_its_place(each, unread)
        for sentence in sorted(unread):
            messages.warn(sentence)
        self.told = None
        known = {each.outputs.get(key) for each in own_state() for key in (NUMBER, CONTINUES)} if numbers else set()
        taken = len(numbers - new - known)
        if taken:
            does = "will take" if is_dry_run() else "took"
            objects = "1 object" if taken == 1 else f"{taken} objects"
            messages.info(f"{self.about}{does} back {objects} that this stack made before its state was lost.")
        return taken


async def _numbers(resource: _Ours, marks: Iterable[Mark]) -> set[str]:
    """The numbers in marks that a new resource would continue."""
    owner, places = str(await _value(resource, "owner")), await _places(resource)
    owners = (owner, hash16(owner))
    return {mark.writer.number for mark in marks if mark.owner in owners and (not places or mark.at in places)}


async def _at_its_place(resource: _Ours, unread: set[str]) -> set[str]:
    """The numbers in marks that no plan has read. unread: gets the sentence for a place that could not be read."""
    try:
        marks = written_by_us(await _marks_at(resource), stack_of_program(stack_name()))
    except KeycloakError as problem:
        unread.add(f"how many objects are taken back is not known in full: {problem.clause}")
        return set()
    return await _numbers(resource, marks)


async def _has_uuids(resource: _Ours) -> bool:
    """Whether all of its clients that are given by UUID exist."""
    given = [getattr(resource, name, None) for name in ("client_uuid", "client_uuids", "included_client_uuid")]
    return all([await each.is_known() for each in given if isinstance(each, pulumi.Output)])


async def _places(resource: _Ours) -> list[str]:
    """Where its mark is; empty for a resource of the realm, whose marks are on clients."""
    return [place for name in PLACES if (place := await _value(resource, name))]


async def _marks_at(resource: _Ours) -> list[Mark]:
    """The marks at the place of a resource, read from the server."""
    names = ("realm", "client_uuid", "client_id", "resource_server_uuid", "resource_server", "included_client")
    realm, uuid, client, server_uuid, server, audience = [await _value(resource, name) for name in names]
    given, is_known = (None, True) if isinstance(resource, _Part) else await given_to(resource)
    if not is_known:
        return []

    def read() -> list[Mark]:
        connection = connection_of({CONNECTION: given}) or read_connection(config_value)
        there = realm_for(session_for(connection), str(realm))

        def bearer(name: object) -> Client | None:
            return there.clients.find(str(name)) if name else None

        if server_uuid or server:
            known = bearer(server)
            settings = there.resource_server(str(server_uuid or (known and known.uuid))).settings() or {}
            return list(marks_of_policies(settings.get("policies") or ()))
        if audience and not (uuid or client):
            return list(marks_of_scopes(there.client_scopes.all()))
        found = there.clients.get(str(uuid)) if uuid else bearer(client) if client else recorded_events.holder(there)
        return list(marks_on(found)) if found else []

    return await asyncio.to_thread(read)  # with the context, where the config is


_programs: "WeakKeyDictionary[object, _Program]" = WeakKeyDictionary()


def written_by_us(marks: Iterable[Mark], stack: str) -> list[Mark]:
    """The marks of objects and settings that a stack may have written. stack: as marks name it."""
    return [mark for mark in marks if mark.writer.number and not mark.beside and may_be(mark.writer.stack, stack)]


def note_marks(marks: Iterable[Mark], stack: str, about: str = "") -> None:
    """Notes the marks that were read. stack: the running one, as in marks. about: one grant of the package."""
    program = _this_program()
    if program:
        program.planned, program.about = True, about
        program.marks += written_by_us(marks, stack)


def watch_taken_back(resource: "KeycloakResource", *, judged: bool = False) -> None:
    """Counts a resource of the program. judged: its clients' UUIDs come from a check, which has read them."""
    program = _this_program()
    if program:
        program.ours.append(resource)
        if judged:
            program.judged.add(resource)
        program.told = program.told or pulumi.Output.from_input(program.tell())  # the program waits for its outputs


def watch_new_parts(parts: Iterable[Mapping[str, Any]]) -> None:
    """Counts in a preview the new parts of a ``RealmGrants``. In an ``up`` that resource reports what they continue."""
    program = _this_program()
    if program and is_dry_run() and (new := [*map(_Part, parts)]):
        program.ours += new
        program.told = program.told or pulumi.Output.from_input(program.tell())


async def all_told() -> None:
    """Waits until all is reported about a grant of the package. Its caller waits only for the grant's resources."""
    program = _this_program()
    while program and program.told:
        await program.told.future()


def _this_program() -> _Program | None:
    key = asyncio.get_running_loop() if is_package() else get_root_resource()
    return _programs.setdefault(key, _Program()) if key else None


async def _known(resource: _Ours, name: str) -> Any:
    """A value; None if it is not yet known."""
    found = getattr(resource, name, None)
    return await _value(resource, name) if not isinstance(found, pulumi.Output) or await found.is_known() else None


async def _value(resource: _Ours, name: str) -> Any:
    found = getattr(resource, name, None)
    return await found.future() if isinstance(found, pulumi.Output) else found
