"""Reports in a sentence who owns an object, and the command that helps where that owner's stack no longer runs."""

import shlex

from kcadmin.marks.ownership import stack_of
from kcadmin.rest.texts import shown

TAKEN_OVER_BY = "KEYCLOAK_TAKEN_OVER_BY"
"""The variable by which ``release --adopt`` tells a preview under a former owner's name who takes over what that one left."""


def command(owner: str) -> str:
    """Shows what an owner left, and takes it away. owner: empty lists all owners of a realm."""
    return f"`python -m exchange release{f' --owner {shlex.quote(stack_of(owner))}' if owner else ''}`"


def whose(owner: str | None) -> str:
    """owner: None where a mark holds its hash alone."""
    return f"the owner {shown(stack_of(owner))}" if owner else "another owner, of whom its mark holds a hash alone"


def owner_remedy(owner: str | None, realm: str) -> str:
    """What to do about an object of another owner."""
    how = command(owner or "")
    does = "shows what that owner left here, and removes it" if owner else "lists the owners of a realm"
    return f"if that owner's stack no longer uses realm {shown(realm)}, {how} {does}"
