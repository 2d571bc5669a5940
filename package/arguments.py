"""The arguments of a grant, read from its signature: which of them may be outputs, and their types."""

import functools
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from pulumi.output import Unknown

from components.realm_grants import GrantsOfRealm
from components.token_exchange_grant import TokenExchangeGrant
from kcadmin.marks.packed import as_int
from kcadmin.rest.texts import named
from package.fields import NO_FIELDS
from providers.base.face import outside

NOT_OF_PACKAGE = (*NO_FIELDS, "name", "planned", "shared", "migration")
LATE = ("sources", "target", "requester", "realm", "required_roles")
"""Arguments that may be outputs, or contain outputs."""
REALM_FIELDS = tuple(each for each in inspect.signature(GrantsOfRealm).parameters if each not in ("name", "opts"))


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
    return {key: with_integers(value) for key, value in arguments.items()}


def with_integers(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: with_integers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_integers(each) for each in value]
    return as_int(value)


def faults_of_all(name: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """The same for all grants of a realm, which are planned together before any of them is made."""
    about = f"grants {named(name)}"
    for key, value in arguments.items():
        if key not in REALM_FIELDS:
            yield f"{about}: {outside(key)} is not one of its inputs, which are {', '.join(REALM_FIELDS)}."
        elif late := next(_late(key, value), ""):
            yield f"{about}: {late} is an output or a secret; give a plain value, or make that grant a TokenExchangeGrant."
    given = arguments.get("grants")
    if given is not None and not (
        isinstance(given, Mapping) and all(isinstance(each, Mapping) for each in given.values())
    ):
        yield f"{about}: grants is not a map of grants by their names; give each with sources and target."


def _late(at: str, value: Any) -> Iterator[str]:
    """The places in a value that are not known yet, or outputs."""
    if isinstance(value, pulumi.Output | Unknown):
        yield at
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _late(f"{at}[{key}]" if isinstance(key, int) else f"{at}.{key}", each)
