"""Secret files that a command writes into a git work tree: warns if git would add them."""

import subprocess
from pathlib import Path

from exchange.terminal.screen import print_line
from kcadmin.rest.texts import named

NOT_IGNORED = 1
GIT_SECONDS = 10


def warn_unless_ignored(file: Path, what: str) -> None:
    """Warns where a file is in a git work tree and not ignored there. what: what it holds."""
    if _is_taken(file):
        remedy = "move it, or add it to .gitignore"
        print_line(f"warning: file {named(file)}: holds {what}, and git does not ignore it; {remedy}.", err=True)


def _is_taken(file: Path) -> bool:
    place = file.resolve()
    command = ["git", "-C", str(place.parent), "check-ignore", "--quiet", "--", place.name]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):  # without git nothing adds it
        return False
    return done.returncode == NOT_IGNORED
