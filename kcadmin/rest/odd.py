"""A cause that messages name, with what to do about it. docs/odd.md explains each."""

from typing import NamedTuple


class Odd(NamedTuple):
    """name: its heading in docs/odd.md. wrong, remedy: the two halves of a sentence; ``{x}`` stands for a value."""

    name: str
    wrong: str
    remedy: str

    def told(self, **values: str) -> "Odd":
        """The same with its values, which must be harmless already."""
        return Odd(self.name, self.wrong.format(**values), self.remedy.format(**values))
