"""Whose an object is: owners, and their marks on objects. Their claims on settings are in ``kcadmin.claims``.

An owner is ``<organization>/<project>/<stack>``, with ``#<grant>`` where the object belongs to one grant. It stands in a
mapper's config as ``pulumi.owner`` and as ``[pulumi:<hash16>]`` at the end of a policy's or permission's description.
Proven to survive full PUTs by other tools and to make no difference in Terraform.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

OWNER_KEY = "pulumi.owner"
CLAIM_PREFIX = "pulumi.claim."
DESCRIPTION_LIMIT = 255
NAME_LIMIT = 255
_MARK = re.compile(r" ?\[pulumi:([0-9a-f]{16})\]$")
MARK_LENGTH = len(" [pulumi:0123456789abcdef]")


def hash16(text: str) -> str:
    """Sixteen hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def marked(description: str, owner: str) -> str:
    """A description with its owner's mark at the end."""
    return f"{description} [pulumi:{hash16(owner)}]" if description else f"[pulumi:{hash16(owner)}]"


def unmarked(description: str) -> tuple[str, str | None]:
    """A description without its mark, and the owner's hash."""
    mark = _MARK.search(description)
    return (description[: mark.start()], mark.group(1)) if mark else (description, None)


def mark_of(described: Mapping[str, Any]) -> str | None:
    """The owner's hash on a policy or permission as Keycloak gives it; None on nobody's."""
    return unmarked(str(described.get("description") or ""))[1]


def owned_name(name: str, owner: str) -> str:
    """A name that no other owner makes, within Keycloak's 255 characters."""
    suffix = f" [{hash16(f'{owner}|{name}')[:8]}]"
    return name[: NAME_LIMIT - len(suffix)] + suffix


def same_stack(owner: str, other: str) -> bool:
    """Whether two owners are of one stack: what follows ``#`` is a grant or resource of it."""
    return owner.split("#")[0] == other.split("#")[0]
