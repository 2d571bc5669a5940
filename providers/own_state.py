"""What the running stack's own state holds, for its program: a fact that nobody who may write to Keycloak can forge.

Pulumi shows a program no state. Its engine answers this call for any stack that the backend knows, so for its own too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime import get_root_resource

OURS = "pulumi-python:dynamic/keycloak:"
_states: "WeakKeyDictionary[pulumi.Resource, tuple[Held, ...]]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Held:
    """A Keycloak object of the state. kind: its resource's class; place: its resource's name; outputs: by the last run."""

    kind: str
    place: str
    outputs: Mapping[str, Any]

    @property
    def owner(self) -> str:
        """The stack's part of its owner."""
        return str(self.outputs.get("owner") or "").split("#")[0]

    @property
    def realm(self) -> str:
        return str(self.outputs.get("realm") or "")

    @property
    def name(self) -> str:
        """Of the object in Keycloak, where it has one."""
        return str(self.outputs.get("name") or "")


def stack_name() -> str:
    """The running stack: ``<organization>/<project>/<stack>``."""
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"


def own_state() -> tuple[Held, ...]:
    """The Keycloak objects of the running stack's state as it was when they were first asked for in this run."""
    root = get_root_resource()
    if root is None:
        return _read()
    if root not in _states:
        _states[root] = _read()
    return _states[root]


def _read() -> tuple[Held, ...]:
    asked = {"stackName": stack_name()}
    return held_in(pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", asked).value or {})


def held_in(answer: Mapping[str, Any]) -> tuple[Held, ...]:
    """The Keycloak objects in what the engine answers."""
    return tuple(
        Held(found["type"].removeprefix(OURS), urn.split("::", 3)[3], found.get("outputs") or {})
        for urn, found in (answer.get("outputs") or {}).items()
        if found["type"].startswith(OURS)
    )
