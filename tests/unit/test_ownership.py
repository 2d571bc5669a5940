"""Marks: what is written is read again, in the room that Keycloak gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.marks.ownership import (
    DESCRIPTION_LIMIT,
    MARK_LENGTH,
    NAME_LIMIT,
    NOBODY,
    Writer,
    has_name_of,
    hash16,
    marked,
    may_be,
    name_of_stack,
    new_number,
    owned_name,
    stack_digits,
    stack_text,
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
    assert unmarked(marked(description, owner)) == (description, hash16(owner), NOBODY)


@QUICK
@given(TEXTS, OWNERS, st.sampled_from(["", "o/p/s", "o/p/s@0a1b"]))
def test_a_mark_holds_its_writer(description: str, owner: str, stack: str) -> None:
    number = new_number()
    read = unmarked(marked(description, owner, Writer(stack, number)))
    assert read == (description, hash16(owner), Writer(stack_digits(stack), number))


def test_stacks_are_told_apart_by_name_and_backend() -> None:
    here, there, moved = (
        stack_text("o/p/s", "file:///a"),
        stack_text("o/p/s", "file:///b"),
        stack_text("o/p/t", "file:///a"),
    )
    assert name_of_stack(here) == name_of_stack(there) == name_of_stack("o/p/s") == "o/p/s"
    for one in (here, stack_digits(here)):
        assert may_be(one, here) and has_name_of(one, there) and not may_be(one, there)
        assert not has_name_of(one, moved) and not may_be(one, moved)
        for unknown in ("", "o/p/s", stack_digits("o/p/s")):
            assert may_be(one, unknown) and may_be(unknown, one)
        assert not may_be(one, "o/p/t")


@pytest.mark.parametrize("description", ["", "why", "two words", "[pulumi:no]", "ends with [brackets]", "a\nb"])
def test_a_plain_description_comes_back_as_it_was(description: str) -> None:
    assert unmarked(marked(description, "o/p/s#g")) == (description, hash16("o/p/s#g"), NOBODY)


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
    assert unmarked(description) == (description, None, NOBODY)


def test_a_full_description_leaves_room_for_the_mark() -> None:
    text = marked("d" * (DESCRIPTION_LIMIT - MARK_LENGTH), "o", Writer("o/p/s", new_number()))
    assert len(text) == DESCRIPTION_LIMIT == 255


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
