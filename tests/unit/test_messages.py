"""Messages of a plugin, whose threads tell at the same time."""

import time
from concurrent.futures import ThreadPoolExecutor

import pulumi
import pytest

from providers.base import messages


@pytest.mark.parametrize("kind", ["debug", "info", "warn", "error"])
def test_each_message_is_a_line_of_its_own(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def log(message: str) -> None:  # as ``print`` does
        written.append(message)
        time.sleep(0.01)
        written.append("\n")

    monkeypatch.setattr(pulumi.log, kind, log)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(getattr(messages, kind), map(str, range(8))))
    assert sorted("".join(written).splitlines()) == [str(number) for number in range(8)]
