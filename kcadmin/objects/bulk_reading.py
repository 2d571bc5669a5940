"""Decides when to read the objects of a realm in lists instead of one by one.

One row at an offset shows whether a realm has many more objects than a run needs. Then they are never listed, so the cost
depends on the stack and not on the size of the realm (docs/adr/0017).
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from kcadmin.rest.errors import HttpError

CLIENTS_READ = 2_000
"""In a realm with more clients, a run of a stack never reads all of them; only commands do."""
FEW = 10
SHARE = 4


class ReadAhead:
    """Counts single reads, and reads all when that is cheaper.

    :param expected: gives the number of distinct clients that the caller announced. If more than twice as many are read, or if
        it is 0, four times as many as were read already are expected.
    :param has_more_than: whether the realm holds more objects than this number of clients allows to list.
    :param read: reads the lists.
    """

    def __init__(
        self, expected: Callable[[], int], has_more_than: Callable[[int], bool], read: Callable[[], None]
    ) -> None:
        self._expected, self._has_more_than, self._read = expected, has_more_than, read
        self._lock = threading.Lock()
        self._asked = self._judged = 0
        self._done = self._renewed = False

    @property
    def done(self) -> bool:
        """Whether all was read."""
        return self._done

    def ready(self) -> bool:
        """One more single read: whether all was read, now or before. Concurrent callers wait for the bulk read."""
        with self._lock:
            at_most = None if self._done else self._worth_listing()
            if at_most is not None:
                with suppress(HttpError):  # a single read raises it by itself, if it occurs there, too
                    if not self._has_more_than(at_most):
                        self._read()
                        self._done = True
            return self._done

    def again(self) -> bool:
        """Lets the next single read read all again, once, if all was read. Returns whether it will."""
        with self._lock:
            if not self._done or self._renewed:
                return False
            self._done, self._renewed, self._judged = False, True, 0
            return True

    def _worth_listing(self) -> int | None:
        self._asked += 1
        expected = self._expected()
        if self._asked >= max(FEW, 2 * expected + 1):
            expected = SHARE * self._asked
        if expected < max(FEW, 2 * self._judged):
            return None
        self._judged = expected
        return SHARE * expected
