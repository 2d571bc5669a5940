"""Values that a server gave: Pulumi prints them, so they reach it as text that nothing obeys, and come back as they were."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pulumi.dynamic import CheckResult, CreateResult, ReadResult

from kcadmin.rest.texts import harmless
from providers.base.values import MARK, closed, opened, with_closed_values

HOSTILE = "x\x1b]0;pwned\x07\nerror: fake <{%foo%}>"
TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from('<{%}>"\\\x1b\n\u202e'))
MARKED = TEXT.map(lambda text: MARK + text) | TEXT.map(lambda text: str(closed(closed(text))))
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT | MARKED,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(VALUE)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert opened(closed(value)) == value


@given(TEXT)
def test_a_text_is_kept_whole_and_no_other_looks_like_it(text: str) -> None:
    assert harmless(closed(text)) == closed(text)
    assert closed(text) == text or closed(text).startswith(MARK)


def test_a_method_takes_and_gives_what_pulumi_may_print() -> None:
    seen = []

    def create(props: dict[str, Any]) -> CreateResult:
        seen.append(props)
        return CreateResult(HOSTILE, {**props, "was": {"name": HOSTILE}, "own": "a\nb"})

    made = with_closed_values(create)({"name": "n", "own": "a\nb", "policies": [closed(HOSTILE)]})
    assert seen == [{"name": "n", "own": "a\nb", "policies": [HOSTILE]}]
    assert made.outs == {"name": "n", "own": "a\nb", "policies": [closed(HOSTILE)], "was": {"name": closed(HOSTILE)}}
    assert made.id == closed(HOSTILE) != HOSTILE


def test_what_was_read_again_is_no_change() -> None:
    def read(id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, {"name": HOSTILE}, {"name": HOSTILE})

    first = with_closed_values(read)("i", {"name": "n"})
    again = with_closed_values(read)("i", first.outs)
    assert first.outs == again.outs == again.inputs == {"name": closed(HOSTILE)}
    assert with_closed_values(lambda _, news: CheckResult(news, []))({}, {"name": "n"}).inputs == {"name": "n"}
