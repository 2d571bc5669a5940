"""Conditions of which one holds wherever another does."""

import pytest

from reach.reasons import MAPPER, OneOf, Reasoning, Way, within

VIP, EITHER, OTHER = OneOf(("vip",)), OneOf(("guest", "vip")), OneOf(("guest",))
ASKED = "scope 's' is asked for"


@pytest.mark.parametrize(
    ("when", "other", "expected"),
    [
        ((), (), True),
        ((VIP,), (), True),
        ((), (VIP,), False),
        ((VIP,), (EITHER,), True),
        ((EITHER,), (VIP,), False),
        ((VIP,), (OTHER,), False),
        ((VIP, ASKED), (EITHER, ASKED), True),
        ((VIP,), (EITHER, ASKED), False),
        ((OneOf(("vip", "guest")),), (EITHER,), True),
    ],
)
def test_where_conditions_hold_others_hold_too(when: tuple[str, ...], other: tuple[str, ...], expected: bool) -> None:
    assert within(when, other) is expected


def test_a_verdict_that_opens_more_than_another() -> None:
    def passing(*when: str) -> Reasoning:
        return Reasoning("standard", (Way(MAPPER, "m", when=when),))

    refused = Reasoning("standard", why_not=("no",))
    assert passing().opens_more_than(passing(VIP)) and passing(EITHER).opens_more_than(passing(VIP))
    assert not passing(VIP).opens_more_than(passing(EITHER)) and not passing(VIP).opens_more_than(passing())
    assert passing(VIP).opens_more_than(refused) and not refused.opens_more_than(passing(VIP))
