"""A proxy before Keycloak that does to one request what networks and servers do, and speaks TLS where a test wants it."""

import datetime
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SLOW_SECONDS = 3.0
Given = tuple[int, dict[str, str], bytes]
"""An answer: status, headers, body."""
TOKEN = "/protocol/openid-connect/token"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass
class LastWrite:
    """The write of a number (from 0) hangs, ``done`` or not, until its sender is killed; later ones are never done.

    Writes go one at a time, so what is done and what not is exact. ``pause_seconds``: how long the sender has to note the answers
    to earlier writes before that.
    """

    number: int
    done: bool
    pause_seconds: float = 0.0
    writes: list[str] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    killed: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: "Request") -> None:
        """Answers a write, or does not."""
        with self._turn:
            if not self.reached.is_set():
                self.writes.append(f"{request.command} {request.path}")
                if len(self.writes) <= self.number:
                    request.answer(*request.forward())
                    return
                time.sleep(self.pause_seconds)
                if self.done:
                    request.forward()
                self.reached.set()
                self.killed.wait()
        request.hang_up()


@dataclass
class Proxy:
    """What went through, and what happens to the request of a number (from 0), or to the writes."""

    url: str
    host: str = ""  # what the server is told instead of the address that was asked, as by proxies before it
    seen: list[str] = field(default_factory=list)
    fault: Callable[["Request"], None] | None = None
    at: int = -1
    last_write: LastWrite | None = None
    first: Callable[[str], bool] | None = None  # or to the first request, such as "GET /realms/r", that is like this
    each: Callable[[str], bool] | None = None  # or to each request that is like this
    noted: dict[str, list[Given]] | None = None  # by request, what the server answered since this is there
    known: dict[str, Given] = field(default_factory=dict)  # answered so, and the server is not asked
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def meets_fault(self, request: str) -> bool:
        """Notes a request. Of several at once each has a number of its own."""
        with self._turn:
            number = len(self.seen)
            self.seen.append(request)
            return self.fault is not None and self.is_due(number, request)

    def is_due(self, number: int, request: str) -> bool:
        """Whether a request meets the fault; one of a kind does so once."""
        if self.first and self.first(request):
            self.first = None
            return True
        return number == self.at or bool(self.each and self.each(request))

    def go_on(self) -> None:
        """The sender of the last write is killed; the next one's writes go through."""
        last, self.last_write = self.last_write, None
        if last:
            last.killed.set()


class Request(BaseHTTPRequestHandler):
    """One request: forwarded, or given to the fault of the day."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two pieces, and the second one would wait for 40 ms
    proxy: Proxy
    upstream: str
    patience_seconds = 30

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def handle_one(self) -> None:
        if self.proxy.meets_fault(f"{self.command} {self.path}") and self.proxy.fault:
            self.proxy.fault(self)
        elif self.proxy.last_write and self.command != "GET" and not self.path.endswith(TOKEN):
            self.proxy.last_write.take(self)
        else:
            self.answer(*self.forward())

    do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 (http.server's names)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def forward(self) -> Given:
        asked = f"{self.command} {self.path}"
        if asked in self.proxy.known:
            self.body()
            return self.proxy.known[asked]
        answer = self.ask()
        if self.proxy.noted is not None:
            self.proxy.noted.setdefault(asked, []).append(answer)
        return answer

    def ask(self) -> Given:
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=self.patience_seconds)
        asked = {**dict(self.headers.items()), **({"Host": self.proxy.host} if self.proxy.host else {})}
        connection.request(self.command, self.path, self.body() or None, asked)
        response = connection.getresponse()
        headers = {key: value for key, value in response.getheaders() if key.lower() not in HOP_BY_HOP}
        answer = (response.status, headers, response.read())
        connection.close()
        return answer

    def answer(self, status: int, headers: dict[str, str], body: bytes, *, cut: int = 0) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - cut] if status != 204 else b"")

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.connection.close()


def reset_before(request: Request) -> None:
    """The connection is reset, and nothing was done."""
    request.body()
    request.hang_up()


def answer_lost(request: Request) -> None:
    """The request was done, and its answer never comes."""
    request.forward()
    request.hang_up()


def cut_off(request: Request) -> None:
    """The request was done, and its answer ends in the middle."""
    status, headers, body = request.forward()
    if status == 204 or len(body) < 2:
        request.hang_up()
        return
    request.answer(status, headers, body, cut=len(body) // 2)
    request.hang_up()


def too_slow(request: Request) -> None:
    """The request was done, and its answer comes after the time-out."""
    answer = request.forward()
    time.sleep(SLOW_SECONDS)
    try:
        request.answer(*answer)
    except OSError:
        request.close_connection = True  # nobody waits any more


def says(status: int, body: bytes = b'{"error":"unknown_error"}', **headers: str) -> Callable[[Request], None]:
    """An answer of our own; nothing was done."""

    def fault(request: Request) -> None:
        request.body()
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        request.answer(status, {"Content-Type": "application/json", **given}, body)

    return fault


FAULTS: dict[str, Callable[[Request], None]] = {
    "reset": reset_before,
    "answer lost": answer_lost,
    "cut off": cut_off,
    "too slow": too_slow,
    "401": says(401),
    "409": says(409, b'{"errorMessage":"Duplicate resource error"}'),
    "429": says(429, Retry_After="1"),
    "500": says(500),
    "502": says(502, b"<html>Bad Gateway</html>", Content_Type="text/html"),
    "503": says(503),
    "html": says(200, b"<html>Welcome</html>", Content_Type="text/html"),
    "truncated": says(200, b'[{"id":"'),
}


@contextmanager
def proxy_before(upstream: str, *, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """Listens on a free port of 127.0.0.1 before a server."""
    proxy = Proxy("")

    class Handler(Request):
        pass

    Handler.proxy, Handler.upstream = proxy, upstream
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a hung-up connection is what was asked for
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    proxy.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def certificate_for(address: str, folder: Path, valid: tuple[float, float] = (-5, 60)) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for an IP address or a host name, and the file that trusts it. valid: minutes from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    try:
        names: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        names = x509.DNSName(address)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(minutes=valid[0]))
        .not_valid_after(now + datetime.timedelta(minutes=valid[1]))
        .add_extension(x509.SubjectAlternativeName([names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / f"{address}.crt", folder / f"{address}.key"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, trusted
