"""All resources by name, for the program and the package."""

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass

import providers
from providers.base.provider import KeycloakProvider
from providers.base.resource import KeycloakResource


@dataclass(frozen=True)
class ResourceKind:
    """A kind of resource, and what creates, reads, updates and deletes it."""

    name: str
    resource: type[KeycloakResource]
    provider: type[KeycloakProvider]


@functools.cache
def kinds() -> Mapping[str, ResourceKind]:
    """Each module of ``providers`` holds a resource, and its provider under the same name with ``Provider``."""
    found = {}
    for module in sorted(each.name for each in pkgutil.iter_modules(providers.__path__) if not each.ispkg):
        names = vars(importlib.import_module(f"{providers.__name__}.{module}"))
        for name, resource in names.items():
            provider = names.get(f"{name}Provider")
            if isinstance(resource, type) and issubclass(resource, KeycloakResource) and provider:
                found[name] = ResourceKind(name, resource, provider)
    return found
