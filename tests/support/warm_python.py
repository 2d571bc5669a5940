"""Programs and plugins of the tests' stacks, and our commands, forked from processes that have imported what each of them does.

Three quarters of a ``pulumi preview`` are Python's imports, the same in each of a thousand runs. What a fork runs is Pulumi's own
code, and ours, with the arguments, variables, folder and open files that it was given; runs that a test kills start as they do
for people.
"""

import atexit
import gc
import importlib
import io
import marshal
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, NoReturn

PROJECT = Path(__file__).resolve().parents[2]
KINDS = {
    "program": ("argparse", "asyncio", "inspect", "logging", "traceback", "pulumi", "pulumi.runtime", "components.news",
                "components.program", "components.settings", "components.token_exchange_grant"),
    "host": ("concurrent.futures", "json", "queue", "subprocess", "grpc", "google.protobuf.empty_pb2"),
    "plugin": ("asyncio", "base64", "traceback", "dill", "grpc", "google.protobuf.empty_pb2", "pulumi.dynamic",
               "pulumi.metadata", "pulumi.runtime.proto.provider_pb2_grpc", "pulumi.runtime._serialization"),
    "package": ("package.servicer",),
    "command": ("exchange.cli",),
}  # fmt: skip
SIZE = 8  # bytes before what is asked


class Warm:
    """The processes to fork from, which end with this one.

    variables: what a command of Pulumi's needs to use them. pulumi: a folder with the CLI beside which such a host stands.
    """

    def __init__(self, python: Path, pulumi: Path, environment: dict[str, str]) -> None:
        """:param environment: of Python itself, the same as that of the runs."""
        self.pulumi = _with_host(pulumi)
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        folder = Path(self._folder.name)
        command = folder / "python"
        source = (Path(__file__).parent / "warm_client.py").read_text()
        command.write_text(f"#!{python} -IS\n{source}")
        command.chmod(0o700)
        self.variables = {
            "PULUMI_PYTHON_CMD": str(command),
            "WARM_PYTHON": str(python),
            "WARM_FOLDER": str(folder),
            "WARM_PYTHONPATH": str(PROJECT),
        }
        self._running = []
        for kind in KINDS:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)  # here, so that who asks early waits
            listener.bind(str(folder / kind))
            listener.listen(64)
            self._running.append(
                subprocess.Popen(
                    [str(python), __file__, kind, str(listener.fileno())],
                    stdin=subprocess.PIPE,
                    cwd=folder,
                    env={**environment, "PYTHONPATH": str(PROJECT)},
                    pass_fds=[listener.fileno()],
                )
            )
            listener.close()
        Finalize(None, self.end, exitpriority=1)  # also where this process is a fork, which ends without ``atexit``

    def end(self) -> None:
        for each in self._running:
            if each.stdin and not each.stdin.closed:
                each.stdin.close()
                each.wait()
        self._folder.cleanup()


def _with_host(pulumi: Path) -> Path:
    """The CLI with the language host that our own build has, forked as well; a release has a quick one, and is used as it is."""
    host = pulumi / "pulumi-language-python"
    if not host.exists() or not (text := host.read_bytes()).startswith(b"#!"):
        return pulumi
    folder = Path(tempfile.mkdtemp(prefix="warm-", dir=pulumi.parent))
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)
    for each in pulumi.iterdir():
        (folder / each.name).symlink_to(each)
    (folder / host.name).unlink()
    (folder / host.name).write_bytes(text.replace(b'exec "$python"', b'exec "$WARM_FOLDER/python"'))
    (folder / host.name).chmod(0o700)
    (folder / "pulumi").unlink()
    os.link(pulumi / "pulumi", folder / "pulumi")  # no symbolic link, behind which it would look for the host
    return folder


def _serve(kind: str, listener: socket.socket) -> bool:
    """Forks for each who asks, until the end of standard input; returns in the forks alone, with what ``_become`` gives."""
    for name in KINDS[kind]:
        importlib.import_module(name)
    if kind == "program":
        _watch_from_its_start()
    if kind in ("plugin", "package"):
        providers = importlib.import_module("providers")
        for module in pkgutil.iter_modules(providers.__path__, "providers."):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    woken, wakes = os.pipe()
    for end in (woken, wakes):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    asking: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([0, listener, woken], [], [])
        if 0 in ready:
            os._exit(0)
        if woken in ready:
            os.read(woken, 4096)
        while asking:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            with asking.pop(pid) as there, suppress(OSError):
                there.sendall(os.waitstatus_to_exitcode(status).to_bytes(SIZE, "big", signed=True))
        if listener not in ready:
            continue
        there, _ = listener.accept()
        pid = os.fork()
        if pid:
            asking[pid] = there
            continue
        signal.set_wakeup_fd(-1)
        for number, handler in ((signal.SIGCHLD, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
            signal.signal(number, handler)
        for other in (listener, *asking.values()):
            other.close()
        os.close(woken)
        os.close(wakes)
        return _become(there)


def _watch_from_its_start() -> None:
    """As the import does in a program, whose stack is there by then: it watches what other resources the program makes."""
    stack = importlib.import_module("pulumi.runtime.stack")
    watch = importlib.import_module("providers.base.other_providers").this_program
    begin = stack.set_root_resource

    def begun(root: Any) -> None:
        begin(root)
        watch(starts=True)

    stack.set_root_resource = begun


def _become(there: socket.socket) -> bool:
    """Takes the variables, folder, arguments and open files of who asks; dies with it, and by the signals that it gets.

    Whether the first argument is a module.
    """
    size, handles, _, _ = socket.recv_fds(there, SIZE, 3)
    asked = b""
    while len(asked) < int.from_bytes(size, "big"):
        asked += there.recv(1 << 16)
    of_module, sys.argv, folder, variables = marshal.loads(asked)  # noqa: S302 (a test's own)
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    os.chdir(folder)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = _unbuffered(sys.stdout), _unbuffered(sys.stderr)
    threading.Thread(target=_obey, args=(there,), daemon=True).start()
    return bool(of_module)


def _unbuffered(text: Any) -> io.TextIOWrapper:
    """The same stream as ``python -u`` has it."""
    raw = os.fdopen(text.fileno(), "wb", 0, closefd=False)
    return io.TextIOWrapper(raw, encoding=text.encoding, errors=text.errors, write_through=True)


def _end(code: object) -> NoReturn:
    """Ends as Python does, but does not take all modules apart before: that is a fifth of a program's time."""
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _obey(there: socket.socket) -> NoReturn:
    while True:
        number = there.recv(1)
        os.kill(os.getpid(), number[0] if number else signal.SIGKILL)


if __name__ == "__main__":
    sys.path.pop(0)
    is_module = _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
    try:
        if is_module:
            sys.path.insert(0, str(Path.cwd()))
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(Path(sys.argv[0]).resolve().parent))
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        _end(ended.code)
    _end(0)
