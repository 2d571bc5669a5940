"""A realm's export without what each run makes anew, or without our marks and claims, so that two of them can be compared."""

import json
import re
from collections.abc import Callable
from typing import Any

from kcadmin.marks.ownership import CLAIM_PREFIX, NUMBER_KEY, OWNER_KEY, STACK_KEY, unmarked

NUMBER = "a number"
NUMBERS = re.compile(r'(?<="number":")[0-9a-f]{8}(?=")|(?<=\.)[0-9a-f]{8}(?=\]$)')


def but_for_numbers(export: Any) -> Any:
    """Marks and claims without the numbers of resources, which each resource draws when it is created."""

    def entry(key: str, value: Any) -> dict[str, Any]:
        return {key: NUMBER if key == NUMBER_KEY else NUMBERS.sub(NUMBER, value) if isinstance(value, str) else value}

    return _each(export, entry)


def but_for_marks(export: Any) -> Any:
    """What is there whoever says that it is his: without marks and claims."""

    def entry(key: str, value: Any) -> dict[str, Any]:
        if key in (OWNER_KEY, STACK_KEY, NUMBER_KEY) or key.startswith(CLAIM_PREFIX):
            return {}
        if key == "description" and isinstance(value, str):
            text = unmarked(value)[0]
            return {key: text} if text else {}
        return {key: value}

    return _each(export, entry)


def _each(value: Any, entry: Callable[[str, Any], dict[str, Any]]) -> Any:
    """Lists come in order again: it may have been that of what is left out."""
    if isinstance(value, dict):
        return {key: each for name, held in value.items() for key, each in entry(name, _each(held, entry)).items()}
    if isinstance(value, list):
        return sorted((_each(each, entry) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
