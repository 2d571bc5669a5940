"""How long to wait before reading again what others may write at the same moment.

Another writer's older list may come after ours, the later the slower the server is: docs/adr/0010.
"""

import time
from collections.abc import Callable
from typing import TypeVar

SHORTEST_SECONDS, LONGEST_SECONDS, CYCLES = 0.3, 5.0, 3
LOOKS_A_CYCLE = 5  # of a look and a write
QUICK_SECONDS = SHORTEST_SECONDS / CYCLES / LOOKS_A_CYCLE
T = TypeVar("T")


def settle(slowest: float = 0.0) -> None:
    """Waits three times as long as our own slowest look and write took, and at least 0.3 seconds."""
    time.sleep(min(max(SHORTEST_SECONDS, CYCLES * slowest), LONGEST_SECONDS))


def read_again(read: Callable[[], T]) -> T:
    """A look after the shortest wait; after a longer one where the server took so long that others may still be at work."""
    settle()
    began = time.monotonic()
    found = read()
    took = time.monotonic() - began
    if took <= QUICK_SECONDS:
        return found
    settle(took * LOOKS_A_CYCLE)
    return read()
