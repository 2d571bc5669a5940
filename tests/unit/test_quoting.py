"""Names of others in messages: quoted by the one function that makes them harmless, never by hand."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGES = ("kcadmin", "components", "providers", "exchange", "local", "policy")
ALLOWED = {("kcadmin/rest/texts.py", "text")}
"""(file, expression): of ``unfit_segment``, an empty name or one of dots."""


def by_hand(source: str) -> Iterator[str]:
    """Expressions of f-strings between quotes that are written out; not constants, whose names are in capitals.

    A pattern is made harmless by itself: quoted as a name, its backslashes would be doubled.
    """
    for node in ast.walk(ast.parse(source)):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for before, each, after in zip(parts, parts[1:], parts[2:], strict=False):
            if not isinstance(each, ast.FormattedValue) or each.conversion != -1:
                continue
            if _text(before).endswith("'") and _text(after).startswith("'"):
                expression = ast.unparse(each.value)
                if not (expression.isupper() or expression.startswith("harmless(")):
                    yield expression


def _text(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else ""


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_is_quoted_by_hand(package: str) -> None:
    files = {path.relative_to(PROJECT).as_posix(): path for path in sorted((PROJECT / package).rglob("*.py"))}
    assert files
    found = {(name, each) for name, path in files.items() for each in by_hand(path.read_text())}
    assert found <= ALLOWED, "use kcadmin.rest.texts.named"


def test_what_is_found() -> None:
    hand = 'f"client \'{client.name}\'" f" and \'" f"{role}\'"'
    assert list(by_hand(hand)) == ["client.name", "role"]
    assert list(by_hand("f\"{named(x)} '{MARK}' '{x!r}' '{x} y' it's {y}\"")) == []
