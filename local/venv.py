"""Virtual environments with exactly the packages of a lock file: only wheels, each checked against its SHA-256.

`.local/venv` is that of the project, `.local/tools` that of the programs behind `make lock` and `make sbom`.
"""

import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path

from local import processes
from local.layout import PROJECT, VENV, Say, UserError, only_one

LOCK = PROJECT / "requirements.lock"
TOOLS_LOCK = PROJECT / "local" / "tools" / "requirements.lock"
STAMP = "lock.sha256"
PYTHON = VENV / "bin" / "python"
ONLY_LOCKED = ("--require-hashes", "--only-binary", ":all:", "--requirement")
"""pip's options before a lock file."""


def install(say: Say) -> Path:
    """Make the project's environment, or change it to match its lock; does nothing if it matches."""
    return environment(VENV, LOCK, say)


def environment(folder: Path, lock: Path, say: Say) -> Path:
    """The Python of an environment that matches the lock."""
    python, wanted = folder / "bin" / "python", hashlib.sha256(lock.read_bytes()).hexdigest()
    if is_current(folder, wanted):
        return python
    with only_one(folder.name):
        if is_current(folder, wanted):
            return python
        if not python.exists():
            if importlib.util.find_spec("ensurepip") is None:
                raise UserError(
                    f"{sys.executable} cannot make virtual environments; install its venv module "
                    "(Debian: apt-get install python3-venv)."
                )
            say("making the virtual environment")
            shutil.rmtree(folder, ignore_errors=True)
            processes.run([sys.executable, "-m", "venv", folder], what="venv creation")
        say("installing Python packages")
        pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        # Python compiles what it imports; to compile all takes ten seconds.
        processes.run([*pip, "--no-compile", *ONLY_LOCKED, lock], what="pip install")
        (folder / STAMP).write_text(wanted)
    return python


def is_current(folder: Path, wanted: str) -> bool:
    """Whether an environment works and matches the lock with this hash."""
    stamp = folder / STAMP
    return (folder / "bin" / "python").exists() and stamp.exists() and stamp.read_text() == wanted
