"""The file of a robot's private key: for its owner alone, and for one robot in one realm of one server.

A line after the PEM says which, as RFC 7468 allows. https://www.rfc-editor.org/rfc/rfc7468#section-2
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from kcadmin.rest.errors import Refusal
from kcadmin.rest.texts import named

KEY_BITS = 2048
OTHERS = 0o077
LABEL = "Private key of "
INSTEAD = "name another file with --key, or give --new-key"


@dataclass(frozen=True)
class Owner:
    """Whose key it is: a robot in a realm at a server's address."""

    client_id: str
    realm: str
    url: str

    @property
    def default_file(self) -> Path:
        """A file in the current folder that no other robot has."""
        place = urlsplit(self.url)
        words = (self.client_id, self.realm, f"{place.netloc}{place.path}")
        return Path("-".join(re.sub(r"[^A-Za-z0-9._]+", "-", word) for word in words) + ".pem")

    @property
    def former_default_file(self) -> Path:
        """The file that earlier versions of bootstrap used, for every realm."""
        return Path(f"{self.client_id}.pem")

    @property
    def line(self) -> str:
        """The last line of its file."""
        return f"{LABEL}client {self.client_id!r} in realm {self.realm!r} at {self.url}"


def read_key(file: Path, owner: Owner) -> str:
    """The text of a key file. :raises Refusal: others can read it, it holds no RSA key, or its last line says another robot."""
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            content = opened.read()
    except OSError as problem:
        raise Refusal(f"key file {named(file)}: cannot be read ({problem.strerror}); {INSTEAD}.") from None
    text = _as_key(content)
    if text is None:
        raise Refusal(f"key file {named(file)}: holds no unencrypted RSA key; name another with --key.")
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid():  # only root can read it then, and who owns it has read it, or made it
        raise Refusal(f"key file {named(file)}: belongs to another user (number {status.st_uid}); {INSTEAD}.")
    if mode & OTHERS:
        remedy = f"give --new-key, or run `chmod 600 {file}` where nobody else had access to it"
        raise Refusal(f"key file {named(file)}: others can read or write it (mode {mode:04o}); {remedy}.")
    label = next((line for line in text.splitlines() if line.startswith(LABEL)), owner.line)
    if label != owner.line:
        raise Refusal(f"key file {named(file)}: is the {label[0].lower()}{label[1:]}; {INSTEAD}.")
    return text


@contextmanager
def new_key_file(file: Path, owner: Owner) -> Iterator[str]:
    """The text of a new key, which is in a file beside the given one already, and takes its place when the block ends well.

    :raises Refusal: it cannot be written, or would take the place of something that is no key.
    """
    made = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    text = f"{pem}{owner.line}\n"
    try:
        if file.exists() and (not file.is_file() or _as_key(file.read_bytes()) is None):
            wrong = "holds no unencrypted RSA key, and what it holds would be lost"
            raise Refusal(f"key file {named(file)}: {wrong}; name another with --key.")
        handle, name = mkstemp(dir=file.parent, prefix=f"{file.name}.", suffix=".pem")  # for its owner alone
    except OSError as problem:
        raise Refusal(
            f"key file {named(file)}: cannot be written ({problem.strerror}); name another with --key."
        ) from None
    scratch = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
        yield text
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise
    try:
        scratch.replace(file)
    except OSError as problem:
        remedy = f"the key is in {named(scratch)}; move it to where only you can read it"
        raise Refusal(f"key file {named(file)}: cannot be written ({problem.strerror}); {remedy}.") from None


def _as_key(content: bytes) -> str | None:
    try:
        found = load_pem_private_key(content, password=None)
        return content.decode() if isinstance(found, rsa.RSAPrivateKey) else None
    except (ValueError, TypeError):
        return None
