"""A token that passes through several services contains only the last one. Nothing in it shows the others."""

from collections.abc import Iterator

from kcadmin.rest.texts import named, quoted
from policy.rule import ADVISORY, Rule, Violation
from policy.rules.grants_form_no_cycle import in_cycles
from policy.stack import Stack


def findings(stack: Stack) -> Iterator[Violation]:
    cyclic = in_cycles(stack)
    into: dict[tuple[str, str], list[str]] = {}
    for grant in stack.grants:
        into.setdefault((grant.realm, grant.target), []).append(grant.name)
    for grant in stack.grants:
        for middle in grant.sources:
            before = into.get((grant.realm, middle))
            if before and (grant.realm, middle) not in cyclic:
                wrong = (
                    f"goes on from {named(middle)} to {named(grant.target)}, while {quoted(before)} leads to {named(middle)}; "
                    f"let {named(middle)} call with a token of its own, or name it as requester of a grant from the first source."
                )
                yield Violation(grant.sentence(wrong), grant.urn)


RULE = Rule(
    name="grants-form-no-chain",
    sentence="No target of a grant is a source of another.",
    severity=ADVISORY,
    reference="https://www.rfc-editor.org/rfc/rfc8693#section-4.1",
    check=findings,
)
