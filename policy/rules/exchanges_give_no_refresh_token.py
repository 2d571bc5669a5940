"""A refresh token outlives the one token that was to be exchanged."""

from collections.abc import Iterator

from kcadmin.rest.texts import named, quoted
from policy.rule import ADVISORY, Rule, Violation
from policy.stack import LEGACY, Stack


def findings(stack: Stack) -> Iterator[Violation]:
    for switch in stack.of("StandardTokenExchange"):
        if switch.properties.get("allow_refresh"):
            wrong = "may exchange for refresh tokens; leave out allowRefresh."
            yield Violation(switch.sentence(f"client {named(switch.text('client_id'))}", wrong), switch.urn)
    quiet = stack.clients_of("RefreshTokensOff")
    for grant in stack.grants:
        loud = [each.client_id for each in grant.requesters if (grant.realm, each.client_id) not in quiet]
        if grant.exchange == LEGACY and loud:
            wrong = (
                f"the legacy exchange gives {quoted(loud)} refresh tokens; use exchange: standard, "
                "or a requester that logs no users in."
            )
            yield Violation(grant.sentence(wrong), grant.urn)


RULE = Rule(
    name="exchanges-give-no-refresh-token",
    sentence="An exchange gives no refresh token.",
    severity=ADVISORY,
    reference="https://www.rfc-editor.org/rfc/rfc8693#section-2.2.1",
    check=findings,
)
