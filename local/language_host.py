"""The Python language host of the Pulumi CLI that we build ourselves: it runs programs, policy packs and components.

Started by the engine as `pulumi-language-python … <engine address>`; prints its port and then serves gRPC. Pulumi's own host
is a Go program that is in no package registry. With an official CLI this one is not used.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import grpc
from google.protobuf import empty_pb2

# Only the messages of these packages: their runtime would take longer than all else in a host.
for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
    spec = find_spec(name)
    assert spec is not None
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = spec.submodule_search_locations or []

from pulumi.runtime.proto import language_pb2 as messages
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

EXEC_SCRIPT = Path(os.environ.get("PULUMI_LANGUAGE_PYTHON_EXEC", "pulumi-language-python-exec"))
ERROR_ALREADY_SHOWN = 32
PARENT_POLL_SECONDS = 1.0
LIST_PACKAGES = """
import importlib.metadata as m, json, re
seen = {d.metadata["Name"]: d for d in m.distributions()}
needed = {re.split(r"[^\\w.-]", r)[0].lower() for d in seen.values() for r in d.requires or ()}
print(json.dumps([[n, d.version, n.lower() in needed] for n, d in sorted(seen.items())]))
"""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """One host process; the engine asks it to run the program once a phase."""

    def __init__(self) -> None:
        self.children: set[subprocess.Popen[bytes]] = set()

    def Handshake(self, request: Any, context: Any) -> Any:
        return messages.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="3.255.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return messages.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return messages.GetRequiredPluginsResponse()

    def Run(self, request: Any, context: Any) -> Any:
        """Run the program; its output reaches the engine through our own stdout and stderr."""
        command, environment = self.command(request)
        child = subprocess.Popen(
            command, cwd=request.info.program_directory or None, env=environment, stdin=subprocess.DEVNULL
        )
        code = self.wait_for(child, context)
        if code == ERROR_ALREADY_SHOWN:
            return messages.RunResponse(bail=True)
        if code < 0:
            return messages.RunResponse(error=f"Program was terminated by signal {-code}")
        return messages.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")

    def command(self, request: Any) -> tuple[list[str], dict[str, str]]:
        """What starts the program, and its environment."""
        settings = {
            "monitor": request.monitor_address,
            "engine": sys.argv[-1],
            "project": request.project,
            "root_directory": request.info.root_directory,
            "stack": request.stack,
            "organization": request.organization,
            "pwd": request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel),
        }
        flags = [part for name, value in settings.items() if value for part in (f"--{name}", value)]
        python, environment = interpreter(request.info)
        program = request.info.entry_point or request.program
        return [python, "-u", str(EXEC_SCRIPT), *flags, program, *request.args], environment | config_of(request)

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a policy pack (kind `analyzer`) or a component source package, streaming its output."""
        python, environment = interpreter(request.info)
        folder = request.info.program_directory
        if request.kind == "analyzer":
            what = ["-m", "pulumi.policy", *request.args, folder]
        elif (Path(folder) / "__main__.py").exists():
            what = [folder, *request.args]
        else:
            what = ["-m", "pulumi.run.plugin", request.name or Path(folder).name, *request.args]
            environment["PYTHONPATH"] = os.pathsep.join(
                [str(Path(folder).parent), folder, environment.get("PYTHONPATH", "")]
            )
        environment.update(pair.split("=", 1) for pair in request.env if "=" in pair)
        command = [python, "-u", *what]
        yield from self.stream(command, request.pwd or folder, environment, context, messages.RunPluginResponse, True)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Install requirements.txt into the program's interpreter, making its `virtualenv` when that is missing."""
        folder = request.info.program_directory or request.directory
        wanted = request.info.options.fields["virtualenv"].string_value
        if wanted and not (Path(request.info.root_directory) / wanted / "bin" / "python").exists():
            make = [sys.executable, "-m", "venv", str(Path(request.info.root_directory) / wanted)]
            yield from self.stream(make, folder, dict(os.environ), context, messages.InstallDependenciesResponse)
        python, environment = interpreter(request.info)
        if (Path(folder) / "requirements.txt").exists():
            install = [python, "-m", "pip", "install", "-r", "requirements.txt"]
            yield from self.stream(install, folder, environment, context, messages.InstallDependenciesResponse)

    def About(self, request: Any, context: Any) -> Any:
        python, environment = interpreter(request.info)
        asked = [python, "-ISc", "import sys; print(sys.executable, sys.version.split()[0])"]
        answer = subprocess.run(asked, env=environment, capture_output=True, text=True).stdout
        executable, _, version = answer.strip().rpartition(" ")
        return messages.AboutResponse(executable=executable, version=version)

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        python, environment = interpreter(request.info)
        listed = subprocess.run([python, "-c", LIST_PACKAGES], env=environment, capture_output=True, text=True).stdout
        found = [
            messages.DependencyInfo(name=name, version=version)
            for name, version, needed_by_another in json.loads(listed or "[]")
            if request.transitiveDependencies or not needed_by_another
        ]
        return messages.GetProgramDependenciesResponse(dependencies=found)

    def Cancel(self, request: Any, context: Any) -> Any:
        self.end_children()
        return empty_pb2.Empty()

    def stream(
        self, command: list[str], folder: str, env: dict[str, str], context: Any, answer: Any, with_code: bool = False
    ) -> Iterator[Any]:
        """Run a command and yield what it writes; its failure is the exit code or a gRPC error."""
        child = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        written: queue.Queue[tuple[str, bytes]] = queue.Queue()
        for name, pipe in (("stdout", child.stdout), ("stderr", child.stderr)):
            threading.Thread(target=copy, args=(pipe, name, written), daemon=True).start()
        waiter = threading.Thread(target=self.wait_for, args=(child, context), daemon=True)
        waiter.start()
        open_pipes = 2
        while open_pipes:
            name, data = written.get()
            if data:
                yield answer(**{name: data})
            else:
                open_pipes -= 1
        waiter.join()
        if with_code:
            yield answer(exitcode=child.returncode)
        elif child.returncode:
            context.abort(grpc.StatusCode.UNKNOWN, f"{' '.join(command[:4])} … exited with code {child.returncode}")

    def wait_for(self, child: "subprocess.Popen[bytes]", context: Any) -> int:
        """Wait for a child, and end it if the engine cancels the call."""
        self.children.add(child)
        context.add_callback(lambda: end(child))
        try:
            return child.wait()
        finally:
            self.children.discard(child)

    def end_children(self) -> None:
        for child in tuple(self.children):
            end(child)


