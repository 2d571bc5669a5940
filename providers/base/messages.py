"""The only way from us to people through Pulumi: messages, refusals and errors, each harmless and in one line.

Anybody may choose names and texts on a server. Here they lose what a terminal, a log or Pulumi's colours would obey.
"""

import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import pulumi
from pulumi.dynamic import CheckFailure

from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import KeycloakError
from kcadmin.rest.misread import misreadings
from kcadmin.rest.texts import harmless
from providers.base.face import this_run

_lock, _one_at_a_time = threading.Lock(), threading.Lock()
_told: "WeakKeyDictionary[object, set[str]]" = WeakKeyDictionary()


def debug(sentence: str) -> None:
    """Shown with ``--debug`` alone."""
    _log(pulumi.log.debug, harmless(sentence))


def info(sentence: str) -> None:
    _log(pulumi.log.info, harmless(sentence))


def text(lines: Iterable[str]) -> None:
    """Several lines as one piece of information."""
    _log(pulumi.log.info, "\n".join(map(harmless, lines)))


def warn(sentence: str) -> None:
    _log(pulumi.log.warn, harmless(sentence))


def error(sentence: str) -> None:
    _log(pulumi.log.error, harmless(sentence))


def _log(log: Callable[[str], None], message: str) -> None:
    """One at a time: in the plugin Pulumi prints a message and its line end separately, so threads would join two in a line."""
    with _one_at_a_time:
        log(message)


def first_time(run: object, sentence: str) -> bool:
    """Whether a sentence is new in a run. run: an object that lives as long, such as its ``Realm``."""
    with _lock:
        told = _told.setdefault(run, set())
        is_new = sentence not in told
        told.add(sentence)
        return is_new


def failure(sentence: str) -> CheckFailure:
    """Why a resource's inputs are refused."""
    return CheckFailure("", harmless(sentence))


def program_error(faults: Iterable[str]) -> pulumi.RunError:
    """What ends a program: a line for each fault."""
    return pulumi.RunError("\n".join(map(harmless, faults)))


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Pulumi shows ``Class: text``, and for an exception without a text its class name. So the sentence is the class name."""
    try:
        with misreadings():
            yield
    except KeycloakError as problem:
        raise _named("\n".join(map(harmless, problem.faults))) from None
    except Exception as problem:
        raise harmless_error(problem) from None


def harmless_error(problem: Exception) -> Exception:
    """Replaces an error, which may contain any text, by one that shows the same in one line."""
    return _named(harmless(f"{type(problem).__name__}: {problem}")).with_traceback(problem.__traceback__)


def _named(text: str) -> Exception:
    made: Exception = type(text, (Exception,), {"__module__": "builtins"})()
    return made


class ToPulumi(logging.Handler):
    """Shows the warnings of ``kcadmin``, which knows nothing of Pulumi."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


@functools.cache
def show_warnings() -> None:
    """Shows Python's warnings as sentences, from now on in this process."""
    logging.getLogger("kcadmin").addHandler(ToPulumi(logging.WARNING))


def warn_insecure(connection: Connection) -> None:
    """Warns once a run of what makes the connection unsafe."""
    for sentence in connection.warnings():
        if first_time(this_run() or ToPulumi, sentence):
            warn(sentence)
