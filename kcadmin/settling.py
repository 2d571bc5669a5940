"""How long to wait before a second look at what others may write at the same moment.

Another writer's older list may come after ours, the later the slower the server is: docs/adr/0010.
"""

import time

SHORTEST_SECONDS, LONGEST_SECONDS, CYCLES = 0.3, 5.0, 3


def settle(slowest: float = 0.0) -> None:
    """Waits three times as long as our own slowest look and write took, and at least 0.3 seconds."""
    time.sleep(min(max(SHORTEST_SECONDS, CYCLES * slowest), LONGEST_SECONDS))
