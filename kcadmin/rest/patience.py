"""Repeats what fails temporarily: within a time limit, and after the pause that the server asks for."""

import time
from collections.abc import Callable
from typing import TypeVar

from kcadmin.rest.errors import AWAY, AnswerLost, HttpError, KeycloakError

PATIENCE_SECONDS = 60
"""How long a request is repeated that the server, or a proxy before it, refuses temporarily."""
TIMES, PAUSE_SECONDS = 5, 0.4
T = TypeVar("T")


class Patience:
    """How long a process waits in all for a busy or absent server: from the first such answer to the next good one."""

    def __init__(self) -> None:
        self._since: float | None = None

    def begin(self) -> None:
        """The server is busy or away."""
        if self._since is None:
            self._since = time.monotonic()

    def end(self) -> None:
        """The server answers again, or a new run begins."""
        self._since = None

    def left(self) -> float:
        """Seconds."""
        since = self._since
        return PATIENCE_SECONDS - (time.monotonic() - since if since is not None else 0)


def patiently(do: Callable[[], T], patience: Patience, before_again: Callable[[], None] = lambda: None) -> T:
    """The result of ``do``, which is repeated on a busy answer.

    Doing it twice must be harmless: a creation reads first. before_again: called before each repetition, to forget what was
    read.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    for number in range(TIMES):
        try:
            return do()
        except KeycloakError as problem:
            if not is_passing(problem):
                raise
            patience.begin()
            pause = max(getattr(problem, "wait", 0.0), PAUSE_SECONDS * 2**number)
            if number == TIMES - 1 or pause > min(end - time.monotonic(), patience.left()):
                raise
        time.sleep(pause)
        before_again()
    raise AssertionError


def is_passing(problem: KeycloakError) -> bool:
    """Whether the connection broke, or the server is down. The transport handles 429, since nothing was done then."""
    return isinstance(problem, AnswerLost) or (isinstance(problem, HttpError) and problem.status in AWAY)
