"""A review can only judge whether a grant is still needed when the grant says what it is for."""

from collections.abc import Iterator

from policy.rule import ADVISORY, Rule, Violation, production_stacks
from policy.stack import Stack


def findings(stack: Stack, *, stacks: list[str]) -> Iterator[Violation]:
    for grant in stack.grants if stack.is_one_of(stacks) else ():
        if not grant.reason:
            yield Violation(grant.sentence("has no reason; write in a sentence what it is for."), grant.urn)


RULE = Rule(
    name="production-grants-have-a-reason",
    sentence="A grant of a production stack has a reason.",
    severity=ADVISORY,
    reference="https://www.rfc-editor.org/rfc/rfc9700#section-2.3",
    check=findings,
    limits={"stacks": production_stacks()},
)
