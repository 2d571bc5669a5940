"""Where commands print. Anybody may choose names in a realm, so they are printed as plain text only."""

from collections.abc import Iterable

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from kcadmin.rest.texts import COMMAND, harmless, harmless_lines, is_obeyed

INSTEAD = "\ufffd"


class Screen(Console):
    """A console that sends only its own control sequences."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Replaces each control character by one sign, so that columns keep their width."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                text = COMMAND.sub(lambda found: f"{found[1] or ''}{INSTEAD}", segment.text)
                if not text.isprintable():
                    text = "".join(INSTEAD if is_obeyed(each) and each != "\n" else each for each in text)
                yield segment._replace(text=text)


def print_line(line: str, *, err: bool = False) -> None:
    """Prints one line, whatever it holds."""
    typer.echo(harmless(line), err=err)


def print_text(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Prints a text of several lines, whatever they hold; JSON stays the JSON that it was. nl: a line break at its end."""
    typer.echo(harmless_lines(text), err=err, nl=nl)
