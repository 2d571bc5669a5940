"""Every rule, one a file: a module of this package with a ``RULE``."""

import importlib
import pkgutil

from policy.rule import Rule

RULES: tuple[Rule, ...] = tuple(
    importlib.import_module(f"{__name__}.{module.name}").RULE for module in pkgutil.iter_modules(__path__)
)
