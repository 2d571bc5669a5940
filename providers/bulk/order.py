"""Work on many parts in parallel, each after those that it needs."""

from collections import deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from graphlib import TopologicalSorter
from queue import SimpleQueue

THREADS = 6
Needs = Mapping[str, Collection[str]]


def work_in_order(needs: Needs, work: Callable[[str], None]) -> None:
    """Does the work of each place when all places that it needs are done.

    needs: of each place; unknown places do not count. Places that have just become free come first: most write the client
    that was just written, and need not read it again.
    """
    sorter = TopologicalSorter({place: [each for each in needed if each in needs] for place, needed in needs.items()})
    sorter.prepare()
    done = SimpleQueue[str]()
    running: list[Future[None]] = []

    def one(place: str) -> None:
        try:
            work(place)
        finally:
            done.put(place)

    free, finished = deque[str](), 0
    with ThreadPoolExecutor(THREADS) as pool:
        while sorter.is_active():
            free.extendleft(reversed(sorter.get_ready()))
            while free and len(running) - finished < THREADS:
                running.append(pool.submit(copy_context().run, one, free.popleft()))
            sorter.done(done.get())
            finished += 1
    for each in running:
        each.result()


def reversed_needs(needs: Needs) -> Needs:
    """The order for removal: a place is free when all that need it are removed."""
    freed: dict[str, list[str]] = {place: [] for place in needs}
    for place, needed in needs.items():
        for each in needed:
            if each in freed:
                freed[each].append(place)
    return freed
