"""Files that commands write for people: whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

FOR_ALL = 0o666


def write_whole(file: Path, text: str) -> None:
    """Replaces a file's text and keeps its permissions; a new file gets those of the umask.

    A link stays a link. What is not an ordinary file, such as ``/dev/stdout``, is written to.
    :raises OSError:
    """
    if file.exists() and not file.is_file():
        file.write_text(text, encoding="utf-8")
        return
    place = file.resolve()
    with NamedTemporaryFile("w", encoding="utf-8", dir=place.parent, prefix=f".{place.name}.", delete=False) as new:
        scratch = Path(new.name)
        try:
            new.write(text)
            new.flush()
            scratch.chmod(place.stat().st_mode & 0o777 if place.exists() else FOR_ALL & ~_umask())
            scratch.replace(place)
        except BaseException:
            with suppress(OSError):
                scratch.unlink()
            raise


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now
