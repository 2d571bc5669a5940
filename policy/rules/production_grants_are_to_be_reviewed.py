"""A grant that nobody reviews stays open for ever."""

from collections.abc import Iterator

from policy.rule import MANDATORY, Rule, Violation, production_stacks
from policy.stack import Stack


def findings(stack: Stack, *, stacks: list[str]) -> Iterator[Violation]:
    for grant in stack.grants if stack.is_one_of(stacks) else ():
        if not grant.review_by:
            yield Violation(grant.sentence("has no reviewBy; set the day by which a person reviews it."), grant.urn)


RULE = Rule(
    name="production-grants-are-to-be-reviewed",
    sentence="A grant of a production stack has a day of review.",
    severity=MANDATORY,
    reference="https://www.rfc-editor.org/rfc/rfc9700#section-2.3",
    check=findings,
    limits={"stacks": production_stacks()},
)
