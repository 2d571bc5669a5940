"""A server on a socket that answers whatever a test wants, byte by byte, and keeps what it was asked."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Write = Callable[[bytes], None]


@dataclass
class Asked:
    """A request as it came. line: method, path and version."""

    line: str
    head: str
    body: str


@dataclass
class Hostile:
    """A server. answer: writes the answer to a request, and may never stop. sent: bytes of all answers."""

    answer: Callable[[Asked, Write], None]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as file:
            while not self.over.is_set():
                line = file.readline().decode()
                if not line:
                    return
                head = "".join(iter(lambda: file.readline().decode().replace("\r\n", "\n"), "\n"))
                length = next(
                    (int(each[15:]) for each in head.lower().splitlines() if each[:15] == "content-length:"), 0
                )
                asked = Asked(line.strip(), head, file.read(length).decode())
                self.asked.append(asked)

                def write(data: bytes) -> None:
                    if self.over.is_set():
                        raise OSError
                    connection.sendall(data)
                    self.sent += len(data)

                self.answer(asked, write)


@contextmanager
def hostile(answer: Callable[[Asked, Write], None]) -> Iterator[Hostile]:
    """A hostile server on a free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Hostile(answer, f"http://127.0.0.1:{listening.getsockname()[1]}")

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            listening.shutdown(socket.SHUT_RDWR)


def reply(status: int = 200, body: object = None, **headers: str) -> bytes:
    """A whole answer with JSON, or with the bytes that are given."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content
