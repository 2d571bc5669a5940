"""A stack in a folder of its own, driven by the real ``pulumi`` command."""

import contextlib
import functools
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kcadmin.marks.packed import each_of
from local.keycloak import Server
from local.layout import LOCAL, PROJECT, VENV, backend_url
from local.pulumi_cli import without_logs
from policy.stack import GRANT
from tests.e2e.access_log import AccessLog, Request
from tests.support.key_store import PROVIDER, key_store
from tests.support.proxy import LastWrite, Proxy
from tests.support.warm_python import Warm

NAME, OTHER = "keycloak-token-exchange", "another-program"
PARTS = ("Pulumi.yaml", "__main__.py")
PASSPHRASE = "a-test-passphrase"
CHECKPOINTS = {"PULUMI_SKIP_CHECKPOINTS": "false"}
"""For a stack whose every file is read. Commands that are killed write them, unless a test sets ``true``."""
TIMEOUT_SECONDS = 300
POLL_SECONDS = 0.05
KEY = r"""(encryptionsalt|encryptedkey|secretsprovider)"?: *["']?([^"',\s]+)"""
"""Of Pulumi.<stack>.yaml, as Pulumi and we write it."""
Grant = dict[str, Any]
_INITIALISED: dict[str, str] = {}
"""What ``pulumi stack init`` has written for ``ANY`` stack of ``ANY_PROJECT``, by the file's place in the stack's folder."""
ANY, ANY_PROJECT = "any-name-of-a-stack", "any-name-of-a-project"


@dataclass(frozen=True)
class Run:
    """What a command came to, and what the server was asked meanwhile."""

    code: int
    output: str
    requests: list[Request] = field(default_factory=list)

    @property
    def writes(self) -> list[str]:
        return [str(request) for request in self.requests if request.is_write]

    @property
    def logins(self) -> int:
        return sum(request.is_login for request in self.requests)

    @property
    def lines(self) -> list[str]:
        """The output's, without those by which Pulumi shows that a slow run goes on."""
        return [line for line in self.output.splitlines() if not line.startswith("@ ")]

    def counted(self) -> dict[str, int]:
        """How many resources were created, updated, deleted, …, from the summary."""
        summary = self.output.rpartition("Resources:")[2]
        found = re.findall(r"^\s*(?:\S+ )?(\d+) (?:to )?(\w+)", summary, re.MULTILINE)
        return {what: int(number) for number, what in found}


