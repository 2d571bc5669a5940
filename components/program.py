"""How a program ends when its settings or its server are at fault: one sentence per fault."""

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

from providers.base import messages

# The code by which Pulumi's language host knows that people have read why (its name there ends in
# ..._AFTER_SHOWING_USER_ACTIONABLE_MESSAGE_CODE); with any other it adds "an unhandled error occurred".
ERROR_ALREADY_SHOWN = 32


@contextmanager
def end_with_sentences() -> Iterator[None]:
    """Shows each line of a ``RunError`` as an error of its own, and ends the program.

    Another exception is an error of ours: Pulumi shows where it happened.
    """
    messages.show_warnings()
    try:
        yield
    except pulumi.RunError as problem:
        for fault in str(problem).splitlines():
            messages.error(fault)
        raise SystemExit(ERROR_ALREADY_SHOWN) from None
    except Exception as problem:
        raise messages.harmless_error(problem) from None
