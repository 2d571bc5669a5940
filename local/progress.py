"""Progress of steps that run side by side: live lines on a terminal, plain lines in a pipe."""

import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from local import processes
from local.layout import Say, UserError

REDRAW_SECONDS = 0.2
WIDTH_OF_NAME = 22


@dataclass
class Step:
    """One line of progress and the work behind it."""

    name: str
    work: Callable[[Say], object]
    doing: str = ""
    seconds: float = 0.0
    state: str = "running"
    error: BaseException | None = None


def run_steps(steps: list[Step], out: TextIO | None = None) -> None:
    """Run all steps at once and wait for them; raise the first UserError after the last has ended."""
    stream = out or sys.stderr
    live = stream.isatty()
    started = time.monotonic()
    lock = threading.Lock()
    ended = threading.Event()

    def plain(text: str) -> None:
        if not live:
            with lock:
                print(text, file=stream, flush=True)

    def work(step: Step) -> None:
        def say(line: str) -> None:
            step.doing = line
            plain(f"  {step.name}: {line}")

        try:
            step.work(say)
            step.state = "done"
        except BaseException as error:
            step.state, step.error = "failed", error
        step.seconds = time.monotonic() - started
        plain(line_of(step, step.seconds))
        ended.set()

    threads = [threading.Thread(target=work, args=(step,), daemon=True) for step in steps]
    for thread in threads:
        thread.start()
    drawn = False
    try:
        while any(thread.is_alive() for thread in threads):
            if live:
                draw(steps, stream, time.monotonic() - started, again=drawn)
                drawn = True
            ended.wait(REDRAW_SECONDS)
            ended.clear()
    except KeyboardInterrupt:
        processes.end_children()
        raise
    if live:
        draw(steps, stream, time.monotonic() - started, again=drawn)
    raise_first(steps)


def line_of(step: Step, seconds: float) -> str:
    """One step's line: sign, name, seconds, what it does now."""
    sign = {"running": "·", "done": "✓", "failed": "✗"}[step.state]
    doing = step.doing if step.state == "running" else ""
    return f"{sign} {step.name:<{WIDTH_OF_NAME}} {seconds:6.1f} s  {doing}".rstrip()


def draw(steps: list[Step], stream: TextIO, elapsed: float, again: bool) -> None:
    """Write all lines, over the ones drawn before."""
    columns = shutil.get_terminal_size().columns
    text = f"\x1b[{len(steps)}A" if again else ""
    for step in steps:
        seconds = elapsed if step.state == "running" else step.seconds
        text += f"\r\x1b[K{line_of(step, seconds)[: columns - 1]}\n"
    stream.write(text)
    stream.flush()


def raise_first(steps: list[Step]) -> None:
    """Raise one error as it is, several as one error with all sentences."""
    failed = [step.error for step in steps if step.error is not None]
    for error in failed:
        if not isinstance(error, UserError):
            raise error
    if failed:
        raise UserError("\n".join(str(error) for error in failed))
