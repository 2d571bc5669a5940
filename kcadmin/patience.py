"""What fails in passing is done again: within a time, and after the pause that the server asks for."""

import time
from collections.abc import Callable
from typing import TypeVar

from kcadmin.errors import AWAY, AnswerLost, HttpError, KeycloakError

PATIENCE_SECONDS = 60
"""For so long something is done again that the server, or what is before it, refuses in passing."""
TIMES, PAUSE_SECONDS = 5, 0.4
T = TypeVar("T")


def patiently(do: Callable[[], T], before_again: Callable[[], None] = lambda: None) -> T:
    """What ``do`` gives. It must have no effect when it is done twice: a creation reads first and continues what it finds.

    before_again: is done before each next time, to forget what was read.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    for number in range(TIMES):
        try:
            return do()
        except KeycloakError as problem:
            pause = max(getattr(problem, "wait", 0.0), PAUSE_SECONDS * 2**number)
            if number == TIMES - 1 or not is_passing(problem) or time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        before_again()
    raise AssertionError


def is_passing(problem: KeycloakError) -> bool:
    """Whether the connection broke, or the server is away. 429 is waited for below, since nothing was done."""
    return isinstance(problem, AnswerLost) or (isinstance(problem, HttpError) and problem.status in AWAY)
