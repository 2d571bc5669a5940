"""Downloads over HTTPS, and checksums of files."""

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from local.layout import LOOPBACK

CONNECT_SECONDS = 10.0
CHUNK = 1 << 20


class UnreachableError(Exception):
    """The address could not be fetched; the message names the address and the cause."""


class WrongChecksumError(Exception):
    """A file has another checksum than the one that is expected."""


def digest(path: Path, algorithm: str) -> str:
    """The hexadecimal checksum of a file."""
    found = hashlib.new(algorithm)
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def verify(path: Path, expected: str, algorithm: str) -> None:
    """Raise WrongChecksumError unless the file has this checksum; a wrong file is deleted."""
    found = digest(path, algorithm)
    if found != expected.strip().lower():
        path.unlink()
        raise WrongChecksumError(f"{path.name} has {algorithm} {found} where {expected.strip().lower()} is expected")


def fetch(url: str, target: Path) -> None:
    """Download to `target`, which exists only when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer, partial.open("wb") as handle:
            while chunk := answer.read(CHUNK):
                handle.write(chunk)
        partial.replace(target)
    except (urllib.error.URLError, OSError) as error:
        raise UnreachableError(f"{url} ({cause(error)}{through(url)})") from None
    finally:
        partial.unlink(missing_ok=True)


def cause(error: Exception) -> str:
    """The cause of an error, without Python's wrapping."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason)


def through(url: str) -> str:
    """The proxy for an address, as messages add it; '' for none."""
    found = proxy(url)
    return f", through the proxy {found}" if found else ""


def proxy(url: str) -> str:
    """The address of the proxy that the environment sets for an address, without its login; '' for none."""
    parts = urlsplit(url)
    found = urllib.request.getproxies().get(parts.scheme, "")
    if not found or parts.hostname in LOOPBACK or urllib.request.proxy_bypass(parts.hostname or ""):
        return ""
    given = urlsplit(found if "://" in found else f"http://{found}")
    return urlunsplit((given.scheme, given.netloc.rsplit("@", 1)[-1], given.path, "", ""))
