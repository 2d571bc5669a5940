"""The Keycloak servers of the stacks dev and legacy: started once, left running, found again by a pid file."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from local import keycloak, processes, secrets
from local.layout import (
    DEFAULT_PORT_OF,
    FEATURE_SET_OF,
    KEYCLOAK,
    REALM_FILE,
    Say,
    UserError,
    keycloak_version,
    only_one,
    private_write,
)
from local.reachable import answers

RUN = KEYCLOAK / "run"
START_SECONDS = 180.0


@dataclass(frozen=True)
class Running:
    """The content of the pid file."""

    pid: int
    port: int
    url: str
    version: str

    def home(self, stack: str) -> Path:
        return home_of(stack, self.version)


def home_of(stack: str, version: str) -> Path:
    """The home folder of a stack's server, with its data."""
    return KEYCLOAK / "data" / f"{version}-{FEATURE_SET_OF[stack]}"


def pid_file(stack: str) -> Path:
    return RUN / f"{FEATURE_SET_OF[stack]}.json"


def running(stack: str) -> Running | None:
    """The stack's server process, if it runs and is really ours."""
    try:
        found = Running(**json.loads(pid_file(stack).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return found if processes.is_running(found.pid, keycloak.mark(found.home(stack))) else None


def asked_port() -> int | None:
    """The port that KEYCLOAK_PORT asks for."""
    text = os.environ.get("KEYCLOAK_PORT")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise UserError(f"KEYCLOAK_PORT is {text!r}; give a number from 1 to 65535.")
    return int(text)


def url(stack: str) -> str:
    """The address of the stack's server, running or not."""
    found = running(stack)
    return found.url if found else f"http://{keycloak.HOST}:{asked_port() or DEFAULT_PORT_OF[stack]}"


def start(stack: str, say: Say) -> Running:
    """Install and start the stack's server, or find the one that runs."""
    version = keycloak_version()
    with only_one(f"dev-server-{stack}"):
        found = running(stack)
        if found is not None:
            refuse_another(stack, found, version)
            if not answers(found.url, seconds=30.0):
                raise UserError(
                    f"Keycloak of the stack {stack} runs (pid {found.pid}) but does not answer at {found.url}; "
                    f"read {found.home(stack) / 'server.log'}, then `make stop` and `make up`."
                )
            return found
        port = asked_port() or DEFAULT_PORT_OF[stack]
        installation = keycloak.install(version, FEATURE_SET_OF[stack], say)
        home = home_of(stack, version)
        known = secrets.load()
        if os.environ.get("KEYCLOAK_ADMIN_PASS", known.admin_password) != known.admin_password:
            say(
                "KEYCLOAK_ADMIN_PASS is not used: this server has a password of its own; set KEYCLOAK_URL to use another server"
            )
        say(f"starting on port {port}")
        server = keycloak.Server.start(
            installation,
            port=port,
            data=home,
            admin_password=known.admin_password,
            realm_file=REALM_FILE,
            env=known.realm_variables(),
            wait=START_SECONDS,
        )
        result = Running(server.pid, port, server.url, version)
        private_write(pid_file(stack), json.dumps(asdict(result)) + "\n")
        return result


def refuse_another(stack: str, found: Running, version: str) -> None:
    """Refuse when the server that runs is not the one asked for."""
    port = asked_port()
    again = "make down" if stack == "dev" else f"make down STACK={stack}"
    if port not in (None, found.port):
        raise UserError(
            f"Keycloak of the stack {stack} runs on port {found.port} and KEYCLOAK_PORT asks for {port}; "
            f"run `{again}` first, or leave KEYCLOAK_PORT out."
        )
    if version != found.version:
        raise UserError(
            f"Keycloak {found.version} runs for the stack {stack} and {version} is asked for; run `{again}` first."
        )


def stop(stack: str) -> Running | None:
    """End the stack's server and wait until it ended; returns what was ended."""
    with only_one(f"dev-server-{stack}"):
        found = running(stack)
        if found is not None:
            processes.stop(found.pid, keycloak.mark(found.home(stack)))
        pid_file(stack).unlink(missing_ok=True)
        return found
