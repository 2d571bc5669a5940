"""What is repeated, and for how long: requests that may be made twice, and answers of which only a part came."""

from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, InvalidHeader, ProtocolError, ReadTimeoutError
from urllib3.util import Retry

from kcadmin.rest.answers import LONGEST_WAIT_SECONDS
from kcadmin.rest.errors import BUSY
from kcadmin.rest.patience import Patience
from kcadmin.rest.tls import certificate_problem

TOO_MANY_REQUESTS = 429
HALVES = 3
"""How often a GET is repeated of whose answer only a part came."""


class HalfBody(Exception):
    """The connection ended in the middle of an answer's body."""


class _SafeRetry(Retry):
    """A POST is not repeated, since the object may exist although the answer was lost.

    With 429 nothing was made. Nothing is repeated beyond ``patience``, nor after a timeout.
    """

    patience = Patience()

    def new(self, **changes: Any) -> "_SafeRetry":
        made = super().new(**changes)
        made.patience = self.patience
        return made

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> "_SafeRetry":
        if isinstance(error, ReadTimeoutError) or (error and certificate_problem(error)):
            raise error
        self.patience.begin()
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        if self.patience.left() <= 0:
            return False
        return status_code == TOO_MANY_REQUESTS or super().is_retry(method, status_code, has_retry_after)

    def get_retry_after(self, response: Any) -> float | None:
        try:
            seconds = super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):
            return None
        return None if seconds is None else min(seconds, max(self.patience.left(), 0))


def repeated(patience: Patience) -> Retry:
    """The requests that are repeated. A refused connection is tried again for any method, since nothing was sent.

    Parallel PUTs of one client answer 409 and 500.
    """
    policy = _SafeRetry(
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
    policy.patience = patience
    return policy


ONCE = Retry(total=4, connect=4, read=0, status=0, other=0, backoff_factor=0.2, raise_on_status=False)


def came_late(problem: BaseException) -> bool:
    """Whether the connection was accepted, or not refused, and no answer came within the timeout."""
    late = (requests.exceptions.Timeout, TimeoutError, ReadTimeoutError, ConnectTimeoutError)
    return any(isinstance(each, late) for each in _within(problem))


def is_lost(problem: BaseException) -> bool:
    """Whether an existing connection broke."""
    return any(isinstance(each, ProtocolError) for each in _within(problem))


def _within(problem: BaseException) -> list[object]:
    return [problem, *problem.args, *(getattr(each, "reason", None) for each in problem.args)]
