"""Claims of delegation say that somebody acts for the user. If a mapper writes them, nobody has checked that."""

import re
from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import ADVISORY, Rule, Violation
from policy.stack import Stack

CLAIMS = ("act", "may_act")
_FIRST = re.compile(r"(?:\\.|[^\\.])+")


def findings(stack: Stack) -> Iterator[Violation]:
    for each in stack.of("HardcodedClaimMapper"):
        claim = _claim(each.text("claim_name"))
        if claim in CLAIMS:
            subject = f"mapper {named(each.text('name'))} of client {named(each.text('client_id'))}"
            wrong = f"writes {named(claim)}, by which somebody acts for the user; remove it, and let Keycloak write this claim."
            yield Violation(each.sentence(subject, wrong), each.urn)


def _claim(name: str) -> str:
    """The claim of a token that a mapper writes: Keycloak splits its name at dots, and drops a backslash."""
    first = _FIRST.match(name)
    return re.sub(r"\\(.)", r"\1", first[0]) if first else ""


RULE = Rule(
    name="tokens-name-no-actor",
    sentence="No mapper writes act or may_act into tokens.",
    severity=ADVISORY,
    reference="https://www.rfc-editor.org/rfc/rfc8693#section-4.1",
    check=findings,
)
