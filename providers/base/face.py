"""The two faces of our resources: dynamic ones of a program in Python, and the package that serves programs in any language.

The names of the package are in camelCase. Those of dynamic resources, and all names in our code, are in snake_case.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import pulumi
from pulumi.dynamic import Resource, ResourceProvider
from pulumi.runtime.settings import get_root_resource

from kcadmin.marks.packed import COMPONENTS
from kcadmin.marks.packed import GRANT as GRANT
from kcadmin.marks.packed import OBJECT as DYNAMIC
from kcadmin.marks.packed import PACKAGED as PACKAGED
from kcadmin.rest.connection import Connection, read_connection
from kcadmin.rest.texts import camel, snake

PACKAGE = "keycloak-token-exchange"
_config: dict[str, Any] | None = None
_connection: Connection | None = None
_run: "ContextVar[Run | None]" = ContextVar("run", default=None)


class Run:
    """Represents a run of a program that the package serves. What is known about the program ends with it."""


def outside(name: str) -> str:
    """A field's name in the package. Names that begin with ``_`` are Pulumi's own."""
    return name if name.startswith("_") else camel(name)


def inside(name: str) -> str:
    """A field's name in our code."""
    return name if name.startswith("_") else snake(name)


def kind_of(token: str) -> str:
    """The class of a resource of ours, by its type; empty for any other."""
    for face in (DYNAMIC, PACKAGED):
        if token.startswith(face) and token not in COMPONENTS:
            return token.removeprefix(face)
    return ""


def other_face() -> str:
    """The prefix of types of the face that this process is not."""
    return DYNAMIC if is_package() else PACKAGED


def serve_package(config: Mapping[str, Any], connection: Connection | None = None) -> None:
    """Makes this process the package's. config: its provider's, as texts. connection: the one in it."""
    global _config, _connection
    _config, _connection = dict(config), connection


def is_package() -> bool:
    """Whether this process serves the package."""
    return _config is not None


def config_value(key: str) -> Any:
    """A value of the stack's config, or of the provider's in the package; None where it is not set."""
    return pulumi.Config().get(key) if _config is None else _config.get(key)


def stack_connection(config: Callable[[str], object] = config_value) -> Connection:
    """The connection of the stack, or of the provider in the package. :raises InvalidSettings: with every fault."""
    return _connection or read_connection(config)


def own_provider() -> bool:
    """Whether this process serves a provider that a program of the package makes, beside the default one."""
    return bool(_connection and _connection.name)


def begin(run: Run) -> None:
    """Binds the current context to a run."""
    _run.set(run)


def this_run() -> object | None:
    """An object that lives as long as the running program; None outside of one."""
    return _run.get() or get_root_resource()


def register(
    resource: Resource,
    provider: ResourceProvider,
    name: str,
    props: dict[str, Any],
    opts: pulumi.ResourceOptions | None,
) -> None:
    """Registers a resource as the face of this process does. ``None`` in props: an output that is no input."""
    if not is_package():
        Resource.__init__(resource, provider, name, props, opts)
        return
    named = {outside(field): value for field, value in props.items()}
    pulumi.CustomResource.__init__(resource, PACKAGED + type(resource).__name__, name, named, opts)
    for field in props:
        setattr(resource, field, getattr(resource, outside(field)))
