"""Tests in several processes that share one collection: ``-p tests.support.forks --forks 2``.

Importing and collecting cost as much as half of the unit tests, and each process of xdist does it again; these are forked when
it is done. Each takes the next file when it has run one, and sends its reports to the first process, which counts and prints
them.
"""

import itertools
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.sharedctypes import Synchronized
from typing import TypeAlias

import pytest

NOTED_SECONDS = 0.1  # of what a test needs before and after it
FORKED = multiprocessing.get_context("fork")
Taken: TypeAlias = "Synchronized[int]"  # how many files are taken


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forks", type=int, default=0, help="processes to run tests in, forked after collection")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    forks = session.config.option.forks
    if not forks or session.config.option.collectonly or session.testsfailed:
        return None
    session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # the same for all
    running = {}
    taken = FORKED.Value("i", 0)
    for _ in range(forks):
        reader, writer = FORKED.Pipe(duplex=False)
        process = FORKED.Process(target=_run, args=(session, taken, writer))
        process.start()
        writer.close()
        running[reader] = process
    _print_reports(session, list(running), taken)
    for process in running.values():
        process.join()
    if any(process.exitcode for process in running.values()):
        session.shouldfail = f"a process ended early: exit codes {[each.exitcode for each in running.values()]}"
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    return True


def _print_reports(session: pytest.Session, readers: list[Connection], taken: Taken) -> None:
    while readers:
        for reader in wait(readers):
            assert isinstance(reader, Connection)
            try:
                session.config.hook.pytest_runtest_logreport(report=reader.recv())
            except EOFError:
                readers.remove(reader)
        if session.shouldfail or session.shouldstop:
            taken.value = len(session.items)  # no more files than there are tests


def _run(session: pytest.Session, taken: Taken, writer: Connection) -> None:
    plugins = session.config.pluginmanager
    plugins.unregister(name="terminalreporter")
    capture = plugins.getplugin("capturemanager")
    capture.stop_global_capturing()  # into files that all would share
    capture.start_global_capturing()
    capture.suspend_global_capture()
    plugins.register(_Sender(writer))
    for item, following in itertools.pairwise(itertools.chain(_items(session, taken), [None])):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    writer.close()


def _items(session: pytest.Session, taken: Taken) -> Iterator[pytest.Item]:
    """Those of the files that no other process took."""
    files = [list(items) for _, items in itertools.groupby(session.items, key=lambda item: item.path)]
    while True:
        with taken.get_lock():
            number = taken.value
            taken.value += 1
        if number >= len(files):
            return
        yield from files[number]


class _Sender:
    """Sends what a report says to the first process."""

    def __init__(self, writer: Connection) -> None:
        self.writer = writer

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed or report.duration > NOTED_SECONDS:
            self.writer.send(report)
