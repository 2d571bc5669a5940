"""What a server was asked, from its access log."""

import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from local.keycloak import Server

LINE = re.compile(
    r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d{3}) .*"(?P<agent>[^"]*)"$', re.MULTILINE
)
TOKEN = "/protocol/openid-connect/token"
LOOKS = ("GET", "HEAD", "OPTIONS")
WAIT_SECONDS = 120


@dataclass(frozen=True)
class Request:
    """One request; ``path`` with its query."""

    method: str
    path: str
    status: int

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"

    @property
    def is_login(self) -> bool:
        return self.method == "POST" and self.path.endswith(TOKEN)

    @property
    def is_write(self) -> bool:
        return self.method not in LOOKS and not self.is_login


class AccessLog:
    """A server's access log. A mark is a request of our own: all lines before it are older.

    :param agent: what the ``User-Agent`` of the requests ends with; others may use the server meanwhile.
    """

    def __init__(self, server: Server, agent: str = "") -> None:
        self._url = server.url
        self._file: Path = server.access_log
        self._agent = agent

    def mark(self) -> int:
        """Asks for a realm of a name never used before, and waits until the log shows it; where in the log that is."""
        name = f"mark-{token_hex(8)}"
        start = self._file.stat().st_size
        try:
            urllib.request.urlopen(f"{self._url}/realms/{name}")  # noqa: S310
        except urllib.error.HTTPError as answer:
            assert answer.code == 404
        end = time.monotonic() + WAIT_SECONDS
        while (found := self._text(start).find(f"/realms/{name} ")) < 0:
            assert time.monotonic() < end, f"{self._file} does not show {name}"
            time.sleep(0.02)
        return start + found

    def between(self, first: int, last: int) -> list[Request]:
        """The requests after one mark and before another."""
        return parse(self._text(first, last), self._agent)

    def _text(self, start: int, end: int | None = None) -> str:
        """A part of the log, which is ASCII."""
        with self._file.open("rb") as log:
            log.seek(start)
            return log.read(-1 if end is None else end - start).decode("ascii", "replace")


def parse(text: str, agent: str = "") -> list[Request]:
    """The requests that an access log shows."""
    lines = [line for line in LINE.finditer(text) if line["agent"].endswith(agent)]
    found = [Request(line["method"], line["path"], int(line["status"])) for line in lines]
    return [request for request in found if not request.path.startswith("/realms/mark-")]
