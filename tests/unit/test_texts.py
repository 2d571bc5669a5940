"""How sentences list names."""

import pytest

from kcadmin.texts import quoted


@pytest.mark.parametrize(
    ("names", "last", "text"),
    [
        ([], "", ""),
        ([], "and", ""),
        (["a"], "or", "'a'"),
        (["a", "b", "c"], "", "'a', 'b', 'c'"),
        (["a", "b"], "and", "'a' and 'b'"),
        (["a", "b", "c"], "or", "'a', 'b' or 'c'"),
    ],
)
def test_each_name_in_quotes_of_its_own(names: list[str], last: str, text: str) -> None:
    assert quoted(names, last) == text
