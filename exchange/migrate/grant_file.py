"""Writes keys of grants into a file of grants, and keeps all else: comments, order, other lines.

The new file is read again and compared, so a form that does not allow that is refused.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exchange.stack.stack import StackProblem
from exchange.terminal.files import write_whole
from grants.grant_file import UnfitFile, grants_as_nodes, parsed, text_of
from kcadmin.rest.texts import named


def write_key(file: Path, key: str, values: Mapping[int, str | None]) -> None:
    """Sets a key of grants. values: by the number of a grant in the file; None takes the key out.

    :raises StackProblem: the file cannot be read or written, or has a form that cannot be changed.
    """
    is_json = file.suffix == ".json"
    try:
        text = text_of(file)
        before = [given for given, _ in parsed(text, is_json=is_json)]
        wanted = [_changed(given, {key: values[at]} if at in values else {}) for at, given in enumerate(before)]
        after = _as_json(text, wanted) if is_json else _as_yaml(text, key, values)
        if [given for given, _ in parsed(after, is_json=is_json)] != wanted:
            raise UnfitFile(
                "has a form that cannot be changed in place; give each grant its keys on lines of their own"
            )
        write_whole(file, after)
    except UnfitFile as problem:
        raise StackProblem(f"file {named(file)}: {problem}.") from None
    except OSError as problem:
        raise StackProblem(
            f"file {named(file)}: cannot be written ({problem.strerror}); correct its permissions."
        ) from None


def _changed(given: Mapping[str, Any], keys: Mapping[str, str | None]) -> dict[str, Any]:
    return {key: value for key, value in {**given, **keys}.items() if value is not None or key not in keys}


def _as_json(text: str, wanted: list[dict[str, Any]]) -> str:
    indent = re.search(r"\n([ \t]+)\S", text)
    return json.dumps(wanted, indent=indent[1] if indent else None, ensure_ascii=False) + "\n" * text.endswith("\n")


def _as_yaml(text: str, key: str, values: Mapping[int, str | None]) -> str:
    """Changes the last grant first, so that the places of those before stay right."""
    grants = grants_as_nodes(text)
    for number in sorted(values, reverse=True):
        text = _with_key(text, grants[number], key, values[number])
    return text


def _with_key(text: str, grant: Any, key: str, value: str | None) -> str:
    pairs = {each.value: (each, held) for each, held in grant.value}
    if key in pairs:
        name, held = pairs[key]
        if value is not None:
            space = "" if text[held.start_mark.index - 1].isspace() else " "
            return f"{text[: held.start_mark.index]}{space}{value}{text[held.end_mark.index :]}"
        return _without(text, grant, name, held)
    if value is None:
        return text
    before, after = pairs["name"]
    if grant.flow_style:
        return f"{text[: after.end_mark.index]}, {key}: {value}{text[after.end_mark.index :]}"
    end = text.find("\n", after.end_mark.index)
    end = len(text) if end < 0 else end
    line = "\r\n" if text[max(end - 1, 0) : end] == "\r" else "\n"
    added = f"{line}{' ' * before.start_mark.column}{key}: {value}"
    end -= line == "\r\n"
    return f"{text[:end]}{added}{text[end:]}"


def _without(text: str, grant: Any, name: Any, held: Any) -> str:
    start, end = name.start_mark.index, held.end_mark.index
    if grant.flow_style:
        following = re.compile(r"\s*,\s*").match(text, end)
        if following:
            return text[:start] + text[following.end() :]
        return re.sub(r"\s*,\s*$", "", text[:start]) + text[end:]
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip():  # the first key, beside the dash of its grant
        following = re.compile(r"[^\n]*\n\s*").match(text, end)
        return text[:start] + (text[following.end() :] if following else text[end:])
    after = text.find("\n", end)
    return text[:line] + (text[after + 1 :] if after >= 0 else "")
