"""Keycloak servers: installed and built once per version and feature set, each started on data of its own.

A server process gets a home folder of symbolic links into the built tree plus its own `data/`, so many
processes share one tree. It listens on 127.0.0.1 only.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local import java, keycloak_release, processes
from local.feature_sets import FEATURE_SETS, STANDARD_EXCHANGE, SWITCHED_OFF
from local.layout import KEYCLOAK, Say, UserError, only_one
from local.reachable import answers

HOST = "127.0.0.1"
POLL_SECONDS = 0.1
FIRST_WITH_STANDARD_EXCHANGE = (26, 2)

# C1 and the serial collector: a start takes 5.3 s and 340 MB instead of the 7.4 s and 510 MB of the server's own
# options (measured on 26.7.3, 2 cores, with existing data).
JVM_OPTIONS = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=160m",  # C1 alone has 48 MB, which a long run of tests fills, then code is compiled again
    "-XX:-UsePerfData",  # nobody reads its counters, which are written twenty times a second
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Duser.language=en",
    "-Duser.country=US",
    "-Djava.security.egd=file:/dev/urandom",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
    "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
)
SETTINGS = {
    "KC_DB": "dev-file",
    "KC_CACHE": "local",
    "KC_HEALTH_ENABLED": "false",
    "KC_METRICS_ENABLED": "false",
    "KC_HTTPS_CLIENT_AUTH": "request",  # who speaks TLS to it is asked for a certificate, and needs none
}
"""Settings of build and start, in the environment, where each version ignores unknown ones. It would refuse unknown arguments."""
ACCESS_LOG = "keycloak-http-access"
POSTGRES = {"KC_DB": "postgres", "KC_CACHE": "ispn"}
"""Settings of build and start for a server as in production."""


@dataclass(frozen=True)
class Installation:
    """A built server tree."""

    version: str
    feature_set: str
    home: Path


def install(version: str, feature_set: str, say: Say, settings: Mapping[str, str] = SETTINGS) -> Installation:
    """Unpack and build a server tree unless it is there; safe to call from several processes at once.

    settings: those of the build, `POSTGRES` for further ones.
    """
    if feature_set not in FEATURE_SETS:
        raise UserError(f"Keycloak feature set {feature_set!r} is unknown; take one of {', '.join(FEATURE_SETS)}.")
    settings = {**SETTINGS, **settings}
    database = [settings["KC_DB"]] if settings["KC_DB"] != SETTINGS["KC_DB"] else []
    name = "-".join([version, feature_set, *database, settings["KC_HTTPS_CLIENT_AUTH"]])
    installation = Installation(version, feature_set, KEYCLOAK / name)
    if installation.home.is_dir():
        return installation
    with only_one(f"keycloak-{name}"):
        if installation.home.is_dir():
            return installation
        java.java()
        archive = keycloak_release.archive(version, say)
        say("unpacking")
        scratch = KEYCLOAK / f"{name}.{os.getpid()}.new"
        shutil.rmtree(scratch, ignore_errors=True)
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(scratch)
        (tree,) = scratch.iterdir()
        say(f"building with the {feature_set} features")
        processes.run(
            [*command(tree, tree), "build", *feature_options(version, feature_set)],
            what=f"Keycloak {version} build",
            env={**clean_environment(), **settings},
        )
        tree.rename(installation.home)
        scratch.rmdir()
    return installation


def feature_options(version: str, feature_set: str) -> list[str]:
    """The build options that make a feature set in a version."""
    features = FEATURE_SETS[feature_set]
    options = [f"--features={','.join(features)}"] if features else []
    known = has_standard_exchange(version)
    off = [each for each in SWITCHED_OFF.get(feature_set, ()) if known or each != STANDARD_EXCHANGE]
    return [*options, *([f"--features-disabled={','.join(off)}"] if off else [])]


def number(version: str) -> tuple[int, ...]:
    """A version's first three numbers, to compare by."""
    return tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())


def has_standard_exchange(version: str) -> bool:
    """Whether a version knows the standard exchange."""
    return number(version) >= FIRST_WITH_STANDARD_EXCHANGE


def command(tree: Path, home: Path) -> list[str]:
    """The command for the server without its shell script, so that the pid is the server's."""
    return [
        java.java(),
        *JVM_OPTIONS,
        f"-Dkc.home.dir={home}",
        "-cp",
        str(tree / "lib" / "quarkus-run.jar"),
        "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
    ]


