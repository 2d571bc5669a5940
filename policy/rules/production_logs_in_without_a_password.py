"""An administrator's password belongs to a person and gives access to every realm. A client's key belongs to the robot alone."""

from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import MANDATORY, Rule, Violation, production_stacks
from policy.stack import PASSWORD, Stack


def findings(stack: Stack, *, stacks: list[str]) -> Iterator[Violation]:
    if stack.login == PASSWORD and stack.is_one_of(stacks):
        yield Violation(
            f"stack {named(stack.name)}: logs in with an administrator's password; "
            "set clientId and privateKey of a service account, or clientAssertionFile."
        )


RULE = Rule(
    name="production-logs-in-without-a-password",
    sentence="A production stack logs in as a client.",
    severity=MANDATORY,
    reference="https://www.keycloak.org/docs/latest/server_admin/#_service_accounts",
    check=findings,
    limits={"stacks": production_stacks()},
)
