"""How all commands ask people, warn them, and end: a sentence and an exit code for a problem that stops them."""

import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.markup import escape

from exchange.terminal.screen import Screen, print_line
from kcadmin.rest.connection import Connection
from kcadmin.rest.errors import KeycloakError, Refusal, Unreachable
from kcadmin.rest.misread import misreadings
from kcadmin.rest.texts import harmless, named
from reach.proof import USER_PASSWORD

REFUSED, USAGE, LOOKED, UNREACHABLE = 1, 2, 3, 4


def password(username: str) -> str:
    """A user's password, from the environment or a prompt. :raises Refusal: there is neither."""
    password = os.environ.get(USER_PASSWORD) or (ask(f"Password of user {named(username)}") if person() else "")
    if not password:
        raise Refusal(f"user {named(username)}: is chosen without a password; set {USER_PASSWORD}.")
    return password


def ask(what: str) -> str:
    """Text that a person types without echo; empty for none."""
    return str(typer.prompt(harmless(what), hide_input=True, default="", show_default=False, err=True))


def person() -> bool:
    """Whether a person at a terminal can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def warn_of_connection(connection: Connection) -> None:
    """Warns of what makes the connection unsafe."""
    for sentence in connection.warnings():
        print_warning(sentence)


def print_warning(sentence: str) -> None:
    """Prints a warning."""
    print_line(f"warning: {sentence}", err=True)


class AsLines(logging.Handler):
    """Shows the warnings of ``kcadmin`` as lines."""

    def emit(self, record: logging.LogRecord) -> None:
        print_line(f"warning: {record.getMessage()}", err=True)


@functools.cache
def show_python_warnings() -> None:
    """Shows Python's warnings as sentences, from now on in this process."""
    logging.getLogger("kcadmin").addHandler(AsLines(logging.WARNING))


@contextmanager
def busy(first: str) -> Iterator[Callable[[str], None]]:
    """Shows the current step on a terminal. Gives a function that shows the next one."""
    console = Screen(stderr=True)
    if not console.is_terminal:
        yield lambda what: None
        return
    with console.status(escape(first)) as status:
        yield lambda what: status.update(escape(what))


@contextmanager
def problems() -> Iterator[None]:
    """Ends the command with a sentence and the exit code for a problem that stops it."""
    try:
        with misreadings():
            yield
    except Unreachable as problem:
        print_line(f"error: {problem}", err=True)
        raise typer.Exit(UNREACHABLE) from None
    except KeycloakError as problem:
        for line in (f"error: {problem.faults[0]}", *problem.faults[1:]):
            print_line(line, err=True)
        raise typer.Exit(USAGE) from None
