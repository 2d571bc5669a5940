"""How long to wait before reading again what others may write at the same moment.

Another writer's older list may come after ours, the later the slower the server is: docs/adr/0010.
"""

import time
from collections.abc import Callable
from typing import TypeVar

SHORTEST_SECONDS, LONGEST_SECONDS, CYCLES = 0.3, 5.0, 3
READS_A_CYCLE = 5  # times the duration of a read and a write
QUICK_SECONDS = SHORTEST_SECONDS / CYCLES / READS_A_CYCLE
T = TypeVar("T")


def settle(slowest: float = 0.0) -> None:
    """Waits three times as long as our own slowest read and write took, and at least 0.3 seconds."""
    time.sleep(min(max(SHORTEST_SECONDS, CYCLES * slowest), LONGEST_SECONDS))


def read_again(read: Callable[[], T]) -> T:
    """Reads again after the shortest wait, and once more after a longer one if the server is slow."""
    settle()
    began = time.monotonic()
    found = read()
    took = time.monotonic() - began
    if took <= QUICK_SECONDS:
        return found
    settle(took * READS_A_CYCLE)
    return read()
