"""Resources of other providers in the same program, which may write ours while they are compared, and after.

Pulumi has no order between resources that do not depend on each other. So ours may be compared before the other writes
them. When all are done, the program reads ours again, and the run fails if one is no longer as declared: docs/adr/0020.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime.settings import get_root_resource, is_dry_run

from kcadmin.marks.packed import OBJECT
from kcadmin.objects.realm import realms_of_run
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.misread import misreadings
from providers.base import messages
from providers.base.registered import is_registered, outputs_of

if TYPE_CHECKING:
    from providers.base.provider import KeycloakProvider, Props
    from providers.base.resource import KeycloakResource

    Declared = tuple[KeycloakProvider, str, Props]

IN_PAGES = 10  # so many resources are worth reading their clients in pages
HARMLESS = (OBJECT, "pulumi:")  # ours; providers and references to other stacks
REMEDY = "run `pulumi up` again, and give the other resource in depends_on of this one"


@dataclass(eq=False)
class _Program:
    """The resources of a program so far, each with the time when it was done.

    is_watched: from the program's start. Else this process imported us before, and others may have come before our first.
    """

    is_watched: bool
    others: "list[asyncio.Future[float]]" = field(default_factory=list)
    ours: "list[tuple[KeycloakResource, KeycloakProvider, asyncio.Future[float]]]" = field(default_factory=list)
    beside: pulumi.Output[Any] | None = None
    last_read: pulumi.Output[Any] | None = None

    async def has_others(self) -> bool | None:
        """Known when a program without ``await`` has registered all. None is not an input."""
        return bool(self.others) or None

    def note(self, args: pulumi.ResourceTransformationArgs) -> None:
        """A resource that the program makes, of any provider."""
        if isinstance(args.resource, pulumi.CustomResource) and not args.type_.startswith(HARMLESS):
            self.others.append(asyncio.ensure_future(_done(args.resource)))

    async def read_again(self) -> bool:
        """Reads ours again; returns whether it read any.

        :raises pulumi.RunError: another provider wrote one of ours after it was compared.
        """
        while waiting := [each for each in (*self.others, *(done for _, _, done in self.ours)) if not each.done()]:
            await asyncio.gather(*waiting)
        last = max((done.result() for done in self.others), default=0.0)
        before = [(ours, provider) for ours, provider, done in self.ours if done.result() < last]
        self.ours, self.last_read = [], None
        declared = [await _declared(ours, provider) for ours, provider in before]
        faults = await asyncio.to_thread(_faults, declared, pulumi.Config()) if declared else []
        if faults:
            raise messages.program_error(faults)
        return bool(declared)


_programs: "WeakKeyDictionary[pulumi.Resource, _Program]" = WeakKeyDictionary()


def this_program(*, starts: bool = False) -> _Program | None:
    """What is known about the running program; None outside of one. starts: it has made no resource so far."""
    root = get_root_resource()
    if root and root not in _programs:
        _programs[root] = _Program(starts)
        pulumi.runtime.register_stack_transformation(_programs[root].note)
    return _programs[root] if root else None


def beside_others() -> pulumi.Input[Any]:
    """Whether the program also holds resources of other providers, as an input."""
    program = this_program()
    if program is None or program.others or not program.is_watched:
        return program and True
    program.beside = program.beside or pulumi.Output.from_input(program.has_others())
    return program.beside


def watch_others(resource: "KeycloakResource", provider: "KeycloakProvider") -> None:
    """Reads a resource again when the others of its program are done, in a run that writes. Without others it costs nothing."""
    program = this_program()
    if program is None or is_dry_run():
        return
    program.ours.append((resource, provider, asyncio.ensure_future(_done(resource))))
    program.last_read = program.last_read or pulumi.Output.from_input(
        program.read_again()
    )  # the program waits for its outputs


async def _done(resource: pulumi.Resource) -> float:
    await is_registered(resource)
    return time.monotonic()


async def _declared(resource: "KeycloakResource", provider: "KeycloakProvider") -> "Declared":
    names = {*provider.INPUTS, *provider.CONTROLS, *provider.CONSTANT, *provider.CLIENTS.values()}
    given = await outputs_of(resource, names)
    return type(provider)(), str(await resource.id.future()), {**provider.DEFAULTS, **provider.CONSTANT, **given}


def _faults(declared: "list[Declared]", config: pulumi.Config) -> list[str]:
    """A sentence for each resource that is not as declared, or why that is not known."""
    faults = []
    try:
        with misreadings(), realms_of_run(_Look()):
            for provider, id_, props in declared:
                provider.reach(config.get)
                clients = provider.realm(props).clients
                clients.expect(len(declared) if len(declared) >= IN_PAGES else 0)
                if provider.differs(id_, props):
                    faults.append(f"{provider.named(props)}: was written by another provider in this run; {REMEDY}.")
    except KeycloakError as problem:
        return list(problem.faults)
    return faults


class _Look:
    """One reading; its copies end with it."""


this_program(starts=True)  # which imports us before it makes one of ours
