"""With full scope a requester's tokens contain every role of the user, whichever service they are for."""

from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import ADVISORY, Rule, Violation
from policy.stack import Grant, Requester, Stack


def findings(stack: Stack) -> Iterator[Violation]:
    closed = stack.clients_of("FullScopeOff")
    seen: dict[tuple[str, str], tuple[Grant, Requester]] = {}
    for grant in stack.grants:
        for requester in grant.requesters:
            seen.setdefault((grant.realm, requester.client_id), (grant, requester))
    for key, (grant, requester) in seen.items():
        if requester.full_scope and key not in closed:
            subject = f"requester {named(requester.client_id)} has full scope allowed"
            wrong = f"{subject}; switch it off and map the roles that it needs."
            yield Violation(grant.sentence(wrong), grant.urn)


RULE = Rule(
    name="requesters-have-no-full-scope",
    sentence="A requester gets only roles that are mapped to it.",
    severity=ADVISORY,
    reference="https://www.keycloak.org/docs/latest/server_admin/#_role_scope_mappings",
    check=findings,
)
