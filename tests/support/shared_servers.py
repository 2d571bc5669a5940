"""One server a feature set for all processes of a run: who needs it first starts it, the run's first process ends it."""

import json
import re
import secrets
import socket
import time
from pathlib import Path
from typing import Any

from local import keycloak
from local.layout import UserError, keycloak_version, only_one
from local.reachable import answers
from tests.support.authority import DAYS, Authority
from tests.support.kept_features import SHARED

START_SECONDS = 400.0  # of a server, on a machine that does other things
SECOND = "-2"
"""Ends the name of a feature set: a second server of it, to which realms are copied."""
IN_MEMORY = {"KC_DB_URL": "jdbc:h2:mem:keycloakdb;NON_KEYWORDS=VALUE;DB_CLOSE_DELAY=-1"}
"""No server of the tests is started again, and writing its data to files is a sixth of its work. Java's second compiler takes a
minute of CPU a server, which a whole run does not win back.
"""
SECURE = "standard"
"""The feature set whose server speaks TLS as well, since no second one is worth its start."""


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
                SHARED.add(self._known[feature_set].url)
        return self._known[feature_set]

    def _start(self, feature_set: str, note: Path) -> keycloak.Server:
        data = note.with_name(note.name.removesuffix(".server.json"))
        data.mkdir(parents=True, exist_ok=True)
        server = start_server(
            keycloak.install(keycloak_version(), feature_set.removesuffix(SECOND), lambda line: None),
            data=data,
            admin_password=secrets.token_hex(12),
            env={**IN_MEMORY, **(_by_tls(data) if feature_set == SECURE else {})},
        )
        note.write_text(json.dumps([str(server.home), server.port, server.admin_password, server.pid]))
        return server


def _by_tls(data: Path) -> dict[str, str]:
    """The settings of a server that listens on a second port, with a certificate of the authority in its folder."""
    authority = Authority(data)
    certificate, key = authority.issue("127.0.0.1", DAYS)
    return {
        "KC_HTTPS_PORT": "0",  # a free one
        "KC_HTTPS_CERTIFICATE_FILE": str(certificate),
        "KC_HTTPS_CERTIFICATE_KEY_FILE": str(key),
        "KC_TRUSTSTORE_PATHS": str(authority.certificate),
    }


def secure(server: keycloak.Server) -> tuple[str, Authority]:
    """The https address of the server of ``SECURE``, and its authority."""
    end = time.monotonic() + START_SECONDS
    while not (found := re.search(r"Listening on:.* (https://[0-9.:]+)", server.log.read_text())):
        assert time.monotonic() < end, f"{server.log} names no https address"
        time.sleep(0.05)  # a server answers before it says where
    return found[1], Authority(server.home)


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
