"""Where commands print: names in a realm are anybody's choice, and reach a terminal or a line as nothing but text."""

import json
import unicodedata
from collections.abc import Iterable

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, what turns the direction of text, halves of letters, breaks
INSTEAD = "\ufffd"


class Screen(Console):
    """A console that sends only its own control sequences."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """One sign for each letter that a terminal would obey, so that columns keep their width."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield segment._replace(
                    text="".join(INSTEAD if _is_obeyed(each) and each != "\n" else each for each in segment.text)
                )


def say_line(line: str, *, err: bool = False) -> None:
    """Prints one line, whatever it holds."""
    typer.echo(harmless(line), err=err)


def harmless(text: str) -> str:
    """A text in one line without what a terminal would obey, which stands there as in JSON: ``\\n``, ``\\u001b``."""
    if text.isprintable():
        return text
    return "".join(json.dumps(each)[1:-1] if _is_obeyed(each) else each for each in text)


def harmless_lines(text: str) -> str:
    """The same for a text of several lines; JSON stays the JSON that it was."""
    return "\n".join(map(harmless, text.split("\n")))


def _is_obeyed(letter: str) -> bool:
    return unicodedata.category(letter) in OBEYED
