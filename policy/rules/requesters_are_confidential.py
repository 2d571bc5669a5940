"""A public client does not prove who it is. A stolen token is then enough to get other tokens."""

from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import MANDATORY, Rule, Violation
from policy.stack import Stack


def findings(stack: Stack) -> Iterator[Violation]:
    for grant in stack.grants:
        for requester in grant.requesters:
            if requester.public:
                wrong = f"requester {named(requester.client_id)} is a public client; make it confidential."
                yield Violation(grant.sentence(wrong), grant.urn)


RULE = Rule(
    name="requesters-are-confidential",
    sentence="A requester is a confidential client.",
    severity=MANDATORY,
    reference="https://www.rfc-editor.org/rfc/rfc8693#section-2.1",
    check=findings,
)
