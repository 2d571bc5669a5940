"""How sentences show names and texts that anybody may have chosen."""

import ast
import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.rest.errors import Refusal, sentence
from kcadmin.rest.texts import COMMAND, MOST_QUOTED, harmless, harmless_lines, in_yaml, quoted, shown, unfit

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
    if text.isprintable() and "<{%" not in text and "##" not in text and not text.lstrip().startswith("::"):
        assert safe == text


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",)) | st.sampled_from("[]{},:#'\"- ")))
def test_a_name_in_yaml_is_one_text(name: str) -> None:
    assert yaml.safe_load(f"sources: [{in_yaml(name)}]") == {"sources": [name]}


@pytest.mark.parametrize(
    "name", ["shop", "yes", "https://a,shop", "a]", "- b", "12", "1e3", "2026-01-01", "~", "#", ""]
)
def test_what_could_be_read_otherwise_is_in_quotes(name: str) -> None:
    assert yaml.safe_load(f"[{in_yaml(name)}]") == [name] and (in_yaml(name) == name) is (name == "shop")


COMMANDS = (
    *("::error::fake", "  ::add-mask::e", "::error file=a,line=1::fake", "::Stop-Commands::x"),
    *("name ##[error]fake", "##vso[task.setvariable variable=a]b", "x ##VSO[task.complete]", "##teamcity[testFailed]"),
)


@pytest.mark.parametrize("text", COMMANDS)
def test_no_pipeline_obeys_a_text(text: str) -> None:
    safe = harmless(text)
    assert not safe.lstrip().startswith("::") and not re.search(r"##(vso|teamcity)?\[", safe, re.IGNORECASE)
    assert harmless(safe) == safe and json.loads(f'"{safe}"') == text


@pytest.mark.parametrize("text", ["::1", "::ffff:127.0.0.1", "a::b::c", "## heading", "#[x]", "urn:pulumi:s::p::t::n"])
def test_what_no_pipeline_obeys_stays(text: str) -> None:
    assert harmless(text) == text


@given(ANY)
def test_json_says_the_same(text: str) -> None:
    assert json.loads(harmless_lines(json.dumps({"name": [text]}, indent=1, ensure_ascii=False))) == {"name": [text]}


@given(st.lists(ANY, min_size=1, max_size=2 * MOST_QUOTED))
def test_no_name_can_pose_as_several(names: list[str]) -> None:
    more = len(names) - MOST_QUOTED
    told = quoted(names).removesuffix(f" and {more} more") if more > 0 else quoted(names)
    assert ast.literal_eval(f"[{told}]") == names[:MOST_QUOTED]


@given(ANY, ANY)
def test_no_name_is_escaped_twice(name: str, realm: str) -> None:
    for text in (shown(name), quoted([name]), sentence("client", name, realm, "is wrong", "mend it")):
        assert harmless(text) == COMMAND.sub(r"\\u0023", text).replace(
            "<{%", "\\u003c{%"
        )  # each begins with a word or quote


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
