"""Processes: ended only when they are ours, and their failures told in one sentence."""

import http.client
import os
import subprocess
import sys
import time
import urllib.error
from pathlib import Path

import pytest

from local import commands, dev_server, keycloak, layout, processes, reachable
from local.layout import UserError

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_output_of_a_program_that_succeeds() -> None:
    assert processes.run([sys.executable, "-c", "print('hello')"], what="Greeting") == "hello\n"


def test_a_failing_program_is_told_with_code_last_line_and_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOCAL", tmp_path)
    script = "print('first'); print('the cause'); raise SystemExit(3)"
    with pytest.raises(UserError, match=r"Maven download failed with exit code 3 \(the cause\); read .*maven-failed"):
        processes.run([sys.executable, "-c", script], what="Maven download")
    assert (tmp_path / "logs" / "maven-failed.log").read_text() == "first\nthe cause\n"


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(UserError, match=r"Maven download could not start no-such-program: No such file"):
        processes.run(["no-such-program"], what="Maven download")


def test_a_process_is_ended_only_by_its_mark() -> None:
    child = subprocess.Popen([*SLEEPER, "-Dkc.home.dir=/ours"])
    try:
        end = time.monotonic() + 120  # right after exec the kernel shows no arguments yet
        while not processes.is_running(child.pid, "-Dkc.home.dir=/ours") and time.monotonic() < end:
            time.sleep(0.02)
        processes.stop(child.pid, "-Dkc.home.dir=/theirs")
        assert child.poll() is None
        processes.stop(child.pid, "-Dkc.home.dir=/ours", child)
        assert child.returncode == -15
        assert not processes.is_running(child.pid, "-Dkc.home.dir=/ours")
    finally:
        child.kill()
        child.wait()


def test_a_zombie_does_not_run() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    end = time.monotonic() + 120
    while processes.command_line(child.pid) is not None and time.monotonic() < end:
        time.sleep(0.02)
    assert not processes.is_running(child.pid, sys.executable)
    child.wait()


def test_exit_codes_of_programs_in_the_foreground(tmp_path: Path) -> None:
    run = [sys.executable, "-c"]
    assert processes.foreground([*run, "raise SystemExit(7)"], cwd=tmp_path, env=os.environ) == 7
    kill = "import os; os.kill(os.getpid(), 9)"
    assert processes.foreground([*run, kill], cwd=tmp_path, env=os.environ) == 137


def test_a_pid_file_of_a_dead_or_foreign_process_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev_server, "RUN", tmp_path)
    assert dev_server.running("dev") is None
    (tmp_path / "standard.json").write_text("{")
    assert dev_server.running("dev") is None
    content = f'{{"pid": {os.getpid()}, "port": 8080, "url": "http://127.0.0.1:8080", "version": "26.7.3"}}'
    (tmp_path / "standard.json").write_text(content)
    assert dev_server.running("dev") is None
    mark = keycloak.mark(dev_server.home_of("dev", "26.7.3"))
    monkeypatch.setattr(processes, "command_line", lambda pid: ["java", mark, "start"])
    found = dev_server.running("dev")
    assert found is not None
    assert found.port == 8080


def test_another_port_or_version_than_the_running_servers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = dev_server.Running(1, 8080, "http://127.0.0.1:8080", "26.7.3")
    dev_server.refuse_another("dev", found, "26.7.3")
    with pytest.raises(UserError, match=r"26\.7\.3 runs for the stack legacy and 24\.0\.5 .* `make down STACK=legacy`"):
        dev_server.refuse_another("legacy", found, "24.0.5")
    monkeypatch.setenv("KEYCLOAK_PORT", "9090")
    with pytest.raises(UserError, match=r"runs on port 8080 and KEYCLOAK_PORT asks for 9090; run `make down` first"):
        dev_server.refuse_another("dev", found, "26.7.3")


def test_an_unknown_stack_is_told_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["env", "--stack", "prod"]) == 1
    assert capsys.readouterr().err == "error: STACK is 'prod'; take one of dev, legacy.\n"


def test_one_lock_lets_one_in_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "LOCAL", tmp_path)
    script = (
        "import sys, time; from pathlib import Path; from local import layout\n"
        "layout.LOCAL = Path(sys.argv[1])\n"
        "with layout.only_one('x'): print('in', flush=True); time.sleep(0.1); Path(sys.argv[1], 'left').touch()"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, cwd=layout.PROJECT)
    assert other.stdout is not None
    assert other.stdout.readline() == b"in\n"
    with layout.only_one("x"):
        assert (tmp_path / "left").exists()
    other.wait()
    other.stdout.close()


@pytest.mark.parametrize(
    "problem", [http.client.BadStatusLine("\x00"), ConnectionRefusedError(), urllib.error.URLError("x")]
)
def test_what_is_no_keycloak_does_not_answer(problem: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr("urllib.request.OpenerDirector.open", urlopen)
    assert not reachable.answers("http://127.0.0.1:1")
    assert reachable.fault("http://127.0.0.1:1") is not None


def test_the_reason_names_the_proxy_without_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))

    monkeypatch.setattr("urllib.request.OpenerDirector.open", refused)
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://me:hush@127.0.0.1:1")
    said = reachable.fault("http://keycloak.test")
    assert said == "Connection refused, through the proxy http://127.0.0.1:1"
    assert "proxy" not in str(reachable.fault("http://127.0.0.1:1"))
    monkeypatch.setenv("KEYCLOAK_URL", "http://keycloak.test")
    with pytest.raises(UserError, match=r"KEYCLOAK_URL: Connection refused, through the proxy http://127\.0\.0\.1:1\)"):
        commands.require_server("dev")
