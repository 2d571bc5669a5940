"""The schema's types, from annotations."""

import typing
from collections.abc import Awaitable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union

import pulumi

ANY = {"$ref": "pulumi.json#/Any"}
ENUMS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("restore", "revoke"): ("OnRemove", "What becomes of a setting that existed before."),
    ("restore", "revoke", "keep"): ("OnRemoveOrKeep", "What becomes of the object."),
    ("POSITIVE", "NEGATIVE"): ("Logic", "Whether a match counts as it is, or inverted."),
    ("UNANIMOUS", "AFFIRMATIVE", "CONSENSUS"): ("DecisionStrategy", "How many of the policies must match."),
    ("default", "optional"): ("AssignmentKind", "Whether each token has the scope, or only on request."),
    ("String", "int", "long", "boolean", "JSON"): ("ClaimType", "What a claim is in the token."),
    ("auto", "standard", "legacy"): ("Exchange", "Which exchange a grant uses."),
    ("recipient", "requester"): ("Flow", "Who asks for the exchange: the target, or each source."),
    ("mapper", "optionalScope"): ("AudienceBy", "Whether each token has the target in `aud`, or only on request."),
}
"""Each set of choices by its name in the package, which must not change."""
_SIMPLE = {str: "string", bool: "boolean", int: "integer", float: "number"}


def schema_type(hint: Any) -> dict[str, Any]:
    """The type of an annotation; one that may be an output counts as its value, and one that may be None as the other types."""
    choices = [each for each in _choices(hint) if each is not NoneType]
    if len(choices) > 1:
        return {"oneOf": [schema_type(each) for each in choices]}
    found = choices[0] if choices else Any
    origin, inner = typing.get_origin(found), typing.get_args(found)
    if found in _SIMPLE:
        return {"type": _SIMPLE[found]}
    if origin is Sequence:
        return {"type": "array", "items": schema_type(inner[0])}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": schema_type(inner[1])}
    return dict(ANY)


def may_be_left_out(hint: Any) -> bool:
    """Whether an input of this type is optional."""
    return NoneType in _choices(hint)


def enum_type(choices: Sequence[str]) -> dict[str, Any]:
    """A reference to the enum of these choices. :raises KeyError: it has no name yet."""
    return {"type": "string", "$ref": f"#/types/keycloak-token-exchange:index:{ENUMS[tuple(choices)][0]}"}


def _choices(hint: Any) -> list[Any]:
    if typing.get_origin(hint) not in (Union, UnionType):
        return [hint]
    inner = [part for each in typing.get_args(hint) for part in _choices(each)]
    kept = [
        each
        for each in inner
        if typing.get_origin(each) not in (Awaitable, pulumi.Output)
        and not isinstance(each, typing.ForwardRef)  # how Pulumi's Input names an output
        and not (isinstance(each, type) and issubclass(each, pulumi.Resource))
    ]
    return list(dict.fromkeys(kept))
