"""What commands print of names that anybody may have chosen: text, and nothing that a terminal, a line or JSON obeys."""

import io
import json

import pytest
import typer
from rich.table import Table
from rich.text import Text

from exchange.terminal.console import problems
from exchange.terminal.screen import Screen, print_line
from kcadmin.rest.errors import InvalidSettings, KeycloakError, Refusal, Unreachable
from kcadmin.rest.texts import harmless, harmless_lines

HOSTILE = "a\x1b]0;x\x07\x9b31m\u202eb\nin order: \ud800"
OBEYED = "\x1b\x07\x9b\u202e\ud800"


def test_a_name_is_text_in_a_table() -> None:
    screen = Screen(file=io.StringIO(), width=60, force_terminal=True, color_system=None)
    table = Table("Name", "Next")
    table.add_row(Text(HOSTILE), Text("ümläut 漢字"))
    screen.print(table)
    screen.print(HOSTILE, markup=False, highlight=False)
    printed = screen.file.getvalue()  # type: ignore[attr-defined]
    assert not set(OBEYED) & set(printed) and "ümläut 漢字" in printed
    assert len({len(line) for line in printed.splitlines()[:1] + printed.splitlines()[2:3]}) == 1


def test_no_pipeline_obeys_a_cell_that_is_folded() -> None:
    screen = Screen(file=io.StringIO(), width=17, force_terminal=True, color_system=None)
    table = Table("A", "B", box=None, show_header=False)
    table.add_row("a", Text("word ::error::x ##[error]x", overflow="fold"))
    screen.print(table)
    printed = [line.strip() for line in screen.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert printed == ["a  word", "\ufffd:error::x", "\ufffd#[error]x"]


def test_the_consoles_own_colours_stay() -> None:
    screen = Screen(file=io.StringIO(), force_terminal=True, color_system="standard")
    screen.print(Text("good", "green"))
    assert "\x1b[32mgood\x1b[0m" in screen.file.getvalue()  # type: ignore[attr-defined]


def test_a_name_is_text_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(HOSTILE, err=True)
    assert capsys.readouterr().err == "a\\u001b]0;x\\u0007\\u009b31m\\u202eb\\nin order: \\ud800\n"
    assert harmless("ümläut 漢字 \xa0") == "ümläut 漢字 \xa0"


def test_json_says_the_same() -> None:
    told = {"name": [HOSTILE, "\U000e0041", "ü"]}
    printed = harmless_lines(json.dumps(told, indent=2, ensure_ascii=False))
    assert json.loads(printed) == told and not set(OBEYED) & set(printed) and "ü" in printed


@pytest.mark.parametrize("problem", [Refusal, Unreachable, KeycloakError])
def test_an_error_is_a_line(problem: type[KeycloakError], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), problems():
        raise problem(f"client '{HOSTILE}': is not there.")
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and not set(OBEYED) & set(said)


def test_each_fault_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), problems():
        raise InvalidSettings(["one.", "two\x1b."])
    assert capsys.readouterr().err == "error: one.\ntwo\\u001b.\n"
