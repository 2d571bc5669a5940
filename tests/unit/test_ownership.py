"""Marks and claims: what is written is read again, in the room that Keycloak gives."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcadmin.ownership import (
    CLAIM_PREFIX,
    DESCRIPTION_LIMIT,
    MARK_LENGTH,
    NAME_LIMIT,
    Claim,
    claim_key,
    claims,
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
VALUES = st.one_of(st.none(), st.booleans(), TEXTS, st.lists(TEXTS, max_size=3))
FIELDS = st.dictionaries(TEXTS, VALUES, max_size=3)


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
    assert claim_key("organization/project/stack", "standard-exchange") == "pulumi.claim.4cb7b9cef4de5b87"


@pytest.mark.parametrize("length", [1, 10, 244, 245, 255, 300, 1000])
def test_an_owned_name_fits_and_differs_by_owner(length: int) -> None:
    one, other = owned_name("n" * length, "o/p/s#a"), owned_name("n" * length, "o/p/s#b")
    assert len(one) == min(length + 11, NAME_LIMIT) and one != other
    assert one == owned_name("n" * length, "o/p/s#a")


@QUICK
@given(OWNERS, st.sampled_from(["standard-exchange", "adopted:1"]), FIELDS, FIELDS)
def test_a_claim_is_read_as_it_was_written(owner: str, kind: str, wanted: dict[str, Any], was: dict[str, Any]) -> None:
    claim = Claim(owner, kind, wanted, was)
    assert claims({claim.key: claim.text(), "other": "x"}, kind) == [claim]
    assert claims({claim.key: claim.text()}, "another-kind") == []
    assert claim.text() == Claim(owner, kind, dict(reversed(wanted.items())), was).text(), "one text for one claim"


@QUICK
@given(OWNERS, OWNERS, st.sampled_from(["a", "b"]), st.sampled_from(["a", "b"]))
def test_each_owner_and_kind_has_its_own_attribute(one: str, other: str, kind: str, another: str) -> None:
    assert (claim_key(one, kind) == claim_key(other, another)) == ((one, kind) == (other, another))
    assert claim_key(one, kind).startswith(CLAIM_PREFIX) and len(claim_key(one, kind)) < 255


@pytest.mark.parametrize("value", ["", "no json", "null", "[]", '"text"', "1", "{}", '{"owner": "o"}', '{"kind": "k"}'])
def test_what_cannot_be_read_is_nobodys_claim(value: str) -> None:
    good = Claim("o", "k", {"a": True}, {"a": False})
    assert claims({f"{CLAIM_PREFIX}0": value, good.key: good.text()}, "k") == [good]


@pytest.mark.parametrize(
    "entry", [{"set": None}, {"was": None}, {"was": [1]}, {"set": "x"}, {"owner": 5}, {"owner": None}], ids=str
)
def test_a_claim_of_another_shape_is_nobodys(entry: dict[str, Any]) -> None:
    whole = {"owner": "o", "kind": "k", "set": {}, "was": {}, **entry}
    assert claims({f"{CLAIM_PREFIX}0": json.dumps(whole)}, "k") == []


def test_claims_come_in_a_fixed_order() -> None:
    three = [Claim(owner, "k", {}, {}) for owner in "abc"]
    forwards = {claim.key: claim.text() for claim in three}
    assert claims(forwards, "k") == claims(dict(reversed(forwards.items())), "k")
