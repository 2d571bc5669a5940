"""How long a second look waits for others."""

import time
from collections.abc import Callable

import pytest

from kcadmin.rest.waiting import read_again


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0.3)
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def looks_that_take(seconds: float, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    now, looks = [0.0], [0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def look() -> int:
        now[0] += seconds
        looks[0] += 1
        return looks[0]

    return look


def test_a_quick_server_is_read_once(waited: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_again(looks_that_take(0.01, monkeypatch)) == 1 and waited == [0.3]


def test_a_slow_server_is_given_time_for_what_others_do(waited: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_again(looks_that_take(0.1, monkeypatch)) == 2 and waited == [0.3, pytest.approx(1.5)]


def test_no_wait_is_endless(waited: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_again(looks_that_take(9, monkeypatch)) == 2 and waited == [0.3, 5.0]
