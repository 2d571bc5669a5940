"""A stack's state as Pulumi exports it: the Keycloak objects that it holds, and their owners."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from exchange.stack.stack import Pulumi, StackProblem, explicit_provider, resources_in
from kcadmin.marks.packed import OBJECT, as_dynamic, each_of

OBJECTS = OBJECT
Json = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A stack's state, as ``pulumi stack export`` gives it; its secrets stay encrypted."""

    text: str = field(repr=False)
    document: Json = field(repr=False)

    @property
    def resources(self) -> list[Json]:
        """All resources, the stack's own and Pulumi's providers too."""
        return resources_in(self.document)

    @property
    def each(self) -> list[Json]:
        """The same, with the parts of grants that are one resource per realm."""
        return list(each_of(self.resources))

    @property
    def name(self) -> str:
        """The stack's name, from its URNs."""
        return next((str(each["urn"]).split(":")[2] for each in self.resources), "")

    def realms(self) -> dict[str, list[Json]]:
        """The properties, inputs and outputs alike, of the Keycloak objects of each realm of the stack's own server."""
        found: dict[str, list[Json]] = {}
        for each in filter(is_here, self.each):
            for props in (each.get("inputs") or {}, each.get("outputs") or {}):
                if isinstance(props.get("realm"), str):
                    found.setdefault(props["realm"], []).append(props)
        return found


def read_state(run: Pulumi, chosen: Sequence[str]) -> State:
    """:param chosen: ``--stack NAME``, or nothing. :raises StackProblem: the state cannot be read, or holds no object."""
    state = _exported(run, chosen)
    if not state.realms():
        raise StackProblem(
            "stack: its state holds no object of the stack's own Keycloak, so there is nothing to rebind; run `pulumi up`."
        )
    return state


def read_owners(run: Pulumi, chosen: Sequence[str]) -> set[str]:
    """The owners of a stack's objects, by its state, with their grants. :raises StackProblem: it cannot be read."""
    objects = filter(is_object, _exported(run, chosen).each)
    props = ((each.get(part) or {}) for each in objects for part in ("inputs", "outputs"))
    return {str(each["owner"]) for each in props if each.get("owner")}


def _exported(run: Pulumi, chosen: Sequence[str]) -> State:
    text = run(["stack", "export", *chosen])
    try:
        return State(text, json.loads(text))
    except ValueError:
        raise StackProblem("pulumi: its export of the state is not JSON; check `pulumi version`.") from None


def is_object(resource: Json) -> bool:
    return str(as_dynamic(resource)["type"]).startswith(OBJECTS)


def is_here(resource: Json) -> bool:
    """Whether it is a Keycloak object of the stack's own server: none with a connection or a provider of its own."""
    has_connection = (resource.get("inputs") or {}).get("connection")
    return is_object(resource) and not has_connection and not explicit_provider(resource)
