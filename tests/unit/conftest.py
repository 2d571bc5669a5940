"""Unit tests run with the network off."""

import functools
import os
from collections.abc import Iterator

import pytest
import typer.main
import typer.testing
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket

from providers.base import face

# A busy machine is no fault. `make test` tries the same examples each time: `make unit` and thorough runs look for others.
SAME = {"derandomize": True, "database": None} if os.environ.get("HYPOTHESIS_PROFILE") == "full" else {}
settings.register_profile("any-machine", parent=settings(), deadline=None, **SAME)
settings.load_profile("any-machine")

# CliRunner makes all commands anew at each call, which takes longer than most of what is called.
typer.testing._get_command = functools.cache(typer.main.get_command)


@pytest.fixture(autouse=True)
def no_network() -> object:
    """A socket is an error."""
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(autouse=True, scope="module")
def no_pauses() -> Iterator[None]:
    """Nobody else writes to a server in memory."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("kcadmin.rest.waiting.SHORTEST_SECONDS", 0)
        yield


@pytest.fixture(autouse=True)
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that configures the package, or runs in a program of it, leaves none of that to the next."""
    face._run.set(None)
    monkeypatch.setattr(face, "_config", None)
    monkeypatch.setattr(face, "_connection", None)
