"""Messages of a plugin, whose threads tell at the same time."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

import pulumi
import pytest

from kcadmin.marks.notes import warn_once
from kcadmin.objects.realm import realms_of_run
from kcadmin.rest.connection import Connection, PasswordLogin
from providers.base import messages


@pytest.mark.parametrize("kind", ["debug", "info", "warn", "error"])
def test_each_message_is_a_line_of_its_own(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def log(message: str) -> None:  # as ``print`` does
        written.append(message)
        time.sleep(0.01)
        written.append("\n")

    monkeypatch.setattr(pulumi.log, kind, log)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(getattr(messages, kind), map(str, range(8))))
    assert sorted("".join(written).splitlines()) == [str(number) for number in range(8)]


class Run:
    """Stands for a run."""


def test_each_run_of_a_process_is_told_anew(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What makes the connection unsafe, and which notes count for nothing."""
    first, second, told = Run(), Run(), list[str]()
    unsafe = Connection("https://keycloak.example", PasswordLogin("admin", "p"), insecure_tls=True)
    monkeypatch.setattr(messages, "warn", told.append)
    for run in (first, first, second, first):
        monkeypatch.setattr(messages, "this_run", lambda run=run: run)
        messages.warn_insecure(unsafe)
        with realms_of_run(run):
            warn_once(logging.getLogger("kcadmin"), "an object", "a note")
    assert len(told) == 2 and len(caplog.records) == 2, (told, caplog.records)
