"""A server of S3 (moto) with an empty bucket, on 127.0.0.1, with its packages in an environment of its own."""

import secrets
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import requests

from local import processes, venv
from local.layout import LOCAL, Say, UserError

HOST, BUCKET = "127.0.0.1", "states"
ENVIRONMENT = LOCAL / "s3"
LOCK = Path(__file__).with_name("requirements.lock")
START_SECONDS, POLL_SECONDS = 60.0, 0.1


class S3:
    """One running server, which keeps all in memory. ``password``: of the only account, which it does not check."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.password = secrets.token_hex(16)
        self.home = Path(tempfile.mkdtemp(prefix="s3-"))
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pulumi_backend(self) -> str:
        """The address by which a Pulumi keeps its states in the bucket."""
        return f"s3://{BUCKET}?region=us-east-1&endpoint={self._url}&s3ForcePathStyle=true"

    @property
    def login(self) -> dict[str, str]:
        """The variables of its account."""
        return {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": self.password}

    @classmethod
    def start(cls, port: int, say: Say) -> "S3":
        """Start a server on `port` and return when its bucket is there."""
        program = venv.environment(ENVIRONMENT, LOCK, say).with_name("moto_server")
        server = cls(port)
        try:
            with (server.home / "log").open("wb") as log:
                server._child = subprocess.Popen(
                    [program, "-H", HOST, "-p", str(port)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
            server._make_bucket()
        except BaseException:
            server.stop()
            raise
        return server

    def stop(self) -> None:
        """End the process and wait until it ended; its states are gone."""
        if self._child is not None:
            processes.stop(self._child.pid, "moto_server", self._child)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def _url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def _make_bucket(self) -> None:
        assert self._child is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._child.poll() is None:
            with suppress(requests.ConnectionError):
                requests.put(f"{self._url}/{BUCKET}", timeout=START_SECONDS).raise_for_status()
                return
            time.sleep(POLL_SECONDS)
        raise UserError(f"the S3 on port {self.port} is not ready ({(self.home / 'log').read_text()[-300:]}).")
