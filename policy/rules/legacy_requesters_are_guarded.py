"""The legacy exchange checks the requester, but not the subject token's client: any client's token may be exchanged."""

from collections.abc import Iterator

from kcadmin.rest.texts import quoted
from policy.rule import MANDATORY, Rule, Violation
from policy.stack import LEGACY, Stack


def findings(stack: Stack) -> Iterator[Violation]:
    guarded = {
        (guards.text("realm"), requester)
        for guards in stack.of("ExchangeGuards")
        for requester in guards.properties.get("sources") or {}
    }
    for grant in stack.grants:
        if grant.exchange != LEGACY or grant.required_roles:  # a legacy condition on roles checks the token's scope
            continue
        open_ = [client for client in grant.asking if (grant.realm, client) not in guarded]
        if open_:
            wrong = f"{quoted(open_)} may exchange any client's token; set guards: [sources], or exchange: standard."
            yield Violation(grant.sentence(wrong), grant.urn)


RULE = Rule(
    name="legacy-requesters-are-guarded",
    sentence="A legacy requester may exchange only its sources' tokens.",
    severity=MANDATORY,
    reference="https://www.keycloak.org/docs/latest/server_admin/#_client_policies",
    check=findings,
)
