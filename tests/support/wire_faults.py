"""What networks, gateways and strange servers answer, each for one request that goes through ``tests.support.proxy``."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.proxy import Request, answer_lost, cut_off, reset_before, says

Fault = Callable[[Request], None]
HTML, JSON = "text/html", "application/json"


def raw(*pieces: bytes) -> Fault:
    """Bytes that may be no HTTP, and the end of the connection; nothing was done."""

    def fault(request: Request) -> None:
        request.body()
        with contextlib.suppress(OSError):
            for piece in pieces:
                request.wfile.write(piece)
                request.wfile.flush()
        request.close_connection = True

    return fault


def early(request: Request) -> None:
    """An informational answer before the real one (RFC 8297)."""
    request.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    request.answer(*request.forward())


def halved(request: Request) -> None:
    """The request was done, and half of its JSON comes with a length that fits."""
    status, headers, body = request.forward()
    request.answer(status, headers, body[: len(body) // 2])


@dataclass
class Silence:
    """Takes requests and never answers, until it is over."""

    over: threading.Event

    def __call__(self, request: Request) -> None:
        self.over.wait()
        request.hang_up()


PASSING: dict[str, Fault] = {
    "429": says(429, b"slow down", Content_Type="text/plain", Retry_After="3"),
    "429 without words": says(429, b"", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "502": says(502, b"<html>Bad Gateway</html>", Content_Type=HTML),
    "503": says(503, b"upstream connect error", Content_Type="text/plain", Retry_After="2"),
    "503 that wants ages": says(503, b"<html>maintenance</html>", Content_Type=HTML, Retry_After="86400"),
    "504": says(504, b"", Retry_After="soon"),
    "connection reset": reset_before,
    "answer lost": answer_lost,
    "half a body": cut_off,
    "half a JSON": halved,
    "no answer at all": raw(),
    "early hints": early,
}
"""What passes: a command that reads does not notice it."""

FOREIGN: dict[str, Fault] = {
    "a page that denies": says(403, b"<h1>Forbidden</h1>", Content_Type=HTML),
    "a page that finds nothing": says(404, b"<h1>Not Found</h1>", Content_Type=HTML),
    "a gateway without a route": says(404, b'{"message":"no Route matched with those values"}'),
    "a gateway that denies": says(403, b'{"message":"You cannot consume this service"}'),
    "another server of the kind": says(404, b'{"error":"HTTP 404 Not Found"}'),
    "an empty 404": says(404, b"", Content_Type=""),
    "a login page": says(302, b"", Location="https://console.example.com/login?next=%2Fadmin"),
    "a page": says(200, b"<html>Welcome</html>", Content_Type=HTML),
    "a page that says JSON": says(200, b"<html>Welcome</html>"),
    "nothing": says(200, b""),
    "no content, with some": raw(b'HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n{"a": []}'),
    "random bytes": raw(bytes(range(255, 0, -1)) * 3),
    "random JSON": says(200, bytes(range(255, 0, -1))),
    "status 999": says(999, b'{"error":"x"}'),
    "status 600": says(600, b""),
    "status 418": says(418, b"\x1b[2J\x1b]0;teapot\x07", Content_Type="text/\x1b[31mplain"),
    "no status": raw(b"HTTP/1.1 OK\r\n\r\n"),
    "an informational end": raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
    "gzip that is none": says(200, b"[]", Content_Encoding="gzip"),
    "another charset": says(200, '["ü"]'.encode("latin-1"), Content_Type="application/json; charset=utf-7"),
    "too long a length": raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n[]"),
    "no length": raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: many\r\n\r\n[{]"),
    "a folded header": raw(b"HTTP/1.1 404 X\r\nContent-Type: text/plain;\r\n error: x\r\nContent-Length: 0\r\n\r\n"),
    "wrong chunks": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n"),
}
"""What Keycloak never answers."""
