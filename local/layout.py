"""Where the embedded environment keeps its things, and which versions it installs."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOCAL = PROJECT / ".local"
VENV = LOCAL / "venv"
TOOLS = LOCAL / "tools"
DOWNLOADS = LOCAL / "downloads"
PULUMI = LOCAL / "pulumi"
PULUMI_BIN = PULUMI / "bin"
PULUMI_HOME = PULUMI / "home"
STATE = LOCAL / "state"
KEYCLOAK = LOCAL / "keycloak"

REALM = "secure-test"
REALM_FILE = Path(__file__).with_name("realm-secure-test.json")
DEFAULT_KEYCLOAK_VERSION = "26.7.5"
KEYCLOAK_VERSIONS = ("24.0.5", "26.0.8", "26.2.5", "26.7.3", DEFAULT_KEYCLOAK_VERSION)  # tested, oldest first

LOOPBACK = ("127.0.0.1", "::1", "localhost")
STACKS = ("dev", "legacy")
FEATURE_SET_OF = {"dev": "standard", "legacy": "legacy"}
DEFAULT_PORT_OF = {"dev": 8080, "legacy": 8081}

Say = Callable[[str], None]
"""Takes one line of progress, without a line end."""


class UserError(Exception):
    """An error that a person can correct: one sentence, `<what is wrong, with value>; <what to do>.`"""


def backend_url(state: Path) -> str:
    """A file backend's address.

    Without the parameter Pulumi truncates and rewrites a second file next to each state file, and a run that is killed in
    between leaves a stack that no command can read: ``failed to load checkpoint: EOF``.
    """
    return f"file://{state}?metadata=skip"


def keycloak_version() -> str:
    """The Keycloak version asked for by KEYCLOAK_VERSION, or ours."""
    return os.environ.get("KEYCLOAK_VERSION") or DEFAULT_KEYCLOAK_VERSION


def make_local() -> None:
    """Make `.local`, which contains secrets, states and data: for its owner only, also if an earlier version made it."""
    LOCAL.mkdir(mode=0o700, parents=True, exist_ok=True)
    if LOCAL.stat().st_mode & 0o077:
        LOCAL.chmod(0o700)


@contextlib.contextmanager
def only_one(name: str) -> Iterator[None]:
    """Let one process at a time in; `name` names what it works on. The kernel frees the lock when its holder dies."""
    make_local()
    folder = LOCAL / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def private_write(path: Path, text: str) -> None:
    """Replace `path` in one step by a file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    fresh.replace(path)
