"""The shell variables: what they hold, whose server is meant, and that a shell can take them."""

import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local import dev_server, environment, layout, secrets, stack
from local.layout import UserError


@pytest.fixture(autouse=True)
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder in which nothing was installed yet."""
    for module in (layout, secrets):
        monkeypatch.setattr(module, "LOCAL", tmp_path)
    monkeypatch.setattr(secrets, "FILE", tmp_path / "secrets.json")
    monkeypatch.setattr(environment, "PULUMI_HOME", tmp_path / "home")
    monkeypatch.setattr(dev_server, "RUN", tmp_path / "run")
    monkeypatch.setattr(stack, "PROJECT", tmp_path)
    return tmp_path


GRANT = "    - name: g\n      sources: [a]\n      target: b\n"
IN_FILES = "config:\n  keycloak-token-exchange:grantsFile: grants # each team has one\n"


@pytest.mark.parametrize(
    ("files", "skipped"),
    [
        ({}, False),
        ({"Pulumi.dev.yaml": "config:\n  keycloak-token-exchange:grants:\n" + 99 * GRANT}, False),
        ({"Pulumi.dev.yaml": "config:\n  keycloak-token-exchange:grants:\n" + 100 * GRANT}, True),
        ({"Pulumi.dev.yaml": IN_FILES, "grants/a.yaml": 50 * GRANT, "grants/b.json": 50 * '{"sources": ["a"]},'}, True),
        ({"Pulumi.dev.yaml": IN_FILES, "grants/a.yaml": 50 * GRANT}, False),
        ({"Pulumi.legacy.yaml": 100 * GRANT}, False),
    ],
)
def test_a_stack_of_100_grants_runs_without_checkpoints(
    empty_project: Path, files: dict[str, str], skipped: bool
) -> None:
    for name, text in files.items():
        (empty_project / name).parent.mkdir(exist_ok=True)
        (empty_project / name).write_text(text)
    assert (environment.shell_environment("dev").get("PULUMI_SKIP_CHECKPOINTS") == "true") is skipped


def test_pulumi_writes_no_log_of_each_run(empty_project: Path) -> None:
    home = Path(environment.shell_environment("dev")["PULUMI_HOME"])
    with pytest.raises(FileExistsError):
        (home / "logs").mkdir()


def test_logs_that_pulumi_has_written_stay(empty_project: Path) -> None:
    kept = empty_project / "home" / "logs" / "a.log"
    kept.parent.mkdir(parents=True)
    kept.touch()
    environment.shell_environment("dev")
    assert kept.exists()


def test_secrets_are_made_once_and_are_their_owners_alone(empty_project: Path) -> None:
    first, second = secrets.load(), secrets.load()
    assert first == second
    assert stat.S_IMODE((empty_project / "secrets.json").stat().st_mode) == 0o600
    assert len({first.admin_password, first.user_password, first.api_client_secret, first.pulumi_passphrase}) == 4


def test_secrets_are_not_in_their_representation() -> None:
    known = secrets.load()
    assert known.admin_password not in repr(known)
    assert known.user_password not in repr(known)


def test_a_missing_secret_is_added_and_the_others_stay(empty_project: Path) -> None:
    (empty_project / "secrets.json").write_text('{"admin_password": "kept"}')
    known = secrets.load()
    assert known.admin_password == "kept"
    assert secrets.load().user_password == known.user_password


def test_a_broken_secrets_file_is_told_in_one_sentence(empty_project: Path) -> None:
    (empty_project / "secrets.json").write_text("[1]")
    with pytest.raises(UserError, match=r"is not a JSON object; run `make clean`"):
        secrets.load()


def test_a_persons_password_for_another_server_is_neither_used_nor_kept(
    empty_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYCLOAK_ADMIN_PASS", "mine")
    known = secrets.load()
    assert "mine" not in (empty_project / "secrets.json").read_text()
    assert environment.shell_environment("dev")["KEYCLOAK_ADMIN_PASS"] == known.admin_password != "mine"


@pytest.mark.parametrize("found", [None, 0o755])
def test_the_folder_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: int | None) -> None:
    folder = tmp_path / "project" / ".local"
    monkeypatch.setattr(layout, "LOCAL", folder)
    if found:
        folder.mkdir(mode=found, parents=True)
    with layout.only_one("anything"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_every_command_makes_the_folder_first(tmp_path: Path) -> None:
    """A fresh checkout, run as make does."""
    shutil.copytree(layout.PROJECT / "local", tmp_path / "local", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "local", "env"], cwd=tmp_path, check=True, capture_output=True)
    assert stat.S_IMODE((tmp_path / ".local").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1,::1,localhost"),
        ({"NO_PROXY": ".corp.example, localhost"}, ".corp.example,127.0.0.1,::1,localhost"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "127.0.0.1,::1,a,b,localhost"),
    ],
)
def test_this_machine_is_asked_without_a_proxy(
    given: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    variables = environment.shell_environment("dev")
    assert variables["NO_PROXY"] == variables["no_proxy"] == expected


def test_the_stack_decides_the_address() -> None:
    assert environment.shell_environment("dev")["KEYCLOAK_URL"] == "http://127.0.0.1:8080"
    assert environment.shell_environment("legacy")["KEYCLOAK_URL"] == "http://127.0.0.1:8081"


def test_the_port_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_PORT", "9999")
    assert environment.shell_environment("legacy")["KEYCLOAK_URL"] == "http://127.0.0.1:9999"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "8080 "])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("KEYCLOAK_PORT", port)
    with pytest.raises(UserError, match=r"KEYCLOAK_PORT is '.*'; give a number from 1 to 65535\."):
        environment.shell_environment("dev")


def test_a_persons_own_server_keeps_its_own_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_URL", "https://sso.example.org/")
    monkeypatch.setenv("KEYCLOAK_ADMIN_PASS", "theirs")
    found = environment.shell_environment("dev")
    assert found["KEYCLOAK_URL"] == "https://sso.example.org"
    assert found["KEYCLOAK_ADMIN_PASS"] == "theirs"
    assert "KEYCLOAK_USER_PASS" not in found


def test_a_persons_own_server_without_a_login_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_URL", "https://sso.example.org")
    with pytest.raises(UserError, match=r"none of KEYCLOAK_ADMIN_PASS, .* is set; set the one"):
        environment.require_foreign_password()
    monkeypatch.setenv("KEYCLOAK_CLIENT_SECRET", "x")
    environment.require_foreign_password()


def test_our_own_address_in_the_shell_is_not_taken_for_a_foreign_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.shell_environment("dev").items():
        monkeypatch.setenv(name, value)
    assert environment.foreign_url() is None
    assert environment.shell_environment("legacy")["KEYCLOAK_URL"] == "http://127.0.0.1:8081"


def test_variables_in_the_shell_change_nothing_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = environment.shell_environment("dev")
    for name, value in first.items():
        monkeypatch.setenv(name, value)
    assert environment.shell_environment("dev") == first


def test_a_shell_reads_back_what_was_exported() -> None:
    awkward = 'a\'b "c" $HOME `x` ä\\'
    script = environment.exports({"AWKWARD": awkward}) + 'printf %s "$AWKWARD"'
    read = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert read.stdout == awkward


def test_exports_are_one_line_each() -> None:
    lines = environment.exports(environment.shell_environment("dev")).splitlines()
    assert all(shlex.split(line)[0] == "export" and len(shlex.split(line)) == 2 for line in lines)
