"""Registers many resources for less of Pulumi's time and memory: few at a time, and without its debug messages."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pulumi

UNANSWERED = 64  # resources at most; until the engine has answered, Pulumi's SDK holds some 40 kB for each


async def register_in_turn(resources: Iterable[pulumi.Resource]) -> None:
    """Registers resources no faster than the engine answers. Each is registered when it is taken."""
    unanswered: deque[pulumi.Resource] = deque()
    with _no_debug_messages():
        for resource in resources:
            unanswered.append(resource)
            if len(unanswered) > UNANSWERED:
                await unanswered.popleft().urn.future()


@contextmanager
def _no_debug_messages() -> Iterator[None]:
    """The SDK sends several debug messages for each resource, and waits for each, even if nobody reads them.

    That is a fifth of a large stack's preview: https://github.com/pulumi/pulumi/issues/7292.
    """
    told, pulumi.log.debug = pulumi.log.debug, lambda *_arguments, **_named: None
    try:
        yield
    finally:
        pulumi.log.debug = told
