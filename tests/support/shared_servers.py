"""One server a feature set for all processes of a run: who needs it first starts it, the run's first process ends it."""

import json
import secrets
import socket
from pathlib import Path
from typing import Any

from local import keycloak
from local.layout import UserError, keycloak_version, only_one
from local.reachable import answers

START_SECONDS = 400.0  # of a server, on a machine that does other things
SECOND = "-2"
"""Ends the name of a feature set: a second server of it, to which realms are copied."""
IN_MEMORY = {"KC_DB_URL": "jdbc:h2:mem:keycloakdb;NON_KEYWORDS=VALUE;DB_CLOSE_DELAY=-1"}
"""No server of the tests is started again, and writing its data to files is a sixth of its work. Java's second compiler takes a
minute of CPU a server, which a whole run does not win back.
"""


class SharedServers:
    """The servers of a run, by feature set. folder: the same in all of its processes, and where servers are kept, in all runs:
    of each version."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, keycloak.Server] = {}

    def __call__(self, feature_set: str) -> keycloak.Server:
        """The server of a feature set: standard, legacy, neither; or its second one."""
        if feature_set not in self._known:
            name = f"{keycloak_version()}-{feature_set}"
            with only_one(f"test-server-{name}"):
                note = self._folder / f"{name}.server.json"
                noted = _noted(note) if note.exists() else None
                self._known[feature_set] = noted if noted and answers(noted.url) else self._start(feature_set, note)
        return self._known[feature_set]

    def _start(self, feature_set: str, note: Path) -> keycloak.Server:
        self._folder.mkdir(parents=True, exist_ok=True)
        server = start_server(
            keycloak.install(keycloak_version(), feature_set.removesuffix(SECOND), lambda line: None),
            data=note.with_name(note.name.removesuffix(".server.json")),
            admin_password=secrets.token_hex(12),
            env=IN_MEMORY,
        )
        note.write_text(json.dumps([str(server.home), server.port, server.admin_password, server.pid]))
        return server


def stop_all(folder: Path) -> None:
    """Ends every server that a process of this run has started."""
    for note in folder.glob("*.server.json"):
        _noted(note).stop()
        note.unlink()


def start_server(
    installation: keycloak.Installation, data: Path, admin_password: str, *, tries: int = 3, **more: Any
) -> keycloak.Server:
    """A server on a free port. Where another process takes the port before the server listens, it gets another one."""
    port = free_port()
    try:
        return keycloak.Server.start(
            installation, port=port, data=data, admin_password=admin_password, wait=START_SECONDS, **more
        )
    except UserError as problem:
        if tries == 1 or not _is_of_its_port(problem, data / "server.log"):
            raise
    return start_server(installation, data, admin_password, tries=tries - 1, **more)


def _is_of_its_port(problem: UserError, log: Path) -> bool:
    told = str(problem) + (log.read_text(errors="replace") if log.exists() else "")
    return any(words in told for words in ("is taken", "already in use", "already bound"))


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _noted(note: Path) -> keycloak.Server:
    home, port, admin_password, pid = json.loads(note.read_text())
    server = keycloak.Server(Path(home), port, "admin", admin_password)
    server.pid = pid
    return server
