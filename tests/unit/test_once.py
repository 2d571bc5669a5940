"""A question that threads ask at the same moment is asked once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kcadmin.rest.once import once


def test_threads_share_the_answer() -> None:
    asked: list[int] = []
    together = threading.Barrier(4)

    def ask() -> int:
        time.sleep(0.05)
        asked.append(1)
        return len(asked)

    answered = once(ask)

    def call(_: int) -> int:
        together.wait()
        return answered()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(call, range(4))) == [1] * 4
    assert asked == [1]


def test_an_error_is_no_answer() -> None:
    answers = iter([ValueError("not now"), "yes"])

    def ask() -> str:
        if isinstance(each := next(answers), Exception):
            raise each
        return each

    answered = once(ask)
    with pytest.raises(ValueError, match="not now"):
        answered()
    assert answered() == answered() == "yes"
