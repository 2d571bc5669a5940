"""A token for one of Keycloak's own clients manages the user's account or the realm itself."""

from collections.abc import Iterator

from policy.rule import MANDATORY, Finding, Rule, texts
from policy.stack import Stack

BUILT_IN = (
    "account",
    "account-console",
    "admin-cli",
    "broker",
    "master-realm",
    "realm-management",
    "security-admin-console",
)


def findings(stack: Stack, *, clients: list[str]) -> Iterator[Finding]:
    for grant in stack.grants:
        manages_a_realm = grant.realm == "master" and grant.target.endswith("-realm")
        if grant.target in clients or manages_a_realm:
            yield Finding(
                grant.told(f"target '{grant.target}' is a client of Keycloak's own; name a service of yours."),
                grant.urn,
            )


RULE = Rule(
    name="targets-are-no-built-in-clients",
    sentence="No grant leads to one of Keycloak's own clients.",
    severity=MANDATORY,
    reference="https://www.keycloak.org/docs/latest/server_admin/#_per_realm_admin_permissions",
    check=findings,
    limits={
        "clients": texts(
            BUILT_IN, "client ids that may not be targets; in the realm master no `<realm>-realm` may either"
        )
    },
)
