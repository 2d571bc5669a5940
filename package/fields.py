"""The inputs of a resource, read from its signature."""

import functools
import inspect
from collections.abc import Mapping

from providers.base.connections import CONNECTION
from providers.registry import ResourceKind

NO_FIELDS = ("self", "resource_name", "opts", CONNECTION)  # in the package a resource is where its provider is


@functools.cache
def known_fields(kind: ResourceKind) -> Mapping[str, inspect.Parameter]:
    """The arguments of a resource that are its inputs, by their names."""
    found = inspect.signature(kind.resource.__init__).parameters
    return {name: each for name, each in found.items() if name not in NO_FIELDS}
