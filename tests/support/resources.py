"""All resources as the tests know them, read from ``tests/resources``."""

import importlib
import pkgutil
from collections.abc import Mapping

import tests.resources
from providers.base.provider import KeycloakProvider
from tests.support.declared import Declared


def _read() -> Mapping[type[KeycloakProvider], Declared]:
    modules = sorted(each.name for each in pkgutil.iter_modules(tests.resources.__path__))
    declared: list[Declared] = [importlib.import_module(f"tests.resources.{each}").DECLARED for each in modules]
    return {each.provider: each for each in declared}


RESOURCES = _read()
"""Each resource by its provider, in alphabetical order."""
