"""Who owns an object: owners, and their marks on objects. Their claims on settings are in ``kcadmin.objects.claims``.

An owner is ``<organization>/<project>/<stack>``, or what the stack's config says, with ``#<grant>`` where the object belongs to
one grant. A mark names the owner and the writer: the stack that wrote it, and the number of the resource. It is in a
mapper's config and a client scope's attributes as ``pulumi.owner``, ``pulumi.stack`` and ``pulumi.number``, and at the end of a
policy's or permission's description as ``[pulumi:<owner>.<stack>.<number>]`` in hexadecimal digits. Marks of earlier versions
contain only the owner.
Proven to survive full PUTs by other tools and to make no difference in Terraform.
"""

import functools
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OWNER_KEY, STACK_KEY, NUMBER_KEY = "pulumi.owner", "pulumi.stack", "pulumi.number"
CLAIM_PREFIX = "pulumi.claim."
DESCRIPTION_LIMIT = 255
NAME_LIMIT = 255
MAY_EXCHANGE = ": may exchange for "
_MARK = re.compile(r" ?\[pulumi:([0-9a-f]{16})(?:\.([0-9a-f]{12})\.([0-9a-f]{8}))?\]$")
MARK_LENGTH = len(" [pulumi:0123456789abcdef.0123456789ab.01234567]")
NUMBER_BYTES = 4
_NAME_DIGITS, _BACKEND_DIGITS = 8, 4
_DIGITS = re.compile(rf"[0-9a-f]{{{_NAME_DIGITS + _BACKEND_DIGITS}}}")
NO_BACKEND, NO_STACK = "0" * _BACKEND_DIGITS, "0" * (_NAME_DIGITS + _BACKEND_DIGITS)


@dataclass(frozen=True)
class Writer:
    """Which resource of which stack wrote a mark or claim. Both are empty where an earlier version wrote it.

    stack: as ``stack_text`` gives it, or its ``stack_digits`` where there is no room for it. number: of the resource; its state
    contains it, too.
    """

    stack: str = ""
    number: str = ""


NOBODY = Writer()


def new_number() -> str:
    """A number for a resource that is created: eight hexadecimal digits."""
    return secrets.token_hex(NUMBER_BYTES)


def number_of(id_: str) -> str:
    """The number of a resource whose state comes from an earlier version, and holds none."""
    return hash16(id_)[: 2 * NUMBER_BYTES]


def stack_text(name: str, backend: str) -> str:
    """A stack as it is written in marks. name: ``<organization>/<project>/<stack>``; backend: distinguishes equal names."""
    return f"{name}@{hash16(backend)[:_BACKEND_DIGITS]}" if backend else name


def name_of_stack(stack: str) -> str:
    """``<organization>/<project>/<stack>``."""
    return stack.rpartition("@")[0] or stack


@functools.lru_cache(1024)
def stack_digits(stack: str) -> str:
    """A stack in twelve hexadecimal digits."""
    if not stack or _DIGITS.fullmatch(stack):
        return stack
    backend = stack.rpartition("@")[2] if "@" in stack else NO_BACKEND
    return hash16(name_of_stack(stack))[:_NAME_DIGITS] + backend[:_BACKEND_DIGITS]


def has_name_of(stack: str, other: str) -> bool:
    """Whether two stacks may be one: they have the same name, in whichever backends. What a mark leaves out may be any."""
    return not stack or not other or stack_digits(stack)[:_NAME_DIGITS] == stack_digits(other)[:_NAME_DIGITS]


@functools.lru_cache(maxsize=1024)
def may_be(stack: str, other: str) -> bool:
    """The same, also by their backends where both are known."""
    backends = {stack_digits(each)[_NAME_DIGITS:] for each in (stack, other)} - {"", NO_BACKEND}
    return has_name_of(stack, other) and len(backends) < 2


def hash16(text: str) -> str:
    """Sixteen hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def marked(description: str, owner: str | None, writer: Writer = NOBODY) -> str:
    """A description with its owner's mark at the end."""
    if not owner:
        return description
    by = f".{stack_digits(writer.stack) or NO_STACK}.{writer.number}" if writer.number else ""
    mark = f"[pulumi:{hash16(owner)}{by}]"
    return f"{description} {mark}" if description else mark


def unmarked(description: str) -> tuple[str, str | None, Writer]:
    """Splits a description: the text without its mark, the owner's hash, the writer."""
    mark = _MARK.search(description)
    if mark is None:
        return description, None, NOBODY
    stack = mark[2] if mark[2] != NO_STACK else None
    return description[: mark.start()], mark[1], Writer(stack or "", mark[3] or "")


def mark_of(described: Mapping[str, Any]) -> str | None:
    """The owner's hash on a policy or permission as Keycloak gives it; None without a mark."""
    return unmarked(str(described.get("description") or ""))[1]


def owned_name(name: str, owner: str) -> str:
    """A name that no other owner makes, within Keycloak's 255 characters."""
    suffix = f" [{hash16(f'{owner}|{name}')[:8]}]"
    return name_stem(name) + suffix


def name_stem(name: str) -> str:
    """What an owned name keeps of a name: a long one loses its end."""
    return name[: NAME_LIMIT - len(" [01234567]")]


def policy_title(grant: str, target: str, part: str = "") -> str:
    """The name of a grant's policy, without the owner. part: of a condition."""
    return f"{grant}{MAY_EXCHANGE}{target}{f', {part}' if part else ''}"


def stack_of(owner: str) -> str:
    """An owner without its grant or resource: the part that all objects of one stack share."""
    return owner.split("#")[0]


def same_stack(owner: str, other: str) -> bool:
    """Whether two owners are of one stack: what follows ``#`` is a grant or resource of it."""
    return stack_of(owner) == stack_of(other)
