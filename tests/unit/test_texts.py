"""How sentences show names and texts that anybody may have chosen."""

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.rest.errors import Refusal, sentence
from kcadmin.rest.texts import harmless, harmless_lines, quoted, shown, unfit

ANY = st.text(st.characters(exclude_categories=()) | st.sampled_from("<{%}>'\"\\\x1b\x07\n\r\u2028\u202e\u200b\ud800"))


@pytest.mark.parametrize(
    ("names", "last", "text"),
    [
        ([], "", ""),
        ([], "and", ""),
        (["a"], "or", "'a'"),
        (["a", "b", "c"], "", "'a', 'b', 'c'"),
        (["a", "b"], "and", "'a' and 'b'"),
        (["a", "b", "c"], "or", "'a', 'b' or 'c'"),
        (["a', 'b", "c"], "", """ "a', 'b", 'c' """.strip()),
    ],
)
def test_each_name_in_quotes_of_its_own(names: list[str], last: str, text: str) -> None:
    assert quoted(names, last) == text


@given(ANY)
def test_a_text_is_harmless_in_one_line(text: str) -> None:
    safe = harmless(text)
    assert len(safe.splitlines()) <= 1 and "<{%" not in safe
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\ud800"} & set(safe)
    assert harmless(safe) == safe
    if text.isprintable() and "<{%" not in text:
        assert safe == text


@given(ANY)
def test_json_says_the_same(text: str) -> None:
    assert json.loads(harmless_lines(json.dumps({"name": [text]}, indent=1, ensure_ascii=False))) == {"name": [text]}


@given(st.lists(ANY, min_size=1))
def test_no_name_can_pose_as_several(names: list[str]) -> None:
    assert ast.literal_eval(f"[{quoted(names)}]") == names


@given(ANY, ANY)
def test_no_name_is_escaped_twice(name: str, realm: str) -> None:
    for text in (shown(name), quoted([name]), sentence("client", name, realm, "is wrong", "mend it")):
        assert harmless(text) == text.replace("<{%", "\\u003c{%")


def test_an_error_keeps_its_faults_apart() -> None:
    assert Refusal("one\ntwo", "three").faults == ("one\ntwo", "three")


@pytest.mark.parametrize("held", ["\x00", "\n", "\x1b", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\ud800", "<{%"])
def test_a_name_has_one_line_and_one_direction(held: str) -> None:
    assert unfit(f"a{held}b") == f"holds {held!r}, which is not allowed in a name"


@pytest.mark.parametrize(
    "name", ["api", "ümläut 漢字", "https://a.example/b,c", "می\u200cخواهم", "a'b\"c\\d", "<{", "<%>"]
)
def test_other_names_are_names(name: str) -> None:
    assert unfit(name) is None
