"""Without TLS, or without verification of the server, an attacker on the network reads the robot's login."""

from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import MANDATORY, Rule, Violation, production_stacks
from policy.stack import INSECURE_HTTP, INSECURE_TLS, Stack

REMEDIES = {
    INSECURE_TLS: "is true, so any server may pose as Keycloak; set caCertificate instead",
    INSECURE_HTTP: "is true, or url is http:// to another machine, so the login is sent in clear; set url to an https:// address",
}


def findings(stack: Stack, *, stacks: list[str]) -> Iterator[Violation]:
    if stack.is_one_of(stacks):
        yield from (Violation(f"stack {named(stack.name)}: {key} {REMEDIES[key]}.") for key in stack.unsafe)


RULE = Rule(
    name="production-connects-safely",
    sentence="A production stack connects by TLS and verifies its server.",
    severity=MANDATORY,
    reference="https://www.rfc-editor.org/rfc/rfc9700#section-2.6",
    check=findings,
    limits={"stacks": production_stacks()},
)
