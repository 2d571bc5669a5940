"""How many examples a test of a property tries: a quarter, all with ``HYPOTHESIS_PROFILE=full`` (``make test``), and ten
times as many with ``thorough``.
"""

import os

from hypothesis import HealthCheck, settings

TIMES = {"full": 1, "thorough": 10}.get(os.environ.get("HYPOTHESIS_PROFILE", ""), 0.25)
SLOW_IS_NO_FAULT = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def examples(number: int) -> settings:
    """So many examples in full, each new: none is kept for the next run."""
    tried = round(number * TIMES)
    return settings(database=None, deadline=None, max_examples=tried, suppress_health_check=SLOW_IS_NO_FAULT)
