"""The virtual environment `.local/venv` with what requirements.txt pins."""

import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path

from local import processes
from local.layout import PROJECT, VENV, Say, UserError, only_one

REQUIREMENTS = PROJECT / "requirements.txt"
STAMP = VENV / "requirements.sha256"
PYTHON = VENV / "bin" / "python"


def install(say: Say) -> Path:
    """Make the environment, or bring it to what requirements.txt says now; does nothing when it is already so."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if is_current(wanted):
        return PYTHON
    with only_one("venv"):
        if is_current(wanted):
            return PYTHON
        if not PYTHON.exists():
            if importlib.util.find_spec("ensurepip") is None:
                raise UserError(
                    f"{sys.executable} cannot make virtual environments; install its venv module "
                    "(Debian: apt-get install python3-venv)."
                )
            say("making the virtual environment")
            shutil.rmtree(VENV, ignore_errors=True)
            processes.run([sys.executable, "-m", "venv", VENV], what="venv creation")
        say("installing Python packages")
        pip: list[str | Path] = [
            PYTHON,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-input",
            "install",
            "-r",
            REQUIREMENTS,
        ]
        processes.run(pip, what="pip install")
        STAMP.write_text(wanted)
    return PYTHON


def is_current(wanted: str) -> bool:
    """Whether the environment works and holds what the requirements with this hash say."""
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted
