"""One thing that lets exchanges pass, for people who ask why."""

from collections.abc import Iterable
from dataclasses import dataclass

OWN, MAPPER, SCOPE, ROLES, PERMISSION = "own", "mapper", "scope", "roles", "permission"


@dataclass(frozen=True)
class Way:
    """What opens an exchange, or half of one. kind: one of the words above. by: in words, with its name.

    owner: whose it is, ``<organization>/<project>/<stack>``, with ``#<grant>``, or the hash of that; None for nobody's.
    when: what must hold besides, a phrase each; empty for always.
    """

    kind: str
    by: str
    owner: str | None = None
    when: tuple[str, ...] = ()


def always(ways: Iterable[Way]) -> bool:
    """Whether one of the ways needs nothing besides."""
    return any(not way.when for way in ways)


def only_by_roles(ways: Iterable[Way]) -> bool:
    """Whether nothing but the roles of a token's user opens this."""
    kinds = {way.kind for way in ways}
    return kinds == {ROLES}
