"""A review that is overdue must not stop an urgent run, so the rule only warns."""

import datetime
from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import ADVISORY, Rule, Violation, production_stacks
from policy.stack import Stack


def findings(stack: Stack, *, stacks: list[str]) -> Iterator[Violation]:
    for grant in stack.grants if stack.is_one_of(stacks) else ():
        if not grant.review_by:
            continue
        try:
            day = datetime.date.fromisoformat(grant.review_by)
        except ValueError:
            yield Violation(
                grant.sentence(f"reviewBy is {named(grant.review_by)}; give a day such as 2027-06-30."), grant.urn
            )
            continue
        if day < stack.today:
            wrong = f"was to be reviewed by {day}; check whether it is still needed, and set a new reviewBy."
            yield Violation(grant.sentence(wrong), grant.urn)


RULE = Rule(
    name="reviews-are-not-overdue",
    sentence="No grant's review is overdue.",
    severity=ADVISORY,
    reference="https://www.rfc-editor.org/rfc/rfc9700#section-2.3",
    check=findings,
    limits={"stacks": production_stacks()},
)
