"""The file state: what is in it, which locks are left, and the settings file without the machine's salt."""

import gzip
import json
import os
import socket
from pathlib import Path

import pytest

from local import processes, stack

SETTINGS = "config:\n  keycloak-token-exchange:realm: secure-test\n"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stack, "STATE", tmp_path)
    monkeypatch.setattr(stack, "PROJECT", tmp_path)
    return tmp_path


def write_checkpoint(state: Path, types: list[str], zipped: bool = False) -> None:
    folder = state / ".pulumi" / "stacks" / stack.NAME
    folder.mkdir(parents=True)
    text = json.dumps({"checkpoint": {"latest": {"resources": [{"type": each} for each in types]}}})
    if zipped:
        (folder / "dev.json.gz").write_bytes(gzip.compress(text.encode()))
    else:
        (folder / "dev.json").write_text(text)


def write_lock(state: Path, **content: object) -> None:
    folder = state / ".pulumi" / "locks" / "organization" / stack.NAME / "dev"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{len(list(folder.iterdir()))}.json").write_text(json.dumps(content))


def test_there_is_no_stack_at_first(state: Path) -> None:
    assert stack.checkpoint_file("dev") is None
    assert stack.resource_count("dev") == 0


@pytest.mark.parametrize("zipped", [False, True])
def test_the_stack_itself_is_not_counted(state: Path, zipped: bool) -> None:
    write_checkpoint(state, ["pulumi:pulumi:Stack", "a:b:C", "a:b:D"], zipped)
    assert stack.resource_count("dev") == 2


def test_an_empty_stack_holds_nothing(state: Path) -> None:
    folder = state / ".pulumi" / "stacks" / stack.NAME
    folder.mkdir(parents=True)
    (folder / "dev.json").write_text('{"checkpoint": {"latest": null}}')
    assert stack.resource_count("dev") == 0


def test_a_dead_process_of_this_machine_leaves_a_lock(state: Path) -> None:
    write_lock(state, hostname=socket.gethostname(), pid=2**22 + 1)
    assert len(stack.left_locks("dev")) == 1


def test_a_lock_of_another_machine_is_not_ours_to_clear(state: Path) -> None:
    write_lock(state, hostname=socket.gethostname(), pid=2**22 + 1)
    write_lock(state, hostname="elsewhere", pid=2**22 + 1)
    assert stack.left_locks("dev") == []


def test_a_lock_of_a_living_engine_is_not_ours_to_clear(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "is_running", lambda pid, mark: pid == os.getpid() and mark == "pulumi")
    write_lock(state, hostname=socket.gethostname(), pid=os.getpid())
    assert stack.left_locks("dev") == []


def test_the_salt_is_taken_out_of_the_settings(state: Path) -> None:
    path = state / "Pulumi.dev.yaml"
    path.write_text(f"{SETTINGS}encryptionsalt: v1:abc=:v1:def\n")
    stack.take_salt_out("dev")
    assert path.read_text() == SETTINGS


def test_the_salt_stays_where_secrets_were_made_with_it() -> None:
    text = f"{SETTINGS}  keycloak-token-exchange:clientSecret:\n    secure: v1:x\nencryptionsalt: v1:abc\n"
    assert stack.without_salt(text) == text


def test_settings_without_a_salt_are_not_written(state: Path) -> None:
    path = state / "Pulumi.dev.yaml"
    path.write_text(SETTINGS)
    path.chmod(0o444)
    before = path.stat()
    stack.take_salt_out("dev")
    assert path.stat() == before