class Stack:
    """A stack on a server, with its own backend, secrets and Pulumi home. ``env``: variables of its commands."""

    def __init__(
        self,
        folder: Path,
        pulumi: Path,
        server: Server,
        realm: str,
        name: str = "test",
        program: Mapping[str, str] | None = None,
        shared: Mapping[str, str] | None = None,
    ) -> None:
        """:param program: the files of another one than ours, which its Pulumi.yaml calls ``OTHER``.

        :param shared: the variables of a backend that others use, too; else it is in the folder.
        """
        self._name_of_project = NAME if program is None else OTHER
        self._is_shared = shared is not None
        self.folder = folder
        self.realm = realm
        self.name = name
        self.env: dict[str, str] = dict(shared or {})
        self.config: dict[str, Any] = {"realm": realm, "owner": f"tests/{name}"}
        self.timeout_seconds = TIMEOUT_SECONDS
        self._pulumi = pulumi
        self._agent = f"stack-{secrets.token_hex(4)}"
        self.project = folder / "project"
        self.project.mkdir(parents=True)
        (folder / "state").mkdir()
        without_logs(folder / "home")
        for file, text in (program or {}).items():
            (self.project / file).parent.mkdir(parents=True, exist_ok=True)
            (self.project / file).write_text(text)
        for part in (
            PARTS if program is None else ()
        ):  # the rest comes from one place, to be compiled once for all stacks
            (self.project / part).symlink_to(PROJECT / part)
        self.use(server)
        self._init()

    def _init(self) -> None:
        """What ``pulumi stack init`` writes: by itself for the first stack, and then the same under each one's names."""
        if self._is_shared:
            self.run("stack", "init", self.name)
            return
        if not _INITIALISED:
            before = self._files()
            self.run("stack", "init", ANY, "--secrets-provider", PROVIDER)
            for each in self._files() - before:
                place = str(each.relative_to(self.folder)).replace(self._name_of_project, ANY_PROJECT)
                _INITIALISED[place] = each.read_text().replace(self._name_of_project, ANY_PROJECT)
                each.unlink()
        for place, text in _INITIALISED.items():
            named, text = (
                each.replace(ANY_PROJECT, self._name_of_project).replace(ANY, self.name) for each in (place, text)
            )
            (self.folder / named).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / named).write_text(text)
        (chosen,) = (self.folder / "home" / "workspaces").iterdir()
        where = hashlib.sha1(bytes(self.project / "Pulumi.yaml"), usedforsecurity=False).hexdigest()
        chosen.rename(chosen.with_name(f"{self._name_of_project}-{where}-workspace.json"))

    def _files(self) -> set[Path]:
        return {each for each in self.folder.rglob("*") if each.is_file()}

    def use(self, server: Server) -> None:
        """Points the stack at a server, as KEYCLOAK_URL does."""
        self.server = server
        self._log = AccessLog(server, self._agent)
        self.env |= {
            "KEYCLOAK_URL": server.url,
            "KEYCLOAK_ADMIN_PASS": server.admin_password,
            "KEYCLOAK_USER_AGENT": self._agent,
        }

    def configure(self, *grants: Grant, **config: Any) -> None:
        """Writes Pulumi.<stack>.yaml; JSON is YAML. Config keys stay until they are set anew; None takes one out."""
        self.config |= {**config, "grants": list(grants)}
        self.config = {key: value for key, value in self.config.items() if value is not None}
        path = self.project / f"Pulumi.{self.name}.yaml"
        keys = dict(re.findall(KEY, path.read_text()))
        assert keys
        config = {f"{NAME}:{key}": value for key, value in self.config.items()}
        path.write_text(json.dumps({**keys, "config": config}))

    def preview(self, *args: str) -> Run:
        return self.run("preview", *args)

    def up(self, *args: str) -> Run:
        """Both phases. With ``--skip-preview`` one."""
        return self.run("up", "--yes", *args)

    def refresh(self, *args: str) -> Run:
        return self.run("refresh", "--yes", *args)

    def destroy(self, *args: str) -> Run:
        return self.run("destroy", "--yes", *args)

    @property
    def state_file(self) -> Path:
        """Where Pulumi keeps the state."""
        return self.folder / "state" / ".pulumi" / "stacks" / self._name_of_project / f"{self.name}.json"

    def export(self) -> dict[str, Any]:
        """The state's resources by URN, as far as they describe Keycloak; the stack and Pulumi's provider not.

        From the file, in a third of a second less than by ``pulumi stack export``.
        """
        described = ("id", "type", "parent", "inputs", "outputs")
        return {
            each["urn"]: _without_none({key: each.get(key) for key in described})
            for each in json.loads(self.state_file.read_text())["checkpoint"]["latest"].get("resources") or []
            if not each["type"].startswith("pulumi:")
        }

    def export_text(self) -> str:
        """The whole state, as ``pulumi stack export`` gives it."""
        return self._call("stack", "export").stdout

    def grants(self) -> dict[str, Any]:
        """What the commands know of its grants, by their names."""
        resources = json.loads(self.state_file.read_text())["checkpoint"]["latest"].get("resources") or []
        held = each_of(resources)
        return {each["urn"].rpartition("::")[2]: each["outputs"] for each in held if each["type"] == GRANT}

    def outputs(self) -> Any:
        """What its program exports, from the state's file."""
        resources = json.loads(self.state_file.read_text())["checkpoint"]["latest"]["resources"]
        return next(each["outputs"] for each in resources if each["type"] == "pulumi:pulumi:Stack")

    def try_(self, *args: str) -> Run:
        """Runs a command, whatever comes of it."""
        first = self._log.mark()
        done = self._call(*args)
        return Run(done.returncode, done.stdout + done.stderr, self._log.between(first, self._log.mark()))

    def run(self, *args: str) -> Run:
        """Runs a command that must succeed."""
        done = self.try_(*args)
        assert done.code == 0, f"pulumi {' '.join(args)} ended with {done.code}:\n{done.output}"
        return done

    def refused(self, *args: str) -> Run:
        """Runs a command that must fail, with sentences and without a traceback."""
        done = self.try_(*args)
        assert done.code != 0, f"pulumi {' '.join(args)} succeeded:\n{done.output}"
        assert "Traceback" not in done.output and 'File "' not in done.output, done.output
        return done

    def killed(self, proxy: Proxy, last: LastWrite, *args: str, plugins: bool = True) -> bool:
        """Starts a command and kills all of its processes at the proxy's last write; whether it came to that.

        :param plugins: False kills the command and leaves its plugins, as people's ``kill -9`` does.
        """
        proxy.last_write = last
        with (self.folder / "killed.log").open("w+") as output:
            child = subprocess.Popen(
                self._command(*args), cwd=self.project, env=self.environment(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
            end = time.monotonic() + TIMEOUT_SECONDS
            try:
                while not last.reached.wait(POLL_SECONDS) and child.poll() is None:
                    assert time.monotonic() < end, f"pulumi {' '.join(args)} takes too long: {output.name}"
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                if plugins:
                    self.end_left()
                    proxy.go_on()
            output.seek(0)
            assert last.reached.is_set() or child.returncode == 0, output.read()
        return last.reached.is_set()

    def exchange(self, *args: str) -> "subprocess.CompletedProcess[str]":
        """Runs ``python -m exchange`` in the project's folder."""
        environment = self.warm_environment()
        return subprocess.run(
            [environment["PULUMI_PYTHON_CMD"], "-m", "exchange", *args, "--stack", self.name],
            cwd=self.project, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=self.timeout_seconds, check=False)  # fmt: skip

    def end_left(self) -> None:
        """Kills what is left of this stack's commands, until nothing is; plugins have process groups of their own."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while left := self.left():
            assert time.monotonic() < end, f"SIGKILL does not end {left}"
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def left(self) -> list[int]:
        """The processes of this stack's commands that live; zombies have no variables any more."""
        ours = f"PULUMI_HOME={self.folder / 'home'}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if ours in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def _command(self, *args: str, pulumi: Path | None = None) -> list[str]:
        colour = () if any(each.startswith("--color=") for each in args) else ("--color=never",)
        return [str((pulumi or self._pulumi) / "pulumi"), *args, "--non-interactive", *colour,
                *([] if args[:2] == ("stack", "init") else ["--stack", self.name])]  # fmt: skip

    def _call(self, *args: str) -> "subprocess.CompletedProcess[str]":
        pulumi = warm(self._pulumi).pulumi
        return subprocess.run(
            self._command(*args, pulumi=pulumi), cwd=self.project, env=self.warm_environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=self.timeout_seconds)  # fmt: skip

    def warm_environment(self) -> dict[str, str]:
        """The variables of commands that end by themselves: their Python has imported already what it needs.

        Their state is written once, at the end, which is a third of a ``destroy``; ``CHECKPOINTS`` writes it at each step.
        """
        ready = warm(self._pulumi)
        environment = {"PULUMI_SKIP_CHECKPOINTS": "true", **self.environment()}
        return environment | ready.variables | {"PATH": os.pathsep.join([str(ready.pulumi), environment["PATH"]])}

    def environment(self) -> dict[str, str]:
        """The variables of this stack's commands."""
        return {
            **_ours(),
            "PATH": os.pathsep.join([str(self._pulumi), str(VENV / "bin"), os.environ.get("PATH", os.defpath)]),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": backend_url(self.folder / "state"),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_PYTHON_CMD": str(VENV / "bin" / "python"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "GOGC": "off",  # what Pulumi's commands need at their start is a third of their time with it, and they end soon
            "GOMEMLIMIT": "300MiB",
            **key_store(),
            **self.env,
            "PYTHONPATH": os.pathsep.join(
                [
                    *filter(None, [self.env.get("PYTHONPATH")]),
                    *([str(PROJECT)] if self._name_of_project == NAME else []),
                ]
            ),
        }


@functools.cache
def warm(pulumi: Path) -> Warm:
    """The processes that this one's stacks fork their programs, plugins, language hosts and our commands from."""
    return Warm(VENV / "bin" / "python", pulumi, _ours())


def _ours() -> dict[str, str]:
    """The variables of this process, but for those that are about servers, stacks and tests."""
    others = ("KEYCLOAK_", "PULUMI_", "PYTEST", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "PYTHONPYCACHEPREFIX": str(LOCAL / "pycache")}  # a sixth of each run's time


def _without_none(value: Any) -> Any:
    """``pulumi refresh`` leaves null out of maps, ``pulumi up`` does not."""
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    return value
