"""The running stack's own state, for its program: facts that nobody who may write to Keycloak can forge.

Pulumi does not show a program the state, but its engine answers this call for any stack of the backend, so also for the
running one.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import pulumi

from kcadmin.marks import packed
from kcadmin.marks.ownership import may_be, stack_of
from kcadmin.objects.shared_settings import USED
from providers.base.connections import CONNECTION, address_of
from providers.base.face import GRANT as GRANT
from providers.base.face import inside, kind_of, other_face, this_run
from providers.base.place import stack_of_program

ON_CLIENT, NOWHERE = ("client_id", "client_uuid"), ("", "")
HALF_WRITTEN, WAITS = "failed to load checkpoint", (0.1, 0.2, 0.4, 0.8, 1.6)
_moved: "WeakKeyDictionary[object, bool]" = WeakKeyDictionary()
_states: "WeakKeyDictionary[object, _State]" = WeakKeyDictionary()


@dataclass(frozen=True)
class OwnObject:
    """A Keycloak object of the state.

    kind: its resource's class; place: its resource's name; outputs: of the last run. in_bulk: whether it is a part of one
    resource for its realm.
    """

    kind: str
    place: str
    outputs: Mapping[str, Any]
    in_bulk: bool = False

    @property
    def owner(self) -> str:
        """The stack's part of its owner."""
        return stack_of(str(self.outputs.get("owner") or ""))

    @property
    def realm(self) -> str:
        return str(self.outputs.get("realm") or "")

    @property
    def is_unmanaged(self) -> bool:
        """Whether it existed before, and is only used."""
        return self.outputs.get("found") == USED

    @property
    def server(self) -> str:
        """The address of its Keycloak, if that is not the stack's."""
        return address_of(self.outputs.get(CONNECTION))

    @property
    def name(self) -> str:
        """The object's name in Keycloak, if it has one."""
        return str(self.outputs.get("name") or "")


@dataclass(frozen=True)
class _State:
    """grants: by name, the outputs of a grant's component in the last run. types: of all resources."""

    objects: tuple[OwnObject, ...]
    grants: Mapping[str, Mapping[str, Any]]
    types: frozenset[str] = frozenset()

    @cached_property
    def by_place(self) -> Mapping[tuple[str, str], OwnObject]:
        """By kind and place."""
        return {(each.kind, each.place): each for each in self.objects}

    @cached_property
    def by_owner(self) -> Mapping[tuple[str, ...], Sequence[OwnObject]]:
        """By kind, owner and realm; and by these with the client's id or UUID, or with nothing if it has no client."""
        found = defaultdict[tuple[str, ...], list[OwnObject]](list)
        for each in self.objects:
            key = (each.kind, str(each.outputs.get("owner") or ""), each.realm)
            named = [(field, str(each.outputs[field])) for field in ON_CLIENT if each.outputs.get(field)]
            found[key].append(each)
            for at in named or [NOWHERE]:
                found[key + at].append(each)
        return found


def stack_name() -> str:
    """The running stack: ``<organization>/<project>/<stack>``."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def own_state() -> tuple[OwnObject, ...]:
    """The Keycloak objects of the running stack's state as it was when they were first asked for in this run."""
    return _state().objects


def own_state_at(server: str) -> tuple[OwnObject, ...]:
    """Those in one Keycloak. server: its address if that is not the stack's, else empty."""
    return tuple(each for each in own_state() if each.server == server)


def last_exchange(grant: str) -> str | None:
    """The exchange that the stack's grant of that name had after the last run."""
    return _state().grants.get(grant, {}).get("exchange")


def moved_here(kind: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions | None:
    """The options of a resource that continues one which the other face made: see ``providers.base.face``.

    A state that has not been read yet is not read for this: then the grants were planned together.
    """
    root, before = this_run(), other_face() + kind
    if root is None or root not in _states or before not in _states[root].types:
        return opts
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=before)]))


def last_grants() -> Mapping[str, Mapping[str, Any]]:
    """The stack's grants after the last run, by their names: see ``grants.description``. A failed one has no keys."""
    return _state().grants


def _state() -> _State:
    root = this_run()
    if root is None:
        return _read()
    if root not in _states:
        _states[root] = _read()
    return _states[root]


def note_moved(*, moved: bool) -> None:
    """Whether objects in the state have marks of a stack with another name. Then this one was renamed or moved."""
    root = this_run()
    if root is not None:
        _moved[root] = moved or _moved.get(root, False)


def number_by_former_owner(kind: str, place: str, owner: str) -> str | None:
    """The number of the state's resource of that name, if it has another owner there. The state is not read only for this."""
    root = this_run()
    if root is None or root not in _states:
        return None
    held = _states[root].by_place.get((kind, place))
    number = held and held.outputs.get("number")
    return str(number) if held and number and held.outputs.get("owner") != owner else None


def held_numbers(kind: str, owner: str, realm: str, on: Mapping[str, Any]) -> list[str] | None:
    """Numbers of the state's resources of a kind that an owner has in a realm, if the stack was renamed or moved.

    A program that plans no grants has read no marks, so there the state says which stack wrote it.
    :param on: the client id and UUID, for objects on one client; only marks on that client can match.
    """
    root = this_run()
    if root is None:
        return None
    if root not in _moved:
        _moved[root] = _is_of_another_stack()
    if not _moved[root]:
        return None
    named = [(field, on[field]) for field in ON_CLIENT if isinstance(on.get(field), str)]
    key = (kind, owner, realm)
    keys = [key + at for at in (*named, NOWHERE)] if len(named) == len(ON_CLIENT) else [key]
    held = [each for place in keys for each in _state().by_owner.get(place, ())]
    return sorted({str(each.outputs["number"]) for each in held if each.outputs.get("number")}) or None


def _is_of_another_stack() -> bool:
    here = stack_of_program(stack_name())
    return not all(may_be(str(each.outputs.get("stack") or ""), here) for each in own_state())


def _read() -> _State:
    """Repeats the call if a file backend's checkpoint is only half written, since the engine writes it while the program runs."""
    for seconds in WAITS:
        try:
            return _ask()
        except Exception as problem:  # noqa: PERF203 (a few turns, each of which waits)
            if HALF_WRITTEN not in str(problem):
                raise
            time.sleep(seconds)
    return _ask()


def _ask() -> _State:
    asked = {"stackName": stack_name()}
    told = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", asked).value or {}
    types = frozenset(str(found["type"]) for found in (told.get("outputs") or {}).values())
    return _State(held_in(told), _grants_in(told), types)


def held_in(answer: Mapping[str, Any]) -> tuple[OwnObject, ...]:
    """The Keycloak objects in what the engine answers."""
    found = [(urn, each["type"], each.get("outputs") or {}) for urn, each in (answer.get("outputs") or {}).items()]
    alone = [
        OwnObject(kind, urn.split("::", 3)[3], {inside(key): each for key, each in outputs.items()})
        for urn, type_, outputs in found
        if (kind := kind_of(type_)) and type_ not in packed.HOLDERS
    ]
    held = [packed.parts_in(outputs) for _, type_, outputs in found if type_ in packed.HOLDERS]
    return (
        *alone,
        *(OwnObject(part.kind, place, part.props, in_bulk=True) for parts in held for place, part in parts.items()),
    )


def _grants_in(answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = [(urn, each["type"], each.get("outputs") or {}) for urn, each in (answer.get("outputs") or {}).items()]
    alone = {urn.split("::", 3)[3]: outputs for urn, type_, outputs in found if type_ == GRANT}
    held = [packed.packed_grants(outputs) for _, type_, outputs in found if type_ in packed.HOLDERS]
    return {**alone, **{name: grant for grants in held for name, grant in grants.items()}}
