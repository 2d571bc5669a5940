"""A stack of the embedded environment: its file state, its settings file, and what a killed run leaves behind."""

import contextlib
import gzip
import json
import re
import socket
from pathlib import Path
from typing import Any

from local import processes
from local.layout import PROJECT, STATE, Say, backend_url, make_local

NAME = "keycloak-token-exchange"
SALT = "encryptionsalt:"
GRANTS_FILE = re.compile(r"""^\s*["']?[\w-]+:grantsFile["']?:\s*["']?([^"'#\n]*[^"'#\s])""", re.MULTILINE)
SOURCES = re.compile(r"""\bsources\\?["']?\s*:""")
PLUGIN = "pulumi.dynamic"  # the module of Pulumi's plugin for dynamic resources


def prepare(stack: str, env: dict[str, str], say: Say) -> None:
    """Make the stack unless it exists, and clear what a killed run left."""
    make_local()
    STATE.mkdir(exist_ok=True)
    if checkpoint_file(stack) is None:
        say(f"making the stack {stack}")
        take_salt_out(stack)
        processes.run(["pulumi", "stack", "init", stack], what="pulumi stack init", cwd=PROJECT, env=env)
        take_salt_out(stack)
        return
    if left_locks(stack):
        say("clearing the lock of a killed run")
        end_left_plugins()
        processes.run(["pulumi", "cancel", "--yes", stack], what="pulumi cancel", cwd=PROJECT, env=env)


def checkpoint_file(stack: str) -> Path | None:
    """The stack's state file, None if there is no such stack."""
    folder = STATE / ".pulumi" / "stacks" / NAME
    return next((path for path in (folder / f"{stack}.json", folder / f"{stack}.json.gz") if path.exists()), None)


def resource_count(stack: str) -> int:
    """How many resources the stack's state holds, the stack itself left out."""
    path = checkpoint_file(stack)
    if path is None:
        return 0
    data = path.read_bytes()
    content: dict[str, Any] = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    latest = content.get("checkpoint", {}).get("latest") or {}
    resources: list[dict[str, Any]] = latest.get("resources") or []
    return sum(resource.get("type") != "pulumi:pulumi:Stack" for resource in resources)


def left_locks(stack: str) -> list[Path]:
    """The stack's locks, if all were taken on this machine by processes that no longer run."""
    locks = sorted((STATE / ".pulumi" / "locks" / "organization" / NAME / stack).glob("*.json"))
    return locks if all(is_left(json.loads(lock.read_text() or "{}")) for lock in locks) else []


def is_left(lock: dict[str, Any]) -> bool:
    """Whether the process that took a lock lived on this machine and has ended."""
    return lock.get("hostname") == socket.gethostname() and not processes.is_running(int(lock.get("pid", 0)), "pulumi")


def end_left_plugins() -> None:
    """End the provider processes of killed runs, which outlive the engine, so that they do not write beside the next run.

    Ours have our state folder in their environment. Left ones have no `pulumi` process above them.
    Only if the kernel shows other processes' environments (Linux).
    """
    wanted = f"PULUMI_BACKEND_URL={backend_url(STATE)}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ProcessLookupError):
            pid = int(folder.name)
            if PLUGIN not in (processes.command_line(pid) or []):
                continue
            environment = (folder / "environ").read_bytes().split(b"\0")
            if wanted in environment and not has_engine_above(pid):
                processes.stop(pid, PLUGIN)


def has_engine_above(pid: int) -> bool:
    """Whether one of a process's ancestors is a Pulumi engine."""
    while pid > 1:
        status = (Path("/proc") / str(pid) / "status").read_text()
        pid = int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))
        arguments = processes.command_line(pid) or [""]
        if Path(arguments[0]).name == "pulumi":
            return True
    return False


def grants_written(stack: str) -> int:
    """About how many grants a stack lists: each has one `sources`. The YAML library may not be installed yet."""
    settings = PROJECT / f"Pulumi.{stack}.yaml"
    text = settings.read_text(errors="replace") if settings.is_file() else ""
    given = GRANTS_FILE.search(text)
    place = PROJECT / given[1] if given else PROJECT / "none"
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    texts = [text, *(file.read_text(errors="replace") for file in files if file.is_file())]
    return sum(len(SOURCES.findall(each)) for each in texts)


def take_salt_out(stack: str) -> None:
    """Take the line `encryptionsalt` out of the stack's settings file, unless secrets there were made with it.

    The CLI writes it on `stack init` and `up`. It belongs to this machine's passphrase: committed, it would
    stop every other clone with "incorrect passphrase". The state keeps a copy, and the CLI is told to use that.
    """
    path = PROJECT / f"Pulumi.{stack}.yaml"
    if path.exists():
        text = path.read_text()
        cleaned = without_salt(text)
        if cleaned != text:
            path.write_text(cleaned)


def without_salt(text: str) -> str:
    """A stack's settings without the line of the salt; unchanged if they contain encrypted values."""
    if "secure:" in text:
        return text
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(SALT))
