"""An access token cannot be taken back: an API that verifies it alone accepts it until it ends."""

from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import ADVISORY, Rule, Violation, whole_number
from policy.stack import Stack


def findings(stack: Stack, *, seconds: int) -> Iterator[Violation]:
    for lifespan in stack.of("TokenLifespan"):
        given = lifespan.properties.get("seconds")
        if given is not None and given > seconds:
            wrong = f"its access tokens live {given} seconds; set tokenLifespan to {seconds} at most."
            yield Violation(lifespan.sentence(f"client {named(lifespan.text('client_id'))}", wrong), lifespan.urn)


RULE = Rule(
    name="exchanged-tokens-are-short-lived",
    sentence="Exchanged tokens live no longer than the limit.",
    severity=ADVISORY,
    reference="https://www.rfc-editor.org/rfc/rfc6750#section-5.3",
    check=findings,
    limits={"seconds": whole_number(300, "the longest lifespan of access tokens; 300 is Keycloak's own default")},
)
