"""Faults of the texts in a resource's inputs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kcadmin.marks.ownership import NAME_LIMIT
from kcadmin.objects.claims import LONGEST_OWNER
from kcadmin.rest.texts import unfit

PROSE = ("description", "display_name", "icon_uri")
LIMITS = {"owner": LONGEST_OWNER, "description": None}  # which has room for a mark, and says so itself


def text_faults(fields: Sequence[str], props: Mapping[str, Any]) -> Iterator[str]:
    """Faults of texts that Keycloak cannot store: an empty or too long name, or characters that are not allowed."""
    for field in fields:
        value, prose, limit = props.get(field), field in PROSE, LIMITS.get(field, NAME_LIMIT)
        for text in _texts(value):
            what = f"{field} has" if isinstance(value, str) else f"{field} holds a text of"
            if (limit is not None and len(text) > limit) or not (prose or text.strip()):
                yield f"{what} {len(text)} characters; give it {0 if prose else 1} to {limit}"
            if wrong := unfit(text, lines=prose):
                yield f"{field} {wrong}; correct it"


def _texts(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, tuple)) else []
