"""A PostgreSQL of our own, for servers as in production: on 127.0.0.1, with data of its own, started and stopped by pid.

PostgreSQL refuses to run as root, who becomes the account `nobody` for it. So that this account reaches them
wherever the project lies, programs and data are in a folder of their own below the system's one for such.
"""

import io
import os
import platform
import pwd
import secrets
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, TypedDict

from local import checksums, maven, processes
from local.layout import DOWNLOADS, Say, UserError, only_one

HOST = "127.0.0.1"
VERSION = "17.8.0"
ARTIFACT = "io.zonky.test.postgres:embedded-postgres-binaries"
DEBIAN = Path("/usr/lib/postgresql")
SYSTEMS = {"Linux": "linux", "Darwin": "darwin"}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}
USER = DATABASE = "postgres"
WITHOUT_ROOT = "nobody"
START_SECONDS, POLL_SECONDS = 60.0, 0.1
SETTINGS = {"listen_addresses": HOST, "unix_socket_directories": "", "max_connections": "100"}


class Account(TypedDict, total=False):
    """The account that a program runs as; empty for our own."""

    user: int
    group: int
    extra_groups: list[int]


class Postgres:
    """One running PostgreSQL. ``password``: of its user ``postgres``, known to nobody else."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.password = secrets.token_hex(16)
        self.log = home / "postgres.log"
        self.pid = 0
        self._child: subprocess.Popen[bytes] | None = None

    login: ClassVar[Mapping[str, str]] = {}  # it is in the address

    @property
    def pulumi_backend(self) -> str:
        """The address by which a Pulumi keeps its states in this database."""
        return f"postgres://{USER}:{self.password}@{HOST}:{self.port}/{DATABASE}?sslmode=disable"

    @property
    def keycloak_settings(self) -> dict[str, str]:
        """The variables by which a Keycloak uses this database."""
        return {
            "KC_DB_URL": f"jdbc:postgresql://{HOST}:{self.port}/{DATABASE}",
            "KC_DB_USERNAME": USER,
            "KC_DB_PASSWORD": self.password,
            "KC_DB_POOL_MAX_SIZE": "30",
        }

    @classmethod
    def start(cls, port: int, say: Say) -> "Postgres":
        """Start an empty database server on `port` and return when it can be connected to."""
        database = cls(Path(tempfile.mkdtemp(prefix="postgres-")), port)
        account = _account()
        try:
            if account:
                os.chown(database.home, account["user"], account["group"])
            programs = _programs(database.home, say)
            data = database._make_data(programs, account)
            options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
            with database.log.open("wb") as log:
                database._child = subprocess.Popen(
                    [programs / "postgres", "-D", data, "-p", str(port), *options],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    cwd=database.home,
                    **account,
                )
            database.pid = database._child.pid
            database._wait_until_ready()
        except BaseException:
            database.stop()
            raise
        return database

    def stop(self) -> None:
        """End the process, wait until it ended, and delete its data."""
        if self._child is not None:
            processes.stop(self.pid, str(self.home), self._child)
        shutil.rmtree(self.home, ignore_errors=True)

    def _make_data(self, programs: Path, account: Account) -> Path:
        data, password = self.home / "data", self.home / "password"
        password.touch(0o600)
        password.write_text(self.password)
        if account:
            os.chown(password, account["user"], account["group"])
        made = subprocess.run(
            [
                *(programs / "initdb", "-D", data, "--username", USER, "--pwfile", password),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.home,
            **account,
        )
        password.unlink()
        if made.returncode:
            said = (made.stdout.strip().splitlines() or ["it printed nothing"])[-1]
            raise UserError(
                f"PostgreSQL could not make its data in {data} ({said[:300]}); put that right, run it again."
            )
        return data

    def _wait_until_ready(self) -> None:
        assert self._child is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._child.poll() is None:
            if "ready to accept connections" in self.log.read_text(errors="replace"):
                return
            time.sleep(POLL_SECONDS)
        lines = self.log.read_text(errors="replace").strip().splitlines() or ["its log is empty"]
        raise UserError(
            f"PostgreSQL on port {self.port} is not ready ({lines[-1][:300]}); put that right, run it again."
        )


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _account() -> Account:
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam(WITHOUT_ROOT)
    except KeyError:
        raise UserError(
            f"PostgreSQL refuses to run as root and there is no account '{WITHOUT_ROOT}'; run as another account."
        ) from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(home: Path, say: Say) -> Path:
    """The folder with `postgres` and `initdb`: of one version through Maven, else those of this machine."""
    if shutil.which("mvn"):
        return _unpacked(_archive(say), home)
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for folder in [*folders, *sorted(DEBIAN.glob("*/bin"), reverse=True)]:
        if all((folder / name).exists() for name in ("postgres", "initdb")):
            return folder
    raise UserError(
        "PostgreSQL is not here and without Maven it cannot be downloaded; install one of them (Debian: apt-get install "
        "maven, or postgresql)."
    )


def _archive(say: Say) -> Path:
    system, machine = SYSTEMS.get(platform.system()), MACHINES.get(platform.machine())
    if not system or not machine:
        raise UserError(
            f"PostgreSQL has no build for {platform.system()} on {platform.machine()}; use another machine."
        )
    target = DOWNLOADS / f"postgres-{VERSION}-{system}-{machine}.jar"
    with only_one("postgres-archive"):
        if not target.exists():
            say("downloading PostgreSQL through Maven")
            DOWNLOADS.mkdir(parents=True, exist_ok=True)
            maven.fetch(f"{ARTIFACT}-{system}-{machine}", VERSION, "jar", target, what=f"PostgreSQL {VERSION}")
        known = checksums.POSTGRES.get(f"{VERSION}-{system}-{machine}")
        checksums.require(target, known, what=f"PostgreSQL {VERSION}", variable="POSTGRES_SHA256")
    return target


def _unpacked(archive: Path, home: Path) -> Path:
    with zipfile.ZipFile(archive) as jar:
        (inner,) = [name for name in jar.namelist() if name.endswith(".txz")]
        packed = io.BytesIO(jar.read(inner))
    with tarfile.open(fileobj=packed, mode="r:xz") as tree:
        tree.extraction_filter = getattr(tarfile, "data_filter", lambda member, _folder: member)  # not in older 3.10
        tree.extractall(home / "postgres")  # noqa: S202 (its checksum was looked at)
    return home / "postgres" / "bin"
