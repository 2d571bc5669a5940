"""An owner that two stacks have: each would hold, change and delete the other's objects.

A mark is data, which others may have written. All that it can do here is to have a stack refused, before its first write.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kcadmin.audiences import switched
from kcadmin.claims import claim_owners
from kcadmin.clients import Client
from kcadmin.errors import Refusal, sentence
from kcadmin.owners import proposed_owner
from kcadmin.ownership import NUMBER_KEY, OWNER_KEY, STACK_KEY, Writer, hash16, may_be, stack_name, unmarked
from kcadmin.texts import named

Json = Mapping[str, Any]
NAMED = 3


@dataclass(frozen=True)
class Mark:
    """Whose an object or setting is, and who wrote that. what: in words; owner: its hash where ``hashed``.

    at: the UUID of the client that bears it, or else the name of the object.
    """

    what: str
    owner: str
    writer: Writer
    hashed: bool = False
    at: str = ""


def marks_on(client: Client) -> Iterator[Mark]:
    """The marks of a client's audience mappers, and the claims on its settings."""
    for mapper in (each.own for each in switched(client, {})):
        if mapper and mapper.owner:
            what = f"audience mapper {named(mapper.name)} of client {named(client.client_id)}"
            yield Mark(what, mapper.owner, mapper.writer, at=client.uuid)
    for kind, owner, writer in claim_owners(client):
        yield Mark(f"{kind} of client {named(client.client_id)}", owner, writer, at=client.uuid)


def marks_of_scopes(scopes: Iterable[Json]) -> Iterator[Mark]:
    """The marks of client scopes as Keycloak lists them."""
    for scope in scopes:
        noted = scope.get("attributes") or {}
        if noted.get(OWNER_KEY):
            writer = Writer(str(noted.get(STACK_KEY) or ""), str(noted.get(NUMBER_KEY) or ""))
            name = str(scope["name"])
            yield Mark(f"client scope {named(name)}", str(noted[OWNER_KEY]), writer, at=name)


def marks_of_policies(policies: Iterable[Json]) -> Iterator[Mark]:
    """The marks of policies as Keycloak exports them."""
    for policy in policies:
        _, owner, writer = unmarked(str(policy.get("description") or ""))
        if owner:
            name = str(policy["name"])
            yield Mark(f"policy {named(name)}", owner, writer, hashed=True, at=name)


def by_others(marks: Iterable[Mark], owners: Collection[str], stack: str) -> list[Mark]:
    """Those of an owner that another stack wrote. stack: the one that has these owners."""
    texts, hashes = {*owners}, {*map(hash16, owners)}
    return [
        mark
        for mark in marks
        if mark.owner in (hashes if mark.hashed else texts) and not may_be(mark.writer.stack, stack)
    ]


def require_one_stack(realm: str, owner: str, what: str, found: Writer | None, writer: Writer) -> None:
    """:raises Refusal: another stack wrote what was found of an owner, and this one's state does not hold it."""
    if theirs := by_others([Mark(what, owner, found)] if found else [], [owner], writer.stack):
        raise Refusal(two_stacks(owner, realm, writer.stack, theirs))


def two_stacks(owner: str, realm: str, stack: str, marks: Collection[Mark]) -> str:
    """Why a stack may not have an owner. marks: what another stack wrote for it."""
    texts = sorted({mark.writer.stack for mark in marks if "/" in mark.writer.stack})
    other = stack_name(texts[0]) if texts else ""
    who = f"the stack {named(other)}" if other else "another stack"
    if other == stack_name(stack):
        who += " of another backend"
    whats = sorted({mark.what for mark in marks})
    listed = ", ".join(whats[:NAMED]) + (f" and {len(whats) - NAMED} more" if len(whats) > NAMED else "")
    wrong = f"is the owner of what {who} made ({listed}), and this is the stack {named(stack_name(stack))}"
    owner_of_its_own = proposed_owner(stack_name(stack).rpartition("/")[2])
    remedy = (
        f"if its config was copied, run `pulumi config set owner {owner_of_its_own}`; if it is that stack, renamed or moved, "
        "bring its state along (`pulumi stack rename`, or `pulumi stack export` and `import`)"
    )
    return sentence("owner", owner, realm, wrong, remedy)
