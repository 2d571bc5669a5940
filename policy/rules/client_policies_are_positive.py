"""A negative client policy lets every client through but those it names, also those made tomorrow."""

from collections.abc import Iterator

from policy.rule import MANDATORY, Finding, Rule
from policy.stack import Stack


def findings(stack: Stack) -> Iterator[Finding]:
    for policy in stack.of("ClientPolicy"):
        if policy.properties.get("logic") == "NEGATIVE":
            wrong = "is NEGATIVE; name those to let through, with logic POSITIVE."
            yield Finding(policy.told(f"client policy '{policy.text('name')}'", wrong), policy.urn)


RULE = Rule(
    name="client-policies-are-positive",
    sentence="A client policy names those whom it lets through.",
    severity=MANDATORY,
    reference="https://www.keycloak.org/docs/latest/authorization_services/#_policy_logic",
    check=findings,
)
