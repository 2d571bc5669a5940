"""Limits answers: their size, also unpacked, and the time from the first byte to the last."""

import http.client
import io
import socket
import time
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from kcadmin.rest.retries import HalfBody, came_late

ANSWER_SECONDS = 120
ANSWER_MEGABYTES = 64
PIECE = 1 << 16
INFORMATIONAL = range(100, 200)
"""https://www.rfc-editor.org/rfc/rfc9110#section-15.2; Python skips 100 alone."""


class OverLimit(Exception):
    """An answer over the limit. It is not a network error, so that nothing requests it again."""


class TooSlow(OverLimit):
    """An answer that takes longer than ``ANSWER_SECONDS``."""


class _Bounded(io.RawIOBase):
    """Limits one answer from a socket, with its headers, to ``ANSWER_MEGABYTES`` and ``ANSWER_SECONDS``.

    A timeout per read does not suffice, since a server may send a byte now and then.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._end = time.monotonic() + ANSWER_SECONDS
        self._left = (ANSWER_MEGABYTES << 20) + PIECE  # the body may have that size; headers come on top

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        patience = self._sock.gettimeout()
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise _too_slow()
        try:
            if patience is None or seconds < patience:
                self._sock.settimeout(seconds)
            read = self._raw.readinto(buffer)
        except TimeoutError:
            if time.monotonic() >= self._end:
                raise _too_slow() from None
            raise
        finally:
            if patience is None or seconds < patience:
                self._sock.settimeout(patience)
        self._left -= read or 0
        if self._left < 0:
            raise _too_long()
        return int(read) if read is not None else None

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock))

    def _read_status(self) -> tuple[str, int, str]:
        """Skips informational answers before the real one. Else the real one would count as the answer to the next request."""
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, http.client.CONTINUE if status in INFORMATIONAL else status, reason


class _Plain(HTTPConnection):
    response_class = _BoundedResponse


class _Secure(HTTPSConnection):
    response_class = _BoundedResponse


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS = {"http": _PlainPool, "https": _SecurePool}


class BoundedAdapter(HTTPAdapter):
    """The adapter of ``requests`` with connections whose answers are limited."""

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **settings: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **settings)
        if type(manager) is urllib3.ProxyManager:  # one for SOCKS has its own pools
            manager.pool_classes_by_scheme = _POOLS
        return manager


def whole(answer: requests.Response) -> bytes:
    """The body of an answer.

    :raises Endless: it is too long, also when it is unpacked. :raises HalfBody: only a part of it came.
    """
    if "," in answer.headers.get("Content-Encoding", ""):
        raise OverLimit("is packed several times")
    parts, left = [], ANSWER_MEGABYTES << 20
    try:
        for part in answer.iter_content(PIECE):
            left -= len(part)
            if left < 0:
                raise _too_long()
            parts.append(part)
    except requests.exceptions.RequestException as problem:
        if came_late(problem):
            raise
        raise HalfBody(str(problem)) from None
    return b"".join(parts)


def _too_long() -> OverLimit:
    return OverLimit(f"is longer than {ANSWER_MEGABYTES} MB")


def _too_slow() -> TooSlow:
    return TooSlow(f"did not end within {ANSWER_SECONDS} seconds")
