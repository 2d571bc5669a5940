"""A negative policy lets everybody through except the clients that it names. Clients that are added later pass too."""

from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import MANDATORY, Rule, Violation
from policy.stack import Stack

OBJECTS = {
    "AggregatePolicy": "aggregate policy",
    "ClientPolicy": "client policy",
    "ClientScopePolicy": "client-scope policy",
    "GroupPolicy": "group policy",
    "RegexPolicy": "regex policy",
    "RolePolicy": "role policy",
    "ScopePermission": "scope permission",
    "ScriptPolicy": "script policy",
    "TimePolicy": "time policy",
    "UserPolicy": "user policy",
}


def findings(stack: Stack) -> Iterator[Violation]:
    for kind, called in OBJECTS.items():
        what = "when" if kind == "TimePolicy" else "those"
        for policy in stack.of(kind):
            if policy.properties.get("logic") == "NEGATIVE":
                wrong = f"is NEGATIVE; name {what} to let through, with logic POSITIVE."
                yield Violation(policy.sentence(f"{called} {named(policy.text('name'))}", wrong), policy.urn)


RULE = Rule(
    name="client-policies-are-positive",
    sentence="A policy or permission lists the clients that it lets through.",
    severity=MANDATORY,
    reference="https://www.keycloak.org/docs/latest/authorization_services/#_policy_logic",
    check=findings,
)
