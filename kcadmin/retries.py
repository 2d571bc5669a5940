"""What is asked again, and for how long: requests that may be made twice, and answers of which only a part came."""

import time
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, InvalidHeader, ProtocolError, ReadTimeoutError
from urllib3.util import Retry

from kcadmin.answers import LONGEST_WAIT_SECONDS
from kcadmin.errors import BUSY
from kcadmin.patience import PATIENCE_SECONDS

TOO_MANY_REQUESTS = 429
HALVES = 3
"""So often the whole of an answer to a GET is asked for, of which only a part came."""


class HalfBody(Exception):
    """The connection ended in the middle of an answer's body."""


class _SafeRetry(Retry):
    """A POST is not repeated: an answer that was lost does not mean that nothing was made. But 429 means that.

    Nothing is repeated for longer than ``PATIENCE_SECONDS``, nor what was waited for in vain.
    """

    since: float | None = None

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> "_SafeRetry":
        if isinstance(error, ReadTimeoutError):
            raise error
        after = super().increment(method, url, response, error, _pool, _stacktrace)
        after.since = self.since or time.monotonic()
        return after

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if self._left() <= 0:
            return False
        return status_code == TOO_MANY_REQUESTS or super().is_retry(method, status_code, has_retry_after)

    def get_retry_after(self, response: Any) -> float | None:
        try:
            seconds = super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):
            return None
        return None if seconds is None else min(seconds, self._left())

    def _left(self) -> float:
        return PATIENCE_SECONDS - (time.monotonic() - self.since if self.since else 0)


# A connection that was refused is tried again for any method: nothing was sent. Parallel PUTs of one client answer 409 and 500.
REPEATED = _SafeRetry(
    total=5,
    connect=4,
    read=3,
    status=5,
    backoff_factor=0.2,
    backoff_max=5,
    retry_after_max=LONGEST_WAIT_SECONDS,
    status_forcelist=BUSY,
    allowed_methods=("GET", "PUT", "DELETE"),
    raise_on_status=False,
)
ONCE = Retry(total=4, connect=4, read=0, status=0, other=0, backoff_factor=0.2, raise_on_status=False)


def is_late(problem: BaseException) -> bool:
    """Whether somebody took the connection, or did not refuse it, and gave nothing for as long as anybody waits."""
    late = (requests.exceptions.Timeout, TimeoutError, ReadTimeoutError, ConnectTimeoutError)
    return any(isinstance(each, late) for each in _within(problem))


def is_lost(problem: BaseException) -> bool:
    """Whether the connection was there, and broke."""
    return any(isinstance(each, ProtocolError) for each in _within(problem))


def _within(problem: BaseException) -> list[object]:
    return [problem, *problem.args, *(getattr(each, "reason", None) for each in problem.args)]
