"""One question, asked once per process: its threads share the answer."""

import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def once(ask: Callable[[], Answer]) -> Callable[[], Answer]:
    """Asks at the first call. Threads that call meanwhile wait for that answer. An error is no answer: the next call asks."""
    answers: list[Answer] = []
    lock = threading.Lock()

    def answered() -> Answer:
        with lock:
            if not answers:
                answers.append(ask())
        return answers[0]

    return answered
