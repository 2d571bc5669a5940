"""One file of grants: a list in YAML or JSON, read safely, each grant with the line at which it begins.

By YAML 1.2's core schema: a day, ``no`` and ``22:00`` are texts. https://yaml.org/spec/1.2.2/#103-core-schema
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml  # type: ignore[import-untyped]

from kcadmin.rest.texts import named, shown

ENDINGS = (".yaml", ".yml", ".json")
MOST_BYTES = 16 * 2**20
MOST_VALUES = 2_000_000
"""The limit for one file, in which each alias counts as what it refers to."""
DEEPEST = 20
_TAG = "tag:yaml.org,2002:"
_SCHEMA = {
    "null": ("~nN\0", r"|~|null|Null|NULL"),
    "bool": ("tTfF", r"true|True|TRUE|false|False|FALSE"),
    "int": ("-+0123456789", r"[-+]?(?:0|[1-9][0-9]*)"),
    "float": ("-+.0123456789", r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*|[eE]))(?:[eE]?[-+]?[0-9]+)?"),
    "merge": ("<", r"<<"),
}
_SPACE = re.compile(r"[ \t\r\n]*")
NO_LIST = "is not a list of grants; write one, each grant with name, sources and target, or [] for none"


class UnfitFile(Exception):
    """What is wrong with a file. line: where, if that is known."""

    def __init__(self, wrong: str, line: int | None = None) -> None:
        super().__init__(wrong)
        self.line = line


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _kind, (_first, _form) in _SCHEMA.items():
    _firsts = [each if each != "\0" else "" for each in _first]
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"(?:{_form})$"), _firsts)


def grants_in(file: Path) -> list[tuple[dict[str, Any], int]]:
    """The grants in a file, each with its line. :raises UnfitFile: saying what is wrong and what to do."""
    return parsed(text_of(file), is_json=file.suffix == ".json")


def text_of(file: Path) -> str:
    """:raises UnfitFile: it cannot be read, is too large, or is not UTF-8."""
    try:
        with file.open("rb") as opened:
            held = opened.read(MOST_BYTES + 1)
        if len(held) > MOST_BYTES:
            raise UnfitFile(f"has more than {MOST_BYTES:,} bytes; divide it, in a folder or between stacks")
        return held.decode("utf-8-sig")
    except OSError as problem:
        raise UnfitFile(f"cannot be read ({problem.strerror}); correct its path or its permissions") from None
    except UnicodeDecodeError:
        raise UnfitFile("is not UTF-8; save it as UTF-8") from None


def parsed(text: str, *, is_json: bool) -> list[tuple[dict[str, Any], int]]:
    """The same for a file's text."""
    found = list(_of_json(text) if is_json else _of_yaml(text))
    for given, line in found:
        if not isinstance(given, dict):
            raise UnfitFile(
                f"contains {shown(given)}, which is not a grant; give each with name, sources and target", line
            )
    return found


def _of_json(text: str) -> Iterator[tuple[Any, int]]:
    decoder = json.JSONDecoder(object_pairs_hook=_once)
    try:
        if not isinstance(decoder.decode(text), list):
            raise UnfitFile(NO_LIST)
    except json.JSONDecodeError as problem:
        raise UnfitFile(f"is not JSON ({problem.msg}); correct it", problem.lineno) from None
    except (ValueError, RecursionError):
        raise UnfitFile("holds a number or a list that is too large; correct it") from None
    at, line, counted = _after_space(text, _after_space(text, 0) + 1), 1, 0
    while text[at] != "]":
        line, counted = line + text.count("\n", counted, at), at
        given, end = decoder.raw_decode(text, at)
        yield given, line
        at = _after_space(text, end)
        at = _after_space(text, at + 1) if text[at] == "," else at


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UnfitFile(f"has the key {shown(key)} twice in one grant; leave one out")
        found[key] = value
    return found


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space
    return space.end()


def _of_yaml(text: str) -> Iterator[tuple[Any, int]]:
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.SequenceNode):
            raise UnfitFile(NO_LIST, root and _line(root.start_mark))
        _weigh(root, {})
        for node in root.value:
            yield loader.construct_object(node, deep=True), _line(node.start_mark)
    except yaml.YAMLError as problem:
        where = getattr(problem, "problem_mark", None)
        said = getattr(problem, "problem", None) or getattr(problem, "reason", "")
        raise UnfitFile(f"is not YAML as expected ({said}); correct it", where and _line(where)) from None
    except (ValueError, RecursionError, TypeError):  # such as !!int x, a list as a key
        raise UnfitFile(
            "contains a value that does not fit its tag, or lists that are nested too deeply; correct it"
        ) from None


def _weigh(node: Any, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """The depth of a node, and the number of its values.

    :raises UnfitFile: a key that is there twice, or aliases that grow without bounds.
    """
    if id(node) not in known:
        known[id(node)] = None
        keys = (
            [key.value for key, _ in node.value if key.tag != f"{_TAG}merge"]
            if isinstance(node, yaml.MappingNode)
            else []
        )
        for number, key in enumerate(keys):
            if isinstance(key, str) and key in keys[:number]:
                raise UnfitFile(f"has the key {shown(key)} twice in one grant; leave one out", _line(node.start_mark))
        nested = node.value if isinstance(node, yaml.CollectionNode) else ()
        below = [_weigh(each, known) for item in nested for each in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = (1 + max((depth for depth, _ in below), default=0), 1 + sum(values for _, values in below))
    found = known[id(node)]
    if found is None or found[0] > DEEPEST or found[1] > MOST_VALUES:
        raise UnfitFile(
            "contains aliases that refer to themselves or expand to too much; write the values out",
            _line(node.start_mark),
        )
    return found


def grants_as_nodes(text: str) -> list[Any]:
    """The grants of a YAML text as PyYAML's nodes, which know their places. Only for a text that ``parsed`` takes."""
    return list(_Loader(text).get_single_node().value)


def _line(mark: Any) -> int:
    return int(mark.line) + 1


def place_of(name: str, line: int) -> str:
    """Where a grant is, as sentences say it."""
    return f"{named(name)}, line {line}"
