"""What the tests' Pulumi starts as Python: programs, plugins and hosts are forked from processes with all their imports.

Written as an executable file by ``warm_python.Warm``. Whatever else Python is asked for runs as it would without us.
"""

import _signal as signal  # these two without what Python puts around them, which takes longer than all the rest
import _socket as socket
import marshal
import os
import sys

ENDED_EARLY = 70  # sysexits: a fault of the software
NAMES = {
    "exchange": "command",
    "language_host.py": "host",
    "package": "package",
    "pulumi.dynamic": "plugin",
    "pulumi-language-python-exec": "program",
}
NO_MODULES = ("", None)  # of other programs: the package finds its own


def main() -> None:
    python, folder = os.environ["WARM_PYTHON"], os.environ["WARM_FOLDER"]
    words = sys.argv[1:]
    if words[:1] == ["-ISc"]:  # which this one is, too: what the language host asks for before each run
        exec(words[1], {})  # noqa: S102
        return
    options = [words.pop(0) for _ in range(3) if words and words[0] in ("-I", "-u", "-m")]
    name = NAMES.get(os.path.basename(words[0])) if words and options else None  # noqa: PTH119
    project, modules = os.environ["WARM_PYTHONPATH"], os.environ.get("PYTHONPATH")
    if name == "package" and modules in NO_MODULES and words[0] == f"{project}/package":
        modules = project
    if name is None or modules != project:
        os.execv(python, [python, *sys.argv[1:]])  # noqa: S606
    there = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    there.connect(f"{folder}/{name}")
    asked = marshal.dumps(("-m" in options, words, os.getcwd(), dict(os.environ)))  # noqa: PTH109
    handles = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    there.sendmsg([len(asked).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])
    there.sendall(asked)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: tell(there, number))
    told = there.recv(8)
    code = int.from_bytes(told, "big", signed=True) if told else ENDED_EARLY
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def tell(there: socket.socket, number: int) -> None:
    try:
        there.send(bytes([number]))
    except OSError:  # it has ended by itself, and how is on its way
        return


main()
