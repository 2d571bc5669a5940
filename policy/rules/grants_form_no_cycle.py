"""In a cycle, one client's token is enough to get tokens for all clients."""

from collections import defaultdict
from collections.abc import Iterator

from kcadmin.rest.texts import named, quoted
from policy.rule import MANDATORY, Rule, Violation
from policy.stack import Stack

Client = tuple[str, str]


def findings(stack: Stack) -> Iterator[Violation]:
    cycles = set(in_cycles(stack).values())
    for members in sorted(cycles, key=sorted):
        realm, names = next(iter(members))[0], sorted(name for _, name in members)
        grants = [
            grant.name
            for grant in stack.grants
            if (grant.realm, grant.target) in members
            and any((grant.realm, source) in members for source in grant.sources)
        ]
        yield Violation(
            f"clients {quoted(names)} in realm {named(realm)}: grants {quoted(grants)} form a circle; "
            "remove one of them."
        )


def in_cycles(stack: Stack) -> dict[Client, frozenset[Client]]:
    """The clients, as (realm, client id), from which grants lead back, each with all clients of its circle."""
    onward: dict[Client, set[Client]] = defaultdict(set)
    for grant in stack.grants:
        for source in grant.sources:
            onward[grant.realm, source].add((grant.realm, grant.target))
    reached = {client: _reached(client, onward) for client in list(onward)}
    return {
        client: frozenset(other for other in there if client in reached.get(other, ()))
        for client, there in reached.items()
        if client in there
    }


def _reached(start: Client, onward: dict[Client, set[Client]]) -> set[Client]:
    reached: set[Client] = set()
    left = [start]
    while left:
        for client in onward.get(left.pop(), set()) - reached:
            reached.add(client)
            left.append(client)
    return reached


RULE = Rule(
    name="grants-form-no-cycle",
    sentence="Grants form no circle of clients.",
    severity=MANDATORY,
    reference="https://www.rfc-editor.org/rfc/rfc8693#section-1.1",
    check=findings,
)
