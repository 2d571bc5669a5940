"""Proposes names for owners."""

import re
import secrets

NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")
RANDOM_BYTES = 3
HOLDS_SEPARATOR = "holds '#', which separates an owner from its grant", "leave it out"
NO_ORGANIZATION = "organization"  # what Pulumi calls the organization of every stack on a self-managed backend

NO_OTHER_NAME = "this backend has no organizations, which would distinguish this stack from others of its name"


def proposed_owner(*words: str) -> str:
    """A name for an owner: words for people, and a random part, since clones of one repository have the same words."""
    fit = (NOT_IN_A_NAME.sub("-", each).strip("-.") for each in words)
    return "-".join((*dict.fromkeys(filter(None, fit)), secrets.token_hex(RANDOM_BYTES)))


def unfit_owner(owner: str) -> str | None:
    """What is wrong with the owner of a stack: ``<what is wrong>; <what to do>``."""
    if "#" in owner:
        return f"{HOLDS_SEPARATOR[0]}; {HOLDS_SEPARATOR[1]}"
    return None if owner.strip() else "holds blanks alone; give it a name that no other stack has"


def usual_owner(stack: str) -> str:
    """The default owner of a stack: its own name, ``<organization>/<project>/<stack>``; empty without an organization."""
    organization, slash, _ = stack.partition("/")
    return stack if slash and organization not in (NO_ORGANIZATION, "") else ""
