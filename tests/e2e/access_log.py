"""What a server was asked, from its access log."""

import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from local.keycloak import Server

LINE = re.compile(r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d{3})')
TOKEN = "/protocol/openid-connect/token"
LOOKS = ("GET", "HEAD", "OPTIONS")
WAIT_SECONDS = 10


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
    """A server's access log. A mark is a request of our own: all lines before it are older."""

    def __init__(self, server: Server) -> None:
        self._url = server.url
        self._file: Path = server.access_log

    def mark(self) -> str:
        """Asks for a realm of a name never used before, and waits until the log shows it."""
        name = f"mark-{token_hex(8)}"
        try:
            urllib.request.urlopen(f"{self._url}/realms/{name}")  # noqa: S310
        except urllib.error.HTTPError as answer:
            assert answer.code == 404
        end = time.monotonic() + WAIT_SECONDS
        while f"/realms/{name} " not in self.text():
            assert time.monotonic() < end, f"{self._file} does not show {name}"
            time.sleep(0.02)
        return name

    def between(self, first: str, last: str) -> list[Request]:
        """The requests after one mark and before another."""
        return parse(self.text().split(f"/realms/{first} ", 1)[1].split(f"/realms/{last} ", 1)[0])

    def text(self) -> str:
        return self._file.read_text(errors="replace")


def parse(text: str) -> list[Request]:
    """The requests that an access log shows."""
    found = [Request(line["method"], line["path"], int(line["status"])) for line in LINE.finditer(text)]
    return [request for request in found if not request.path.startswith("/realms/mark-")]