def access_log_options(file: Path) -> list[str]:
    """JVM options that make the server log each request: Quarkus's, since old versions of Keycloak have no settings for it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    settings = {
        "enabled": "true",
        "pattern": "combined",
        "log-to-file": "true",
        "log-directory": str(file.parent),
        "base-file-name": file.stem,
        "log-suffix": file.suffix,
        "rotate": "false",
    }
    return [f"-Dquarkus.http.access-log.{name}={value}" for name, value in settings.items()]


def clean_environment() -> dict[str, str]:
    """The environment without Keycloak's own settings: a KC_… variable of the user must not change our servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("KC_", "KEYCLOAK_", "QUARKUS_"))}


def port_is_free(port: int) -> bool:
    """Whether a server can listen on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def prepare_home(tree: Path, home: Path, realm_file: Path | None) -> None:
    """Make a server process's home folder: links into the tree, its own data, the realm to import."""
    home.mkdir(parents=True, exist_ok=True)
    for entry in tree.iterdir():
        if entry.name in ("bin", "data"):
            continue
        link = home / entry.name
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(entry)
    realms = home / "data" / "import"
    shutil.rmtree(realms, ignore_errors=True)
    realms.mkdir(parents=True)
    home.chmod(0o700)
    if realm_file is not None:
        shutil.copyfile(realm_file, realms / realm_file.name)


class Server:
    """One running server process."""

    def __init__(self, home: Path, port: int, admin_user: str, admin_password: str) -> None:
        self.home = home
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.admin_user = admin_user
        self.admin_password = admin_password
        self.log = home / "server.log"
        self.access_log = home / "data" / "log" / f"{ACCESS_LOG}.log"
        self.pid = 0
        self._child: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls,
        installation: Installation,
        *,
        port: int,
        data: Path,
        admin_user: str = "admin",
        admin_password: str,
        realm_file: Path | None = None,
        env: dict[str, str] | None = None,
        wait: float = 120.0,
    ) -> "Server":
        """Start a server on `port` and return when it answers.

        data: folder of this process alone; kept for the next start. The admin account and the realm are made
        only when the data is new. env: variables that `${NAME}` in the realm file stands for, and settings. wait: seconds.
        """
        if not port_is_free(port):
            raise UserError(f"port {port} on {HOST} is taken; free it or choose another one with KEYCLOAK_PORT=….")
        server = cls(data.absolute(), port, admin_user, admin_password)
        prepare_home(installation.home, server.home, realm_file)
        arguments = ["start", "--optimized", "--http-enabled=true", f"--http-host={HOST}", f"--http-port={port}"]
        arguments += ["--hostname-strict=false", "--import-realm"]
        bootstrap = {
            "KC_BOOTSTRAP_ADMIN_USERNAME": admin_user,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": admin_password,
            "KEYCLOAK_ADMIN": admin_user,
            "KEYCLOAK_ADMIN_PASSWORD": admin_password,
        }
        # The second pair of names is what versions before 26 read.
        program, *rest = command(installation.home, server.home)
        with server.log.open("wb") as log:
            server._child = subprocess.Popen(
                [program, *access_log_options(server.access_log), *rest, *arguments],
                env={**clean_environment(), **SETTINGS, **bootstrap, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=server.home,
            )
        server.pid = server._child.pid
        try:
            server._wait_until_ready(wait)
        except BaseException:
            server.stop()
            raise
        return server

    def _wait_until_ready(self, wait: float) -> None:
        assert self._child is not None
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if self._child.poll() is not None:
                raise UserError(
                    f"Keycloak on port {self.port} ended with exit code {self._child.returncode} before it was ready "
                    f"({last_error(self.log)}); read {self.log}."
                )
            if answers(self.url):
                return
            time.sleep(POLL_SECONDS)
        raise UserError(f"Keycloak on port {self.port} did not answer within {wait:.0f} seconds; read {self.log}.")

    def stop(self) -> None:
        """End the process and wait until it ended."""
        processes.stop(self.pid, mark(self.home), self._child)


def mark(home: Path) -> str:
    """The argument that identifies a server process of this home folder."""
    return f"-Dkc.home.dir={home.absolute()}"


def last_error(log: Path) -> str:
    """The first error in a server's log, or its last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    told = [line.split(")", 1)[-1].strip() if " ERROR " in line else line for line in lines if "ERROR" in line]
    return (told or lines or ["its log is empty"])[0 if told else -1][:300]
