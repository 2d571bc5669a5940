"""When the clients of a realm are worth reading in pages instead of one by one.

One row at an offset tells whether a realm holds many more clients than will be looked up: then it is never listed, so that the
cost follows what a stack manages and not the size of the realm.
"""

FEW = 10
SHARE = 4


class ReadAhead:
    """Counts look-ups and says when to list. ``expected``: how many distinct clients somebody said there will be.

    Beyond that number, or without one, four times as many are expected as were looked up already.
    """

    def __init__(self) -> None:
        self.expected = 0
        self._asked = 0
        self._judged = 0

    def count(self) -> int | None:
        """One more look-up; the number of clients that the realm may hold to be listed now, or None: look this one up alone."""
        self._asked += 1
        expected = SHARE * self._asked if self._asked >= max(FEW, self.expected + 1) else self.expected
        if expected < max(FEW, 2 * self._judged):
            return None
        self._judged = expected
        return SHARE * expected
