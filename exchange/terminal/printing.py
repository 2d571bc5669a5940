"""The form of all reports: tables without a frame, sentences in a colour, counts, times, and texts in one line."""

from datetime import datetime, timezone
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from reach.proof import THIRD, Case

FLOWS = {THIRD: "three clients"}


def table(*headers: str, leading: int = 0) -> Table:
    """Columns whose cells fold. leading: empty lines between rows."""
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, leading=leading)
    for header in headers:
        made.add_column(header, overflow="fold")
    return made


def say(console: Console, sentence: str, style: str = "") -> None:
    """Prints a sentence literally: names in it are not read as markup."""
    console.print(sentence, style=style, highlight=False, markup=False)


def counted(number: int, noun: str) -> str:
    """``1 grant``, ``2 grants``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def utc(seconds: float) -> str:
    """A time for people, of seconds since 1970."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def one_line(words: str) -> str:
    """A text without its line breaks."""
    return " ".join(words.split())


def case_fields(case: Case) -> dict[str, Any]:
    """Which exchange an object is about; without a grant where none is meant."""
    return {
        "grant": case.grant or None,
        "realm": case.realm,
        "exchange": case.exchange,
        "flow": case.flow,
        "source": case.source,
        "requester": case.requester,
        "target": case.target,
        "audience": case.audience,
    }
