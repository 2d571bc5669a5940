"""Objects with `onRemove: keep` still allow exchanges after the removal, and no stack manages them."""

from collections.abc import Iterator

from kcadmin.rest.texts import named
from policy.rule import ADVISORY, Rule, Violation, production_stacks
from policy.stack import Stack

OPENS = {
    "AudienceMapper": ("audience mapper of client", "client_id"),
    "AudienceScope": ("client scope", "name"),
    "ClientScopeAssignment": ("client scope of client", "client_id"),
    "StandardTokenExchange": ("standard token exchange of client", "client_id"),
}


def findings(stack: Stack, *, stacks: list[str]) -> Iterator[Violation]:
    for kind, (called, name) in OPENS.items() if stack.is_one_of(stacks) else ():
        for resource in stack.of(kind):
            if resource.properties.get("on_remove") == "keep":
                wrong = (
                    "has onRemove: keep, so when its resource is removed it stays on the server without a stack; "
                    "declare it in another tool, or remove onRemove."
                )
                yield Violation(resource.sentence(f"{called} {named(resource.text(name))}", wrong), resource.urn)


RULE = Rule(
    name="production-leaves-nothing-open",
    sentence="A production stack leaves no exchange open that it no longer manages.",
    severity=ADVISORY,
    reference="https://www.rfc-editor.org/rfc/rfc9700#section-2.3",
    check=findings,
    limits={"stacks": production_stacks()},
)
