"""Reports in a sentence who owns an object, and which command helps if that owner's stack no longer runs."""

import shlex

from kcadmin.marks.ownership import stack_of
from kcadmin.rest.texts import shown

TAKEN_OVER_BY = "KEYCLOAK_TAKEN_OVER_BY"
"""The variable with which ``release --adopt`` runs a preview under a former owner's name: the owner who takes over."""


def command(owner: str) -> str:
    """The command that shows and removes what an owner left. owner: empty lists all owners of a realm."""
    return f"`python -m exchange release{f' --owner {shlex.quote(stack_of(owner))}' if owner else ''}`"


def whose(owner: str | None) -> str:
    """owner: None if a mark contains only its hash."""
    return f"the owner {shown(stack_of(owner))}" if owner else "another owner, of whom its mark contains only a hash"


def owner_remedy(owner: str | None, realm: str) -> str:
    """What to do about an object of another owner."""
    how = command(owner or "")
    does = "shows what that owner left here, and removes it" if owner else "lists the owners of a realm"
    return f"if that owner's stack no longer uses realm {shown(realm)}, {how} {does}"
