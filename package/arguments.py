"""What a grant takes, read from its signature: which of its arguments may be outputs, and what type each has."""

import functools
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi.output import Unknown

from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.rest.texts import named
from package.fields import NO_FIELDS
from providers.base.face import outside

NOT_OF_PACKAGE = (*NO_FIELDS, "name", "planned", "shared", "migration")
LATE = ("sources", "target", "requester", "realm", "required_roles")
"""May be outputs, in whole or in part."""


@functools.cache
def grant_fields() -> Mapping[str, inspect.Parameter]:
    """The arguments of a grant that are its inputs, by their names."""
    found = inspect.signature(TokenExchangeGrant.__init__).parameters
    return {name: each for name, each in found.items() if name not in NOT_OF_PACKAGE}


def plain_faults(grant: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Faults of unknown inputs, and of outputs where a grant needs a plain value before it registers its parts."""
    fields = grant_fields()
    for key, value in arguments.items():
        if key not in fields:
            known = ", ".join(map(outside, fields))
            yield f"grant {named(grant)}: {outside(key)} is not one of its inputs, which are {known}."
        elif key not in LATE and (late := next(_late(outside(key), value), "")):
            yield f"grant {named(grant)}: {late} is an output or a secret; give a plain value."


def typed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Every number arrives as a float."""
    return {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in arguments.items()
    }


def _late(at: str, value: Any) -> Iterator[str]:
    """Where a value is not known yet, or an output."""
    if isinstance(value, pulumi.Output | Unknown):
        yield at
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _late(f"{at}[{key}]" if isinstance(key, int) else f"{at}.{key}", each)
