"""A stack whose grants move between one resource per part and one per realm: the new resource takes over the part's number.

So nothing is written to the realm: docs/adr/0028-one-resource-a-realm.md. First the new resource takes a part, then the old
one releases it. After a kill between them both have it until the next run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from providers.base.face import this_run


@dataclass(frozen=True)
class Moves:
    """numbers: by the names of resources, those of parts that another resource has in the state.

    retained: our own resources stay registered for this run only, and are released by the next one.
    """

    numbers: Mapping[str, str] = field(default_factory=dict)
    retained: bool = False


_moves: "WeakKeyDictionary[object, Moves]" = WeakKeyDictionary()


def note_moves(moves: Moves) -> None:
    """Of the program that runs."""
    root = this_run()
    if root is not None:
        _moves[root] = moves


def moves() -> Moves:
    """Of the program that runs."""
    root = this_run()
    return _moves.get(root, Moves()) if root is not None else Moves()
