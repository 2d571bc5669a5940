"""A stack whose grants move between one resource a part and one a realm: what holds a part next takes its number over.

So nothing is written to the realm: docs/adr/0028-one-resource-a-realm.md. First the new holder takes a part, then the old one
forgets it, and where a run is killed between them both hold it until the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from providers.base.face import this_run


@dataclass(frozen=True)
class Moves:
    """numbers: by the names of resources, of the parts that another resource holds by the state.

    retained: resources of our own stay registered for this run alone, and are forgotten by the next one.
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
