"""Other programs: run one to its end, ask about one by its pid, end one by its pid."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.layout import LOCAL, UserError

STOP_SECONDS = 30.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

_children: set["subprocess.Popen[str]"] = set()


def end_children() -> None:
    """Ask every program that `run` waits for to end."""
    for child in tuple(_children):
        child.terminate()


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    known: Mapping[str, str] | None = None,
) -> str:
    """Run `command` quietly and return its output; on failure keep the output in a log and name `what` failed.

    known: words in the output of a failure → the message to show instead.
    """
    try:
        child = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise UserError(f"{what} could not start {command[0]}: {error.strerror}; check that it is installed.") from None
    _children.add(child)
    try:
        output, _ = child.communicate()
    finally:
        _children.discard(child)
    if child.returncode == 0:
        return output
    log = LOCAL / "logs" / f"{what.split()[0].lower()}-failed.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(output)
    for words, told in (known or {}).items():
        if words in output:
            raise UserError(told)
    lines = [line.strip() for line in _COLOURS.sub("", output).splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it printed nothing"
    raise UserError(f"{what} failed with exit code {child.returncode} ({last}); read {log}, then run it again.")


def command_line(pid: int) -> list[str] | None:
    """The arguments of a running process; None if it does not exist or is a zombie."""
    folder = Path("/proc") / str(pid)
    if folder.parent.joinpath("self").exists():
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            arguments = (folder / "cmdline").read_bytes().split(b"\0")[:-1]
        except (OSError, IndexError):
            return None
        return None if state in "ZX" else [os.fsdecode(part) for part in arguments]
    listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
    return listed.stdout.split() or None


def is_running(pid: int, mark: str) -> bool:
    """Whether the process `pid` runs and is ours: one of its arguments contains `mark`."""
    arguments = command_line(pid)
    return arguments is not None and any(mark in part for part in arguments)


def stop(pid: int, mark: str, child: "subprocess.Popen[bytes] | None" = None) -> None:
    """End our process `pid` and wait until it ended: SIGTERM first, SIGKILL after 30 seconds.

    A child that we started ourselves is ours; its arguments are not checked.
    """

    def lives() -> bool:
        return child.poll() is None if child is not None else is_running(pid, mark)

    for number in (signal.SIGTERM, signal.SIGKILL):
        if not lives():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end and lives():
            time.sleep(0.05)


def foreground(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a program that uses the terminal itself, and return its exit code.

    Ctrl-C reaches the program directly; we only wait. A SIGTERM to us is handed on as one SIGINT, so that
    Pulumi saves its state.
    """
    child = subprocess.Popen([str(part) for part in command], cwd=cwd, env=dict(env))
    interrupt = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    terminate = signal.signal(signal.SIGTERM, lambda _number, _frame: child.send_signal(signal.SIGINT))
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, terminate)
    return code if code >= 0 else 128 - code
