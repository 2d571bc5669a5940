"""Without a policy, Keycloak's token-exchange permission lets nobody through. The grant has no effect."""

from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import MANDATORY, Rule, Violation
from policy.stack import Stack

SCOPE = "token-exchange"


def findings(stack: Stack) -> Iterator[Violation]:
    for permission in stack.of("TokenExchangePermission"):
        if permission.properties.get("policies") == []:
            subject = f"token-exchange permission of client {named(permission.text('client_id'))}"
            yield Violation(permission.sentence(subject, "has no policy; give it one."), permission.urn)
    for permission in stack.of("ScopePermission"):
        props = permission.properties
        if SCOPE in (props.get("scopes") or ()) and props.get("policies", []) == []:
            wrong = f"has the scope {SCOPE} and no policy; give it one."
            yield Violation(
                permission.sentence(f"scope permission {named(permission.text('name'))}", wrong), permission.urn
            )


RULE = Rule(
    name="token-exchange-permissions-have-a-policy",
    sentence="A token-exchange permission has a policy.",
    severity=MANDATORY,
    reference="https://www.keycloak.org/securing-apps/token-exchange#_client-to-client-permission",
    check=findings,
)
