"""Keycloak's legacy exchange is deprecated, and its requester needs no token that is meant for it."""

from collections.abc import Iterator

from policy.rule import ADVISORY, Rule, Violation
from policy.stack import LEGACY, Stack


def findings(stack: Stack) -> Iterator[Violation]:
    for grant in stack.grants:
        if grant.exchange == LEGACY and grant.standard_offered and not grant.time_window:
            wrong = "uses the legacy exchange, but the server offers the standard one; set exchange: standard."
            yield Violation(grant.sentence(wrong), grant.urn)


RULE = Rule(
    name="standard-exchange-where-it-would-do",
    sentence="A grant is legacy only where the standard exchange would not do.",
    severity=ADVISORY,
    reference="https://www.keycloak.org/securing-apps/token-exchange#_standard-token-exchange",
    check=findings,
)