def config_of(request: Any) -> dict[str, str]:
    """The variables in which a program finds its stack's config."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def copy(pipe: Any, name: str, written: "queue.Queue[tuple[str, bytes]]") -> None:
    """Pass on what a pipe contains, then an empty piece for its end."""
    while data := pipe.read1():
        written.put((name, data))
    written.put((name, b""))


def end(child: "subprocess.Popen[bytes]") -> None:
    """Ask a child to end, unless it has ended."""
    if child.poll() is None:
        child.terminate()


def interpreter(info: Any) -> tuple[str, dict[str, str]]:
    """The Python of a program and the environment to run it in: its `virtualenv` option, else PULUMI_PYTHON_CMD."""
    environment = dict(os.environ)
    wanted = info.options.fields["virtualenv"].string_value if "virtualenv" in info.options.fields else ""
    folder = Path(info.root_directory) / wanted
    if not wanted or not (folder / "bin" / "python").exists():
        return os.environ.get("PULUMI_PYTHON_CMD", sys.executable), environment
    environment["VIRTUAL_ENV"] = str(folder)
    environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{environment['PATH']}"
    environment.pop("PYTHONHOME", None)
    return str(folder / "bin" / "python"), environment


def main(host: LanguageHost) -> None:
    """Serve until the engine ends us. Our children end with us, also if the engine was killed."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=32),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    stopped = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    print(port, flush=True)
    engine = os.getppid()
    while not stopped.wait(PARENT_POLL_SECONDS) and os.getppid() == engine:
        pass
    host.end_children()
    server.stop(grace=2.0)
    time.sleep(0.05)
    os._exit(0)


if __name__ == "__main__":
    main(LanguageHost())
