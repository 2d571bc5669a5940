"""Marks: what is written is read again, in the room that Keycloak gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.ownership import (
    DESCRIPTION_LIMIT,
    MARK_LENGTH,
    NAME_LIMIT,
    hash16,
    marked,
    owned_name,
    unmarked,
)
from tests.support.examples import examples

QUICK = examples(60)
LETTERS = "ab0/#|[]:{}\"' \n\té€\U0001f511"
TEXTS = st.text(LETTERS, max_size=40)
OWNERS = st.text(LETTERS, min_size=1, max_size=20)


@QUICK
@given(TEXTS, OWNERS)
def test_a_marked_description_gives_back_both(description: str, owner: str) -> None:
    assert unmarked(marked(description, owner)) == (description, hash16(owner))


@pytest.mark.parametrize("description", ["", "why", "two words", "[pulumi:no]", "ends with [brackets]", "a\nb"])
def test_a_plain_description_comes_back_as_it_was(description: str) -> None:
    assert unmarked(marked(description, "o/p/s#g")) == (description, hash16("o/p/s#g"))


@pytest.mark.parametrize(
    "description",
    [
        "",
        "why",
        "[pulumi:xyz]",
        "[pulumi:0123456789abcdef] in the middle",
        "[PULUMI:0123456789ABCDEF]",
        "[pulumi:0123456789abcdef0]",
    ],
)
def test_what_bears_no_mark_is_nobodys(description: str) -> None:
    assert unmarked(description) == (description, None)


def test_a_full_description_leaves_room_for_the_mark() -> None:
    assert len(marked("d" * (DESCRIPTION_LIMIT - MARK_LENGTH), "o")) == DESCRIPTION_LIMIT == 255


def test_marking_twice_keeps_the_last_owner_last() -> None:
    assert unmarked(marked(marked("why", "first"), "second"))[1] == hash16("second")


@QUICK
@given(OWNERS, OWNERS)
def test_owners_do_not_share_a_mark(one: str, other: str) -> None:
    assert (hash16(one) == hash16(other)) == (one == other)
    assert len(hash16(one)) == 16 and int(hash16(one), 16) >= 0


def test_the_hash_is_state_format() -> None:
    assert hash16("organization/project/stack#grant") == "c1a7536288c93997"


@pytest.mark.parametrize("length", [1, 10, 244, 245, 255, 300, 1000])
def test_an_owned_name_fits_and_differs_by_owner(length: int) -> None:
    one, other = owned_name("n" * length, "o/p/s#a"), owned_name("n" * length, "o/p/s#b")
    assert len(one) == min(length + 11, NAME_LIMIT) and one != other
    assert one == owned_name("n" * length, "o/p/s#a")
