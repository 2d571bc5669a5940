"""Steps side by side: what a pipe and what a terminal shows, and how failures are told."""

import io
import threading

import pytest

from local.layout import Say, UserError
from local.progress import Step, run_steps


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def quick(say: Say) -> None:
    say("downloading")


def test_a_pipe_gets_plain_lines() -> None:
    out = io.StringIO()
    run_steps([Step("Keycloak", quick)], out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "  Keycloak: downloading"
    assert lines[1].startswith("✓ Keycloak")
    assert lines[1].endswith(" s")
    assert "\x1b" not in out.getvalue()


def test_a_terminal_gets_one_line_a_step_drawn_again() -> None:
    out = Terminal()
    go_on = threading.Event()
    threading.Timer(0.1, go_on.set).start()
    run_steps([Step("one", lambda say: go_on.wait(5)), Step("two", quick)], out)
    last = out.getvalue().rpartition("\x1b[2A")[2]
    assert last.count("✓") == 2
    assert last.count("\n") == 2
    assert out.getvalue().count("\n") == 2 * (1 + out.getvalue().count("\x1b[2A"))


def test_steps_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=120)
    run_steps([Step("one", lambda say: meeting.wait()), Step("two", lambda say: meeting.wait())], io.StringIO())


def test_all_faults_are_told_after_the_others_have_ended() -> None:
    def no_java(say: Say) -> None:
        raise UserError("there is no Java; install it.")

    def no_go(say: Say) -> None:
        raise UserError("there is no Go; install it.")

    out = io.StringIO()
    with pytest.raises(UserError, match=r"no Java; install it\.\nthere is no Go"):
        run_steps([Step("Keycloak", no_java), Step("Pulumi CLI", no_go), Step("Packages", quick)], out)
    assert "✗ Keycloak" in out.getvalue()
    assert "✓ Packages" in out.getvalue()


def test_a_fault_of_ours_is_not_hidden() -> None:
    def broken(say: Say) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_steps([Step("Keycloak", broken)], io.StringIO())
