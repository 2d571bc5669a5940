"""Values from a server on their way through Pulumi, which prints them in diffs and keeps them in the state unchanged.

A text that a terminal, a log or Pulumi would obey is passed on as JSON, and read back as the text. So people see all of it.
"""

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar

from kcadmin.rest.texts import harmless

R = TypeVar("R")
MARK = "json: "


def closed(value: Any) -> Any:
    """A value as Pulumi gets it."""
    if isinstance(value, str):
        return value if harmless(value) == value == opened(value) else MARK + harmless(json.dumps(value))
    if isinstance(value, dict):
        return {closed(key): closed(each) for key, each in value.items()}
    return [closed(each) for each in value] if isinstance(value, (list, tuple)) else value


def opened(value: Any) -> Any:
    """The original value. A text that ``closed`` never makes stays, since people may have written it."""
    if isinstance(value, str):
        return _opened(value) if value.startswith(MARK) else value
    if isinstance(value, dict):
        return {opened(key): opened(each) for key, each in value.items()}
    return [opened(each) for each in value] if isinstance(value, list) else value


def _opened(text: str) -> str:
    try:
        value = json.loads(text.removeprefix(MARK))
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) and closed(value) == text else text


def with_closed_values(method: Callable[..., R]) -> Callable[..., R]:
    """A provider's method as Pulumi calls it. What people declared stays as they wrote it."""

    @functools.wraps(method)
    def called(*args: Any) -> R:
        result = method(*map(opened, args))
        declared = args[-1]
        for part in ("inputs", "outs"):
            values = getattr(result, part, None)
            if values is not None:
                as_declared = {key for key, value in values.items() if key in declared and declared[key] == value}
                told = {key: value if key in as_declared else closed(value) for key, value in values.items()}
                setattr(result, part, told)
        if hasattr(result, "id"):
            setattr(result, "id", closed(result.id))  # noqa: B010 (mypy knows no id of R)
        return result

    return called
