"""What is wrong with a resource's inputs by themselves: their types, read from the resource's signature, and their texts."""

import functools
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from kcadmin.marks.ownership import NAME_LIMIT
from kcadmin.rest.texts import shown, unfit
from providers.base.uuids import is_known

PROSE = ("description", "display_name", "icon_uri")
UNLIMITED = ("owner", "description")
TEXT, FLAG, TEXTS, NUMBER = "a text", "true or false", "a list of texts", "a whole number"


def type_faults(provider: type, props: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each field that is missing or of another type than its resource says, with the fault; unknowns are not judged."""
    for field, (kind, required) in _declared(provider).items():
        value = props.get(field)
        if value is None:
            if required:
                yield field, f"{field} is not set; give {kind}"
        elif is_known(value) and not _is(kind, value):
            yield field, f"{field} is {shown(value)}; give {kind}"


def text_faults(fields: Sequence[str], props: Mapping[str, Any]) -> Iterator[str]:
    """What Keycloak stores in no column: an empty or too long name, and characters that are none."""
    for field in fields:
        value, prose = props.get(field), field in PROSE
        for text in _texts(value):
            what = f"{field} has" if isinstance(value, str) else f"{field} holds a text of"
            if (len(text) > NAME_LIMIT and field not in UNLIMITED) or not (prose or text.strip()):
                yield f"{what} {len(text)} characters; give it {0 if prose else 1} to {NAME_LIMIT}"
            if wrong := unfit(text, lines=prose):
                yield f"{field} {wrong}; correct it"


@functools.cache
def _declared(provider: type) -> Mapping[str, tuple[str, bool]]:
    """Each argument of the provider's resource: its type in words, and whether it must be given."""
    resource = getattr(sys.modules[provider.__module__], provider.__name__.removesuffix("Provider"), provider)
    if resource is provider:
        return {}
    return {
        field: (kind, each.default is each.empty and type(None) not in get_args(each.annotation) and field != "owner")
        for field, each in inspect.signature(resource).parameters.items()
        if field != "resource_name" and (kind := _kind(each.annotation))
    }


def _kind(hint: Any) -> str | None:
    for each in get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,):
        if each in (str, bool, int):
            return {str: TEXT, bool: FLAG, int: NUMBER}[each]
        if get_origin(each) is Sequence:
            return TEXTS if str in (get_args(each)[0], *get_args(get_args(each)[0])) else None
    return None


def _is(kind: str, value: Any) -> bool:
    if kind == TEXTS:
        return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)
    if kind == NUMBER:  # Pulumi hands every number over as a float
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1
    return isinstance(value, str if kind == TEXT else bool)


def _texts(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, tuple)) else []
