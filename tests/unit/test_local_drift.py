"""``make drift`` ends as Pulumi does, so that CI sees drift (and an error) by the exit code."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import commands, environment, pulumi_cli, stack, venv


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A ``pulumi`` that notes its arguments and ends with the code of the variable CODE."""
    noted, program = tmp_path / "asked", tmp_path / "pulumi"
    program.write_text(f'#!/bin/sh\necho "$@" > {noted}\nexit "$CODE"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for module, name in (
        (environment, "require_foreign_password"),
        (commands, "require_server"),
        (venv, "install"),
        (pulumi_cli, "install"),
        (stack, "prepare"),
        (stack, "take_salt_out"),
    ):
        monkeypatch.setattr(module, name, lambda *_: None)
    yield noted


@pytest.mark.parametrize("code", [0, 1, 7])
def test_drift_ends_as_pulumi_does(monkeypatch: pytest.MonkeyPatch, asked: Path, code: int) -> None:
    env = {"PATH": str(asked.parent), "CODE": str(code)}
    monkeypatch.setattr(environment, "child_environment", lambda _: env)
    assert commands.main(["drift", "--", "--diff"]) == code
    assert asked.read_text().split() == ["preview", "--refresh", "--expect-no-changes", "--diff"]
