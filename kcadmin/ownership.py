"""Whose an object is: owners, their marks on objects, and their claims on settings that clients share.

An owner is ``<organization>/<project>/<stack>``, with ``#<grant>`` where the object belongs to one grant. It stands in a
mapper's config as ``pulumi.owner`` and as ``[pulumi:<hash16>]`` at the end of a policy's or permission's description.
Proven to survive full PUTs by other tools and to make no difference in Terraform.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Claim:
    """One owner's hold on a setting that others may share.

    ``was``: the values found before the first claim, what the last one out restores. ``set``: the values claimed.
    """

    owner: str
    kind: str
    set: Mapping[str, Any]
    was: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The client attribute that holds this claim."""
        return claim_key(self.owner, self.kind)

    def text(self) -> str:
        """The claim as the attribute's value."""
        return json.dumps(
            {"owner": self.owner, "kind": self.kind, "set": self.set, "was": self.was},
            separators=(",", ":"),
            sort_keys=True,
        )


def claim_key(owner: str, kind: str) -> str:
    """The client attribute for an owner's claim of a kind."""
    return CLAIM_PREFIX + hash16(f"{owner}|{kind}")


def adopted_claim_kind(id_: str) -> str:
    """The kind of the claim that notes what an adopted object was."""
    return f"adopted:{id_}"


def claims(attributes: Mapping[str, str], kind: str) -> list[Claim]:
    """The claims of a kind among a client's attributes, in a fixed order; what cannot be read is nobody's claim."""
    found = []
    for key in sorted(attributes):
        if key.startswith(CLAIM_PREFIX):
            try:
                entry = json.loads(attributes[key])
                claim = Claim(entry["owner"], entry["kind"], entry.get("set", {}), entry.get("was", {}))
            except (ValueError, KeyError, TypeError):
                continue
            if not (isinstance(claim.owner, str) and isinstance(claim.set, dict) and isinstance(claim.was, dict)):
                continue
            if claim.kind == kind:
                found.append(claim)
    return found
