"""Scripts that are measured: the server's floor, and curl. Both leave a realm as it was."""

import os
import shutil
import sys
from pathlib import Path

from bench.cases import Case, Command
from bench.state_parts import StateSize
from local.layout import LOCAL, PROJECT


class Script:
    """A program that takes ``ensure`` or ``remove``, the exchange, the realm and the number of grants."""

    def __init__(self, case: Case, program: list[str]) -> None:
        self.case, self._program, self._grants = case, program, case.grants

    def command(self, phase: str) -> Command:
        """How to run a phase. The added grant stays until ``destroy``."""
        if phase == "add":
            self._grants += 1
        what = "remove" if phase == "destroy" else "ensure"
        arguments = [*self._program, what, self.case.exchange, self.case.realm.name, str(self._grants)]
        return Command(arguments, PROJECT, script_environment(self.case))

    def state(self) -> StateSize | None:
        """It has none."""
        return None

    def tidy(self) -> None:
        """It leaves nothing."""


def script_environment(case: Case) -> dict[str, str]:
    """Where a script finds the server; without what a person has set for another one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KEYCLOAK_", "PULUMI_"))}
    server = {"KEYCLOAK_URL": case.server.url, "KEYCLOAK_ADMIN_PASS": case.server.admin_password}
    return {**kept, **server, "PYTHONPYCACHEPREFIX": str(LOCAL / "pycache")}


def server_floor(case: Case, _folder: Path) -> Script:
    """The fewest requests."""
    return Script(case, [sys.executable, "-m", "bench.server_floor"])


def curl(case: Case, _folder: Path) -> Script:
    """A process a call."""
    return Script(case, [str(PROJECT / "bench" / "curl.sh")])


def curl_is_missing() -> str | None:
    """Why the curl script cannot run here."""
    missing = [name for name in ("bash", "curl", "jq") if shutil.which(name) is None]
    return f"{', '.join(missing)} is not installed; install it" if missing else None
